"""https://hl7.org/fhir/R4/search.html#escaping."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.search.token import term
from server.search.values import escaped, shown, split, unescaped

TEXT = st.text(alphabet="ab,$|\\", max_size=12)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a,b", ["a", "b"]),
        (r"a\,b", [r"a\,b"]),
        (r"a\\,b", [r"a\\", "b"]),
        (r"a\\\,b", [r"a\\\,b"]),
        (",", ["", ""]),
        ("", [""]),
        ("a\\", ["a\\"]),
    ],
)
def test_an_escaped_divider_does_not_divide(text, parts):
    assert split(text, ",") == parts


def as_written(text):
    for character in "\\,$|":
        text = text.replace(character, "\\" + character)
    return text


@given(st.lists(TEXT, min_size=1, max_size=4), st.sampled_from(",$|"))
def test_what_is_escaped_and_joined_splits_into_the_same(parts, divider):
    joined = divider.join(as_written(part) for part in parts)
    assert [unescaped(part) for part in split(joined, divider)] == parts


@given(TEXT, st.sampled_from(",$|"))
def test_splitting_loses_nothing(text, divider):
    assert divider.join(split(text, divider)) == text


@given(TEXT, TEXT, TEXT, TEXT)
def test_terms_of_different_codes_differ(system, code, other_system, other_code):
    same = (system, code) == (other_system, other_code)
    assert (term(system, code) == term(other_system, other_code)) == same
    assert escaped(code) != term(other_system, other_code)


def test_messages_quote_forty_characters_at_most():
    assert shown("a" * 40) == "a" * 40
    assert shown("a" * 41) == "a" * 39 + "…"
