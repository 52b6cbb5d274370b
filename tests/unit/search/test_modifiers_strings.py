"""``:exact`` and ``:contains``: https://hl7.org/fhir/R4/search.html#string."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest
from server.search.string import LENGTH, MORE
from server.terminology.folding import folded
from tests.unit.search.asking import Kept, compared


def person(*given, **name):
    return {"resourceType": "Patient", "name": [{"given": list(given), **name}]}


PEOPLE = [
    person("Eva", family="Müller"),
    person("eva", family="Muller"),
    person("三丰", family="张"),
    person(text="張三丰"),
    person("a.b", "x_y"),
]


@pytest.mark.parametrize(
    ("code", "text", "positions"),
    [
        ("given", "Eva", [0]),
        ("given", "eva", [1]),
        ("given", "Ev", []),
        ("family", "Müller", [0]),
        ("family", "Muller", [1]),
        ("name", "张三丰", [2]),
        ("name", "張三丰", [3]),
        ("name", "三丰", [2]),
        ("given", "a.b", [4]),
        ("given", "a?b", []),
        ("phonetic", "zhangsanfeng", [2, 3]),
        ("phonetic", "zsf", [2, 3]),
        ("phonetic", "zhang", []),
    ],
)
def test_exact_tells_case_accents_and_characters_apart(database, index, code, text, positions):
    assert Kept(database, index, PEOPLE).found(code, text, "exact") == positions


@pytest.mark.parametrize(
    ("code", "text", "positions"),
    [
        ("given", "v", [0, 1]),
        ("family", "ULLE", [0, 1]),
        ("name", "三", [2, 3]),
        ("name", "三豐", [2, 3]),
        ("name", "丰", [2, 3]),
        ("name", "张丰", []),
        ("given", ".", [4]),
        ("given", ".*", []),
        ("given", "a.b", [4]),
        ("given", "^a", []),
        ("given", "b$", []),
        ("given", "x_y", [4]),
        ("given", "x y", []),
        ("family", "eva", []),
        ("given", "\0", []),
        ("given", "a\0", []),
    ],
)
def test_contains_finds_any_part(database, index, code, text, positions):
    assert Kept(database, index, PEOPLE).found(code, text, "contains") == positions


_TEXTS = st.one_of(
    st.text(alphabet="aAéE.*\\$^[](){}|,张張三 -1", min_size=1, max_size=8),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6),
)


def written(text):
    """`text` as a value of a URL."""
    return "".join("\\" + c if c in "\\,$|" else c for c in text)


@settings(max_examples=40, deadline=None)
@given(st.lists(_TEXTS, min_size=1, max_size=6), _TEXTS)
@example(["a\\Eb", "a\\\\Eb"], "\\E")
@example(["张三", "張三"], "張")
def test_strings_are_compared_as_the_modifier_says(database, index, texts, wanted):
    kept = Kept(database, index, [person(text) for text in texts])

    def positions(holds):
        return [position for position, text in enumerate(texts) if holds(text)]

    plain = folded(wanted)
    assert kept.found("given", written(wanted), "exact") == positions(lambda t: t == wanted)
    if plain:
        starting = positions(lambda text: folded(text).startswith(plain))
        containing = positions(lambda text: plain in folded(text))
        assert kept.found("given", written(wanted)) == starting
        assert kept.found("given", written(wanted), "contains") == containing


def library(description):
    return {"resourceType": "Library", "description": description}


def test_a_long_string_is_exact_as_a_whole_and_contains_what_it_starts_with(database, index):
    texts = ["甲" * 511 + "乙丙" + "丁" * 9000, "甲" * 511 + "乙丙"]
    kept = Kept(database, index, [library(text) for text in texts])
    assert kept.found("description", texts[0], "exact") == [0]
    assert kept.found("description", texts[1], "exact") == [1]
    assert kept.found("description", "甲乙", "contains") == [0, 1]
    assert kept.found("description", "丙", "contains") == []


def test_a_resource_of_too_many_bigrams_is_still_searched(database, index):
    han = [chr(0x4E00 + n) for n in range(20_000)]
    texts = ["".join(han[at : at + 500]) for at in range(0, 20_000, 500)]
    resource = {"resourceType": "Patient", "name": [{"given": texts}]}
    assert MORE in index.entries(resource)["g"]
    kept = Kept(database, index, [resource, person("甲")])
    last = folded(texts[-1])
    assert kept.found("given", last[300:310], "contains") == [0]
    assert kept.found("given", last[499], "contains") == [0]
    assert kept.found("given", "甲甲", "contains") == []


@pytest.mark.parametrize("modifier", [None, "contains"])
@pytest.mark.parametrize(
    ("text", "message"),
    [("長" * (LENGTH + 1), "search-value-too-long"), (" \u0301", "search-value-empty")],
)
def test_a_value_that_no_string_could_have_is_refused(index, modifier, text, message):
    with pytest.raises(BadRequest) as refused:
        compared(index.plans, "Patient", "name", text, modifier)
    assert refused.value.issues[0].message == message


def test_sounds_have_no_parts(index):
    with pytest.raises(BadRequest) as refused:
        compared(index.plans, "Patient", "phonetic", "san", "contains")
    assert refused.value.issues[0].message == "search-modifier-unsupported"


def test_what_is_asked_of_bigrams_is_bounded(index):
    value = "".join(chr(0x4E00 + n) for n in range(LENGTH))
    condition = compared(index.plans, "Patient", "name", value, "contains")
    assert len(str(condition)) < 10 * LENGTH
