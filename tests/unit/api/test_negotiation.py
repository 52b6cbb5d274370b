"""Formats, languages and preferences, as headers name them.

Spec: https://hl7.org/fhir/R4/http.html#mime-type, RFC 9110 section 12.5
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.api import negotiation
from server.fhir.formats import MEDIA_TYPES
from server.fhir.outcome import NotAcceptable, UnsupportedMediaType
from server.interactions.call import Preference

FHIR = "application/fhir+json"
XML = "application/fhir+xml"


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, FHIR),
        ("", FHIR),
        ("*/*", FHIR),
        ("application/*", FHIR),
        ("application/fhir+json", FHIR),
        ("APPLICATION/FHIR+JSON; fhirVersion=4.0", FHIR),
        ("application/json", "application/json"),
        ("text/json", "text/json"),
        ("text/*", "text/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("application/fhir+xml", XML),
        ("application/xml", "application/xml"),
        ("text/xml;charset=utf-8", "text/xml"),
        ("application/fhir+xml, application/fhir+json;q=0.1", XML),
        ("application/fhir+xml;q=0.1, application/fhir+json", FHIR),
        ("application/fhir+xml;q=0.1, application/fhir+json;q=0", XML),
        # Of two that are liked as much, the first; one that is named before one that is not.
        ("application/fhir+xml, application/fhir+json", XML),
        ("application/fhir+json, application/fhir+xml", FHIR),
        ("*/*, application/fhir+xml", XML),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        # The most exact range counts, not the one that likes it best.
        ("application/fhir+json;q=0, */*", "application/json"),
        ("application/fhir+json;q=0.1, application/*;q=0.5", "application/json"),
        ("application/*;q=0, */*", "text/json"),
        ("application/fhir+xml;fhirVersion=3.0, application/fhir+json", FHIR),
        ("application/json;q=0.1, application/fhir+json;q=0.2", FHIR),
        ("application/fhir+json;q=0, application/json", "application/json"),
        ("application/json;q=0.5, */*;q=0.1", "application/json"),
    ],
)
def test_the_format_is_the_best_that_is_accepted(accept, answered):
    assert negotiation.content_type(accept, None) == answered


@pytest.mark.parametrize(
    "accept",
    [
        "text/turtle",
        "image/*",
        "application/fhir+json;q=0",
        "*/*;q=0",
        "*/*;q=x",
        ";;,",
        "application/fhir+xml;fhirVersion=5.0",
    ],
)
def test_nothing_is_sent_that_is_not_accepted(accept):
    with pytest.raises(NotAcceptable):
        negotiation.content_type(accept, None)


@pytest.mark.parametrize(
    ("format", "answered"),
    [
        ("json", FHIR),
        ("JSON", FHIR),
        ("application/fhir+json", FHIR),
        ("application/fhir json", FHIR),
        ("application/json;charset=utf-8", "application/json"),
        ("xml", XML),
        ("application/fhir+xml; fhirVersion=4.0", XML),
        ("application/fhir xml", XML),
        ("application/xml", "application/xml"),
        ("text/xml", "text/xml"),
    ],
)
def test_the_parameter_format_wins_over_the_header(format, answered):
    assert negotiation.content_type("image/png", format) == answered


@pytest.mark.parametrize(
    "format", ["html", "", "ttl", "application/fhir+xml;fhirVersion=3.0", "*/*"]
)
def test_a_format_that_is_not_had_is_refused(format):
    with pytest.raises(NotAcceptable):
        negotiation.content_type("*/*", format)


@pytest.mark.parametrize(
    ("accept", "spoken"),
    [
        (None, "zh"),
        ("", "zh"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("zh-Hant-TW", "zh"),
        ("fr, en;q=0.3, zh;q=0.2", "en"),
        ("fr, zh;q=0.2, en;q=0.3", "en"),
        ("en;q=0", "zh"),
        ("fr", "zh"),
        ("*", "zh"),
        ("en;q=high", "zh"),
    ],
)
def test_the_language_is_the_first_of_ours_that_is_read(accept, spoken):
    assert negotiation.language(accept, "zh") == spoken


@pytest.mark.parametrize(
    "text",
    [
        "application/fhir+json",
        "application/json",
        "text/json",
        "application/fhir+json; charset=UTF-8",
        'application/json;charset="utf-8"',
        "application/fhir+json; fhirVersion=4.0",
    ],
)
def test_json_in_utf_8_is_taken(text):
    negotiation.check_content_type(text)


@pytest.mark.parametrize(
    "text",
    ["application/fhir+xml", "application/xml", "text/xml", 'Application/FHIR+XML;charset="UTF-8"'],
)
def test_xml_in_utf_8_is_taken(text):
    negotiation.check_content_type(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "text/plain",
        "application/xhtml+xml",
        "application/fhir+xml; charset=utf-16",
        "application/fhir+xml; fhirVersion=3.0",
        "application/json; charset=gb18030",
        "json",
    ],
)
def test_another_kind_of_body_is_refused(text):
    with pytest.raises(UnsupportedMediaType):
        negotiation.check_content_type(text)


@pytest.mark.parametrize(
    ("text", "preferred"),
    [
        (None, Preference()),
        ("return=minimal", Preference("minimal")),
        ("return=OperationOutcome", Preference("OperationOutcome")),
        ('return="representation"; handling=lenient', Preference("representation", lenient=True)),
        ("handling=strict, return=minimal", Preference("minimal")),
        ("respond-async, wait=5", Preference(respond_async=True)),
        ("return=minimal, return=representation", Preference("minimal")),
    ],
)
def test_preferences(text, preferred):
    """https://hl7.org/fhir/R4/http.html#ops, RFC 7240: of two that are equal the first counts."""
    assert negotiation.preference(text) == preferred


@pytest.mark.parametrize("text", ["return=all", "handling=loose", "return", "handling=Lenient"])
def test_a_preference_that_is_not_known_is_passed_over(text):
    """RFC 7240 section 2."""
    assert negotiation.preference(text) == Preference()


@given(st.text(max_size=60))
def test_any_header_is_understood_or_refused(text):
    spoken = negotiation.language(text, "zh")
    assert spoken in ("zh", "en")
    try:
        answered = negotiation.content_type(text, None)
    except NotAcceptable:
        answered = FHIR
    assert answered in MEDIA_TYPES
    assert negotiation.likely_content_type(text, "") == answered


@pytest.mark.parametrize(
    ("accept", "query", "likely"),
    [
        (XML, "", XML),
        (FHIR, "name=a&_format=xml", XML),
        (XML, "_format=application%2Ffhir%2Bjson", FHIR),
        (XML, "_format=application/fhir+json", FHIR),
        (XML, "x_format=json", XML),
        (XML, "_format=nonsense", FHIR),
        ("image/png", "", FHIR),
    ],
)
def test_what_cannot_be_read_is_refused_in_the_format_that_seems_to_be_asked_for(
    accept, query, likely
):
    assert negotiation.likely_content_type(accept, query) == likely
