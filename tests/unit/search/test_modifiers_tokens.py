"""``:text`` and ``:of-type`` of tokens: https://hl7.org/fhir/R4/search.html#token."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest
from server.terminology.folding import folded
from tests.unit.search.asking import Kept, compared
from tests.unit.search.test_modifiers_strings import written

V2 = "http://terminology.hl7.org/CodeSystem/v2-0203"


def condition(text=None, *displays):
    codings = [{"system": "urn:s", "code": str(n), "display": d} for n, d in enumerate(displays)]
    code = {"coding": codings, **({} if text is None else {"text": text})}
    return {"resourceType": "Condition", "code": code}


CONDITIONS = [
    condition("原发性高血压", "Essential Hypertension"),
    condition("原發性高血壓"),
    condition(None, "Hypertension", "Ｈypertensive"),
    condition("(high) blood pressure"),
]


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("原发", [0, 1]),
        ("原发性高血压", [0, 1]),
        ("高血压", []),
        ("essential", [0]),
        ("hypertensi", [2]),
        ("(high)", [3]),
        (".*", []),
    ],
)
def test_the_text_of_a_concept_is_found_by_its_start(database, index, text, positions):
    assert Kept(database, index, CONDITIONS).found("code", text, "text") == positions


def test_a_text_is_no_code(database, index):
    kept = Kept(database, index, [condition("1")])
    assert kept.found("code", "1") == []
    assert kept.found("code", "1", "text") == [0]


def test_the_text_of_an_identifier_is_that_of_its_type(database, index):
    people = [
        {"resourceType": "Patient", "identifier": [{"type": {"text": text}, "value": "住院号"}]}
        for text in ("住院号", "门诊号")
    ]
    assert Kept(database, index, people).found("identifier", "住院", "text") == [0]


_WORDS = st.text(alphabet="aAé高壓\\|$, -", min_size=1, max_size=5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(_WORDS, _WORDS), min_size=1, max_size=5), _WORDS)
def test_a_text_starts_as_it_is_folded(database, index, pairs, wanted):
    kept = Kept(database, index, [condition(text, display) for text, display in pairs])
    plain = folded(wanted)
    if plain:
        assert kept.found("code", written(wanted), "text") == [
            position
            for position, pair in enumerate(pairs)
            if any(folded(text).startswith(plain) for text in pair)
        ]


def patient(number, code="MR", system=V2):
    coding = {"system": system, "code": code} if system else {"code": code}
    return {
        "resourceType": "Patient",
        "identifier": [
            {"system": "urn:x", "value": number, "type": {"coding": [coding]}},
            {"value": "other", "type": {"coding": [{"system": V2, "code": "PPN"}]}},
        ],
    }


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        (f"{V2}|MR|1", [0]),
        (f"{V2}|PPN|1", []),
        (f"{V2}|PPN|other", [0, 1, 2, 3]),
        (f"{V2}|MR|other", []),
        (f"{V2}|MR|a\\|b", [3]),
        (f"{V2}|mr|1", []),
    ],
)
def test_an_identifier_of_a_type_has_both_in_one(database, index, text, positions):
    people = [patient("1"), patient("1", "SS"), patient("1", system=None), patient("a|b")]
    assert Kept(database, index, people).found("identifier", text, "of-type") == positions


_PARTS = st.text(alphabet="a|\\,$", min_size=1, max_size=3)
_TRIPLES = st.tuples(_PARTS, _PARTS, _PARTS)


@settings(max_examples=25, deadline=None)
@given(st.lists(_TRIPLES, min_size=1, max_size=5), _TRIPLES)
def test_dividers_in_identifiers_are_told_apart_from_others(database, index, triples, wanted):
    people = [patient(number, code, system) for system, code, number in triples]
    asked = "|".join(map(written, wanted))
    expected = [position for position, triple in enumerate(triples) if triple == wanted]
    assert Kept(database, index, people).found("identifier", asked, "of-type") == expected


@pytest.mark.parametrize("text", ["1", "MR|1", "|MR|1", f"{V2}||1", f"{V2}|MR|", "a|b|c|d"])
def test_type_and_value_must_be_told(index, text):
    with pytest.raises(BadRequest) as refused:
        compared(index.plans, "Patient", "identifier", text, "of-type")
    assert refused.value.issues[0].message == "search-of-type-invalid"
    assert refused.value.issues[0].text("zh") != refused.value.issues[0].text("en")


def test_values_of_ten_thousand_characters_are_bounded(index):
    with pytest.raises(BadRequest) as refused:
        compared(index.plans, "Condition", "code", "x" * 10_000, "text")
    assert refused.value.issues[0].message == "search-value-too-long"
    assert len(str(compared(index.plans, "Condition", "code", "x" * 10_000))) < 1200
    of_type = compared(index.plans, "Patient", "identifier", "a|b|" + "x" * 10_000, "of-type")
    assert len(str(of_type)) < 1200
