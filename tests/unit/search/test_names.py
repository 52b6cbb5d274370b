"""The names of search parameters in a URL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.search.names import DEEPEST, Chained, Plain, Reverse, TooDeep, parse

CODES = st.from_regex(r"[a-z_][a-z0-9-]{0,8}", fullmatch=True)
WORDS = st.from_regex(r"[A-Za-z][A-Za-z-]{0,8}", fullmatch=True)
PLAIN = st.builds(Plain, CODES.filter("_has".__ne__), st.none() | WORDS)


def steps(rest):
    chained = st.builds(Chained, CODES.filter("_has".__ne__), st.none() | WORDS, rest)
    return chained | st.builds(Reverse, WORDS, CODES, rest)


def written(name):
    match name:
        case Plain(code, modifier):
            return code if modifier is None else f"{code}:{modifier}"
        case Chained(code, type, rest):
            return f"{written(Plain(code, type))}.{written(rest)}"
        case Reverse(type, code, rest):
            return f"_has:{type}:{code}:{written(rest)}"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("name", Plain("name")),
        ("name:exact", Plain("name", "exact")),
        ("subject:Patient.name", Chained("subject", "Patient", Plain("name"))),
        ("subject.name:exact", Chained("subject", None, Plain("name", "exact"))),
        ("_has:Observation:patient:code", Reverse("Observation", "patient", Plain("code"))),
        (
            "_has:Observation:patient:code:in",
            Reverse("Observation", "patient", Plain("code", "in")),
        ),
        (
            "patient._has:Group:member:_id",
            Chained("patient", None, Reverse("Group", "member", Plain("_id"))),
        ),
        (
            "_has:A:b:_has:C:d:e.f",
            Reverse("A", "b", Reverse("C", "d", Chained("e", None, Plain("f")))),
        ),
    ],
)
def test_a_name_is_understood(text, name):
    assert parse(text) == name


@given(st.recursive(PLAIN, steps, max_leaves=6))
def test_what_is_written_is_read(name):
    assert parse(written(name)) == name


@pytest.mark.parametrize(
    "text",
    ["", ".", "a.", ".a", "a:", ":a", "a:b:c", "a b", "_has:", "_has:A", "_has:A:b",
     "_has:A:b:", "_has::b:c", "a..b", "a:1", "$where", "a$b", "名字", "a\x00"],
)  # fmt: skip
def test_what_is_no_name_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        parse(text)


@pytest.mark.parametrize("step", ["subject.", "_has:Observation:patient:"])
def test_a_chain_ends_somewhere(step):
    assert parse(step * DEEPEST + "name")
    with pytest.raises(TooDeep):
        parse(step * (DEEPEST + 1) + "name")


@given(st.text())
def test_any_text_is_a_name_or_refused(text):
    try:
        name = parse(text)
    except ValueError:
        return
    assert written(name) == text
