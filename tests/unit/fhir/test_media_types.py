"""Media types, as headers and contentType write them: RFC 9110 section 8.3.1."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server.content import PROFILES
from server.fhir import media_type
from server.profiles import definitions
from server.profiles.bindings import code_checks

FACTS = definitions.load(PROFILES / "r4")
IS_MIME_TYPE = code_checks(FACTS)["http://hl7.org/fhir/ValueSet/mimetypes"]


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("application/pdf", "application/pdf"),
        (" Text/HTML ;charset=UTF-8", "Text/HTML; charset=UTF-8"),
        ('text/plain\t; a="b; c=\\"d\\"";', 'text/plain; a="b; c=\\"d\\""'),
        ("image/svg+xml; ;x=1", "image/svg+xml; x=1"),
        ("application/fhir+json;fhirVersion=4.0", "application/fhir+json; fhirVersion=4.0"),
    ],
)
def test_a_media_type_is_written_in_one_way(text, parsed):
    assert media_type.parse(text) == parsed


@pytest.mark.parametrize(
    "text",
    ["", "pdf", "a/", "/b", "a/b/c", "*/*", "a/b c", "a/b; c", 'a/b; c="d', "a/b, c/d", "a/é",
     "a/b\n", 'a/b; c="d\ne"', 'a/b; c="d  e"', f"a/b; c={'d' * 255}"],
)  # fmt: skip
def test_what_is_none_is_not_taken_for_one(text):
    assert media_type.parse(text) is None


@given(st.text() | st.from_regex(r"[a-z]+/[a-z]+(; ?\w+=(\w+|\"[^\"]*\"))*", fullmatch=True))
@example('a/b; c="d\te"')
def test_a_media_type_is_a_code_of_fhir_and_safe_in_a_header(text):
    parsed = media_type.parse(text)
    if parsed is not None:
        assert IS_MIME_TYPE(parsed)
        assert parsed.isascii()
        assert parsed.isprintable()
        assert media_type.parse(parsed) == parsed


@given(st.text(alphabet='a/b;c="\\ \t,', max_size=5000))
def test_any_text_is_looked_at_in_time(text):
    media_type.parse(text)


def test_the_kind_is_what_counts():
    assert media_type.kind("Text/HTML; charset=utf-8") == "text/html"
    assert media_type.is_fhir("application/fhir+xml")
    assert not media_type.is_fhir("application/json")
