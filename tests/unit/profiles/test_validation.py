"""All that is wrong with a resource, and what a profile adds to that.

Spec: https://hl7.org/fhir/R4/validation.html
"""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from server.fhir.outcome import Issue
from server.profiles.shapes import shapes
from server.profiles.validation import Validator

OURS = "http://a.example/StructureDefinition/named"
PATIENT = {
    "resourceType": "Patient",
    "text": {"status": "additional", "div": '<div xmlns="http://www.w3.org/1999/xhtml">a</div>'},
}


@pytest.fixture(scope="module")
def found(definitions, validator):
    """Return a function that gives (severity, message) of what is found in a resource."""
    zone = ZoneInfo("Asia/Shanghai")
    known = Validator.of(definitions, shapes(definitions), validator, zone)

    def named(resource):
        if "name" not in resource:
            yield Issue("required", "structure-required", {}, "Patient.name")

    known = replace(known, profiles={**known.profiles, OURS: named})
    return lambda resource, *asked: [
        (one.severity, one.message) for one in known.faults(resource, asked)
    ]


def claiming(*urls, **elements):
    return {**PATIENT, "meta": {"profile": list(urls)}, **elements}


LACKS = ("error", "structure-required")


def test_a_profile_is_checked_if_it_is_asked_for_or_claimed(found):
    assert found(PATIENT) == []
    assert found(PATIENT, OURS) == [LACKS]
    assert found(claiming(OURS)) == [LACKS]
    assert found(claiming(OURS), OURS) == [LACKS]
    assert found(claiming(OURS, name=[{"text": "a"}]), OURS) == []


def test_no_profile_is_passed_over_in_silence(found):
    assert found(PATIENT, "urn:a") == [("error", "profile-unknown")]
    assert found(claiming("urn:a")) == [("warning", "profile-not-checked")]
    assert found(claiming("urn:a"), "urn:a") == [("error", "profile-unknown")]


def test_where_the_structure_is_wrong_profiles_are_not_looked_at(found):
    assert found({"resourceType": "Patient", "gender": 1}, OURS) == [
        ("error", "structure-json-type")
    ]


def test_of_very_many_faults_the_first_are_told(found):
    contacts = [{"gender": "male"}] * 600
    rows = found({**PATIENT, "contact": contacts})
    assert len(rows) == 501
    assert rows[-1] == ("error", "structure-more-faults")
