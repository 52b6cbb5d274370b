"""All that is wrong with a resource, and what a profile adds to that.

Spec: https://hl7.org/fhir/R4/validation.html
"""

import pytest

from server.profiles.validation import Validator
from tests.unit.profiles.profiling import OURS, profile

NAMED = OURS + "named"
PATIENT = {
    "resourceType": "Patient",
    "text": {"status": "additional", "div": '<div xmlns="http://www.w3.org/1999/xhtml">a</div>'},
}


@pytest.fixture(scope="module")
def found(definitions, validator, room):
    """Return a function that gives (severity, message) of what is found in a resource."""
    named = profile(("Patient.name", {"min": 1}), name="named")
    retired = profile(name="retired", status="retired")
    faulty = profile(("Patient.x", {"min": 1}), name="faulty")
    known = room(named, retired, faulty)
    whole = Validator.of(definitions, validator, known.guide, known.checking)
    return lambda resource, *asked: [
        (one.severity, one.message) for one in whole.faults(resource, asked)
    ]


def claiming(*urls, **elements):
    return {**PATIENT, "meta": {"profile": list(urls)}, **elements}


LACKS = ("error", "profile-min")


def test_a_profile_is_checked_if_it_is_asked_for_or_claimed(found):
    assert found(PATIENT) == []
    assert found(PATIENT, NAMED) == [LACKS]
    assert found(claiming(NAMED)) == [LACKS]
    assert found(claiming(NAMED), NAMED) == [LACKS]
    assert found(claiming(NAMED, name=[{"text": "a"}]), NAMED) == []


def test_no_profile_is_passed_over_in_silence(found):
    assert found(PATIENT, "urn:a") == [("error", "profile-unknown")]
    assert found(claiming("urn:a")) == [("warning", "profile-not-checked")]
    assert found(claiming("urn:a"), "urn:a") == [("error", "profile-unknown")]


def test_where_the_structure_is_wrong_profiles_are_not_looked_at(found):
    assert found({"resourceType": "Patient", "gender": 1}, NAMED) == [
        ("error", "structure-json-type")
    ]


def test_of_very_many_faults_the_first_are_told(found):
    contacts = [{"gender": "male"}] * 600
    rows = found({**PATIENT, "contact": contacts})
    assert len(rows) == 501
    assert rows[-1] == ("error", "structure-more-faults")


def test_a_profile_that_is_at_fault_itself_is_told(found):
    assert found(PATIENT, OURS + "faulty") == [("error", "profile-unusable")]
    assert found(claiming(OURS + "faulty")) == [("warning", "profile-unusable")]


def test_a_retired_profile_is_warned_of(found):
    assert found(claiming(OURS + "retired")) == [("warning", "profile-retired")]
