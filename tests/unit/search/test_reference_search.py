"""References: https://hl7.org/fhir/R4/search.html#reference."""

import pytest

BASE = "http://localhost/fhir"


def observation(reference, **more):
    return {"resourceType": "Observation", "subject": {"reference": reference, **more}}


def appointment(*actors):
    participants = [{"actor": {"reference": actor}} for actor in actors]
    return {"resourceType": "Appointment", "participant": participants}


STORED = [
    observation("Patient/1"),
    observation(f"{BASE}/Patient/1"),
    observation("Patient/1/_history/3"),
    observation("Group/1"),
    observation("http://other/Patient/1"),
    observation("urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
    observation("#1"),
    {"resourceType": "Observation"},
]


@pytest.mark.parametrize(
    ("parameter", "value", "ids"),
    [
        ("subject", "Patient/1", ["0", "1", "2"]),
        ("subject", f"{BASE}/Patient/1", ["0", "1", "2"]),
        ("subject", "Patient/1/_history/3", ["2"]),
        ("subject", "Patient/1/_history/4", []),
        ("subject", "1", ["0", "1", "2", "3"]),
        ("subject", "Group/1", ["3"]),
        ("subject", "http://other/Patient/1", ["4"]),
        ("subject", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", ["5"]),
        ("subject", "Patient/1,Group/1", ["0", "1", "2", "3"]),
        ("subject", "Patient/2", []),
        ("patient", "1", ["0", "1", "2"]),
        ("patient", "Patient/1", ["0", "1", "2"]),
        ("patient", "http://other/Patient/1", ["4"]),
        ("patient", "Group/1", []),
    ],
)
def test_reference_forms(found, parameter, value, ids):
    assert found(STORED, **{parameter: value, "_sort": "_id"}) == ids


def test_a_parameter_narrowed_to_a_type_finds_only_that(found):
    appointments = [
        {"resourceType": "Appointment", "participant": [{"actor": {"reference": f"{type}/1"}}]}
        for type in ("Patient", "Practitioner", "Location")
    ]
    assert found(appointments, patient="1") == ["0"]
    assert found(appointments, practitioner="Practitioner/1") == ["1"]
    assert found(appointments, location="Practitioner/1") == []
    assert found(appointments, actor="1") == ["0", "1", "2"]


def test_a_canonical_is_found_with_and_without_its_version(found):
    answers = [
        {"resourceType": "QuestionnaireResponse", "questionnaire": url}
        for url in ("http://example.org/q|1.0", "http://example.org/q", "http://example.org/other")
    ]
    assert found(answers, questionnaire="http://example.org/q", _sort="_id") == ["0", "1"]
    assert found(answers, questionnaire="http://example.org/q|1.0") == ["0"]


@pytest.mark.parametrize(
    ("resource", "patients"),
    [
        ({"resourceType": "Patient", "id": "1"}, ["Patient/1"]),
        (observation("Patient/1"), ["Patient/1"]),
        (observation(f"{BASE}/Patient/1"), ["Patient/1"]),
        (observation("http://other/Patient/1"), None),
        (observation("Group/1"), None),
        ({"resourceType": "Observation", "performer": [{"reference": "Patient/1"}]}, None),
        ({"resourceType": "Group", "member": [{"entity": {"reference": "Patient/1"}}]}, None),
        ({"resourceType": "Coverage", "beneficiary": {"reference": "Patient/1"},
          "payor": [{"reference": "Patient/2"}]}, ["Patient/1"]),
        (appointment("Patient/1", "Practitioner/2"), ["Patient/1"]),
        (appointment("Patient/1", "Patient/2"), None),
        ({"resourceType": "Patient", "id": "1",
          "link": [{"other": {"reference": "Patient/2"}}]}, ["Patient/1"]),
        ({"resourceType": "Organization", "id": "1"}, None),
    ],
)  # fmt: skip
def test_a_resource_is_in_the_compartment_of_whom_it_is_about(index, resource, patients):
    assert index.entries(resource).get("comp") == patients


def test_a_logical_reference_is_indexed(index):
    resource = {
        "resourceType": "Observation",
        "subject": {"identifier": {"system": "s", "value": "1"}},
    }
    assert index.entries(resource)["t"] == ["subject:identifier=1", "subject:identifier=s|1"]
