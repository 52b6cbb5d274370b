"""``:missing``: https://hl7.org/fhir/R4/search.html#missing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest
from server.search.presence import missing
from tests.unit.search.asking import Kept

OBSERVATIONS = [
    {"resourceType": "Observation", "code": {"text": "a"}},
    {"resourceType": "Observation", "component": [{"code": {"text": "a"}}]},
    {"resourceType": "Observation", "subject": {"reference": "Group/1"}},
    {"resourceType": "Observation", "subject": {"reference": "Patient/1"}},
]


@pytest.mark.parametrize(
    ("code", "having"),
    [
        ("code", [0]),
        ("component-code", [1]),
        ("combo-code", [0, 1]),
        ("subject", [2, 3]),
        ("patient", [3]),
        ("date", []),
        ("_id", [0, 1, 2, 3]),
        ("_lastUpdated", [0, 1, 2, 3]),
    ],
)
def test_a_parameter_is_missing_or_it_is_not(database, index, code, having):
    kept = Kept(database, index, OBSERVATIONS)
    parameter = index.plans["Observation"].parameters[code]
    assert kept.fulfilling(missing(parameter, "false")) == having
    others = [position for position in range(4) if position not in having]
    assert kept.fulfilling(missing(parameter, "true")) == others


@pytest.mark.parametrize("value", ["", "TRUE", "1", "yes", " true", "x" * 10_000])
def test_only_true_and_false_are_taken(index, value):
    with pytest.raises(BadRequest) as refused:
        missing(index.plans["Patient"].parameters["name"], value)
    issue = refused.value.issues[0]
    assert issue.message == "search-missing-invalid"
    assert len(issue.text("zh")) < 100


_ELEMENTS = {
    "gender": "male",
    "birthDate": "1990",
    "address": [{"city": "福州"}],
    "telecom": [{"system": "email", "value": "a@b"}],
    "generalPractitioner": [{"display": "王医生"}],
}
_CODES = {
    "gender": "gender",
    "birthdate": "birthDate",
    "address": "address",
    "address-city": "address",
    "email": "telecom",
    "general-practitioner": "generalPractitioner",
}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sets(st.sampled_from(sorted(_ELEMENTS))), min_size=1, max_size=6))
def test_what_has_the_element_does_not_miss_its_parameter(database, index, people):
    kept = Kept(
        database,
        index,
        [{"resourceType": "Patient", **{e: _ELEMENTS[e] for e in person}} for person in people],
    )
    for code, element in _CODES.items():
        without = [n for n, person in enumerate(people) if element not in person]
        parameter = index.plans["Patient"].parameters[code]
        assert kept.fulfilling(missing(parameter, "true")) == without
