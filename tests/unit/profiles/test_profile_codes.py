"""Bindings: which codes are errors, which are warned of, and for which day they have to be valid.

Spec: https://hl7.org/fhir/R4/terminologies.html#strength
"""

import pytest

from tests.unit.profiles.profiling import COLOURS, NO_CODE, SYSTEM, observation, patient, profile

RED, BLUE = {"system": SYSTEM, "code": "r"}, {"system": SYSTEM, "code": "b"}
ELSEWHERE = {"system": "urn:x", "code": "r"}
SEVERITY = {"required": "error", "extensible": "warning", "preferred": "information"}


def bound(strength, value_set=COLOURS, path="Observation.value[x]", **more):
    binding = {"strength": strength, "valueSet": value_set, **more}
    return profile((path, {"binding": binding}), type=path.partition(".")[0])


@pytest.mark.parametrize("strength", SEVERITY)
@pytest.mark.parametrize(
    ("value", "is_member"),
    [
        ({"valueCodeableConcept": {"coding": [RED]}}, True),
        ({"valueCodeableConcept": {"coding": [BLUE, RED]}}, True),
        ({"valueCodeableConcept": {"coding": [BLUE]}}, False),
        ({"valueCodeableConcept": {"coding": [ELSEWHERE]}}, False),
        ({"valueQuantity": {"value": 1, "system": SYSTEM, "code": "r"}}, True),
        ({"valueQuantity": {"value": 1, "system": SYSTEM, "code": "b"}}, False),
        ({"valueQuantity": {"value": 1, "unit": "r"}}, True),
        ({"valueString": "r"}, True),
        ({"valueString": "b"}, False),
    ],
)
def test_how_much_a_code_matters_is_by_strength(room, strength, value, is_member):
    told = room().issues(bound(strength), observation(**value))
    expected = [] if is_member else [(SEVERITY[strength], "profile-binding", "Observation.value")]
    assert told == expected


@pytest.mark.parametrize(
    ("strength", "expected"),
    [("required", "error"), ("extensible", "warning"), ("preferred", None), ("example", None)],
)
def test_text_alone_is_no_code(room, strength, expected):
    told = room().issues(bound(strength), observation(valueCodeableConcept={"text": "red"}))
    assert told == (
        [(expected, "profile-binding-no-code", "Observation.value")] if expected else []
    )


def test_examples_bind_nobody(room):
    assert room().issues(bound("example"), observation(valueString="b")) == []


@pytest.mark.parametrize("strength", ["required", "extensible", "preferred"])
def test_what_cannot_be_told_holds_nobody_up(room, strength):
    told = room().issues(bound(strength, "urn:not-here"), observation(valueString="b"))
    assert told == [("information", "profile-binding-untold", "Observation.value")]


def test_a_version_of_a_value_set_may_be_named(room):
    assert room().issues(bound("required", COLOURS + "|1.0"), observation(valueString="r")) == []


def test_a_maximum_value_set_binds_like_a_required_one(room):
    url = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
    definition = bound("preferred", extension=[{"url": url, "valueCanonical": COLOURS}])
    told = room().issues(definition, observation(valueString="b"))
    assert [severity for severity, _, _ in told] == ["information", "error"]


def test_a_wrong_display_is_warned_of_and_the_right_one_told(room):
    given = observation(valueCodeableConcept={"coding": [{**RED, "display": "Blue"}]})
    assert room().issues(bound("required"), given) == [
        ("warning", "profile-display", "Observation.value")
    ]
    given["valueCodeableConcept"]["coding"][0]["display"] = "red"
    assert room().issues(bound("required"), given) == []


@pytest.mark.parametrize(
    ("when", "is_valid"),
    [
        ({"effectiveDateTime": "1999-05-05"}, True),
        ({"effectiveDateTime": "1999"}, True),
        ({"effectivePeriod": {"start": "1999-05-05", "end": "2020-01-01"}}, True),
        ({"effectiveDateTime": "2001-05-05T10:00:00+08:00"}, False),
        ({}, True),
    ],
)
def test_a_former_code_is_valid_for_what_was_then(room, when, is_valid):
    given = observation(valueCodeableConcept={"coding": [{"system": SYSTEM, "code": "g"}]}, **when)
    assert (room().errors(bound("required"), given) == []) == is_valid


BIRTH_PLACE = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"


@pytest.mark.parametrize(("day", "is_valid"), [("1980-01-01", True), ("2010-01-01", False)])
def test_a_place_of_birth_is_one_of_the_day_of_birth(room, day, is_valid):
    definition = bound("required", path="Patient.extension.value[x].city")
    definition["differential"]["element"].insert(
        1, {"path": "Patient.extension.value[x]", "type": [{"code": "Address"}]}
    )
    birth_place = {"url": BIRTH_PLACE, "valueAddress": {"city": "g"}}
    given = patient(birthDate=day, extension=[birth_place])
    assert (room().errors(definition, given) == []) == is_valid


@pytest.mark.parametrize(
    ("strength", "severities"),
    [
        ("required", {"error": "profile-binding"}),
        ("extensible", {"warning": "code-unknown"}),
        ("preferred", {"warning": "code-unknown", "information": "profile-binding"}),
    ],
)
def test_a_code_that_its_system_does_not_have_is_warned_of_at_least(room, strength, severities):
    unknown = {"system": SYSTEM, "code": NO_CODE}
    given = observation(valueCodeableConcept={"coding": [unknown]})
    told = [(severity, message) for severity, message, _ in room().issues(bound(strength), given)]
    assert set(severities.items()) <= set(told)


def test_a_code_that_its_system_does_not_have_is_warned_of_beside_a_good_one(room):
    unknown = {"system": SYSTEM, "code": NO_CODE}
    given = observation(valueCodeableConcept={"coding": [RED, unknown]})
    told = room().issues(bound("required"), given)
    assert told == [("warning", "code-unknown", "Observation.value")]
