"""The FHIRPath of search parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.profiles.fhirpath import ExpressionError, parse
from server.search.expressions import branches

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "name": [{"family": "张", "given": ["三", None]}, {"given": ["四"]}],
    "telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "2"}],
    "deceasedBoolean": False,
    "contained": [{"resourceType": "Practitioner", "id": "c"}],
    "generalPractitioner": [
        {"reference": "#c"},
        {"reference": "Organization/1"},
        {"reference": "http://other/Practitioner/2/_history/1"},
        {"type": "Practitioner", "identifier": {"value": "x"}},
    ],
    "extension": [
        {"url": "http://a", "valueString": "ä"},
        {"url": "http://b", "valueCode": "b"},
        {"url": "http://n", "extension": [{"url": "in", "valueInteger": 1}]},
    ],
}


def values(facts, expression, resource=PATIENT):
    ways = branches(facts, expression, resource["resourceType"])
    return [value for way in ways for value in way.values()(resource, resource)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Patient.id", ["p"]),
        ("Resource.id", ["p"]),
        ("Patient.name.family", ["张"]),
        ("Patient.name.given", ["三", "四"]),
        ("Patient.name[1].given", ["四"]),
        ("Patient.name[2].given", []),
        ("Patient.telecom.where(system='phone').value", ["1"]),
        ("Patient.telecom.where(system != 'phone').value", ["2"]),
        ("Patient.deceased", [False]),
        ("(Patient.deceased as boolean)", [False]),
        ("Patient.deceased.as(dateTime)", []),
        ("Patient.deceased.ofType(boolean)", [False]),
        ("Patient.deceased.exists() and Patient.deceased != false", [False]),
        ("Patient.extension('http://a')", ["ä"]),
        ("Patient.extension('http://c')", []),
        ("Patient.extension('http://a').value", ["ä"]),
        ("Patient.extension('http://b').value as code", ["b"]),
        ("Patient.extension('http://b').value.ofType(string)", []),
        ("Patient.extension('http://b').url", ["http://b"]),
        ("Patient.extension('http://n').extension('in')", [1]),
        ("Patient.extension('http://n').extension('in').value", [1]),
        ("Patient.extension('http://n').extension.where(url = 'in').value", [1]),
        ("Person.name | Patient.birthDate | Patient.gender", []),
        ("%resource.id", ["p"]),
        (
            "Patient.generalPractitioner.where(resolve() is Organization).reference",
            ["Organization/1"],
        ),
    ],
)
def test_expressions_find_what_fhirpath_says(facts, expression, expected):
    assert values(facts, expression) == expected


def test_resolve_knows_types_by_reference_containment_and_statement(facts):
    kept = values(facts, "Patient.generalPractitioner.where(resolve() is Practitioner)")
    assert kept == [PATIENT["generalPractitioner"][position] for position in (0, 2, 3)]


def test_deceased_is_true_for_a_date(facts):
    expression = "Patient.deceased.exists() and Patient.deceased != false"
    assert values(facts, expression, {"resourceType": "Patient", "deceasedDateTime": "2024"}) == [
        True
    ]
    assert values(facts, expression, {"resourceType": "Patient"}) == [False]


def test_a_choice_has_a_branch_for_each_type(facts):
    types = {way.type for way in branches(facts, "Observation.effective", "Observation")}
    assert types == {"dateTime", "Period", "Timing", "instant"}


def test_a_union_is_pruned_to_the_type(facts):
    expression = "AllergyIntolerance.code | Condition.code | Observation.code"
    assert [way.path for way in branches(facts, expression, "Condition")] == ["Condition.code"]


@pytest.mark.parametrize(
    "expression",
    ["", "Patient.", "Patient.name.where(", "Patient..name", "Patient.name[x]", "Patient.nonsense",
     "%context.name", "Patient.name.first()", "1 +", "Patient.name as", "'a' 'b'", "Patient.name)",
     "Patient.where(name)"],
)  # fmt: skip
def test_what_is_beyond_the_language_is_refused(facts, expression):
    with pytest.raises(ExpressionError):
        branches(facts, expression, "Patient")


@given(st.text(alphabet="Patient.nm()[]|='\\`% as0", max_size=30))
def test_any_text_parses_or_is_refused(text):
    try:
        parse(text)
    except ExpressionError:
        return
    assert text.strip()
