"""Creating a resource.

Spec: https://hl7.org/fhir/R4/http.html#create
"""

import re

import pytest

from tests.api.client import etag, refused
from tests.builders import encounter, fresh, observation, patient


@pytest.mark.parametrize("resource", [patient(), observation(), encounter()])
def test_a_create_answers_201_with_the_resource_under_its_new_id(fhir, resource):
    answer = fhir.post(resource["resourceType"], resource)
    assert answer.status_code == 201
    stored = answer.json()
    assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", stored["id"])
    assert stored["meta"]["versionId"] == "1"
    kept = {name: value for name, value in stored.items() if name not in ("id", "meta")}
    assert kept == resource


def test_a_create_tells_where_the_version_is(fhir):
    answer = fhir.post("Patient", patient())
    stored = answer.json()
    assert answer.headers["Location"] == f"{fhir.base}/Patient/{stored['id']}/_history/1"
    assert etag(answer) == 'W/"1"'
    assert "Last-Modified" in answer.headers
    path = answer.headers["Location"].removeprefix(f"{fhir.base}/")
    assert fhir.get(path).json() == stored


def test_an_id_in_the_body_is_not_used(fhir):
    """https://hl7.org/fhir/R4/http.html#create: the server SHALL ignore it."""
    mine = fresh()
    stored = fhir.create(patient(id=mine))
    assert stored["id"] != mine
    refused(fhir.get(f"Patient/{mine}"), 404)


def test_version_and_time_in_the_body_are_replaced_and_other_meta_kept(fhir):
    tag = {"system": "urn:test:tag", "code": "kept"}
    meta = {"versionId": "77", "lastUpdated": "1999-01-01T00:00:00Z", "tag": [tag]}
    stored = fhir.create(patient(meta=meta))
    assert stored["meta"]["versionId"] == "1"
    assert not stored["meta"]["lastUpdated"].startswith("1999")
    assert stored["meta"]["tag"] == [tag]


def test_the_same_body_twice_makes_two_resources(fhir):
    first, second = fhir.create(patient()), fhir.create(patient())
    assert first["id"] != second["id"]


def test_a_body_of_another_type_is_refused(fhir):
    refused(fhir.post("Patient", observation()), 400, 422)


def test_a_post_to_an_instance_is_405(fhir):
    stored = fhir.create(patient())
    answer = fhir.post(f"Patient/{stored['id']}", patient())
    refused(answer, 405)
    assert {"GET", "PUT", "DELETE"} <= set(re.split(r", *", answer.headers["Allow"]))


def managed_by(reference):
    return {"managingOrganization": {"reference": reference}}


FAULTS = [
    ({"gender": "lady"}, "Patient.gender", "code-invalid|value|invalid"),
    ({"birthDate": "1970-13-01"}, "Patient.birthDate", "value|invalid"),
    ({"birthDate": "1970-02-30"}, "Patient.birthDate", "value|invalid"),
    ({"birthDate": 1970}, "Patient.birthDate", "value|invalid|structure"),
    ({"active": "true"}, "Patient.active", "value|invalid|structure"),
    ({"colour": "red"}, "Patient.colour", "structure|invalid"),
    ({"name": {"text": "陈甲子"}}, "Patient.name", "structure|invalid|value"),
    ({"name": []}, "Patient.name", "structure|invalid|required|value"),
    ({"name": [{"given": [""]}]}, "Patient.name[0].given[0]", "value|invalid|structure"),
    ({"name": [{"given": "甲子"}]}, "Patient.name[0].given", "structure|invalid|value"),
    ({"name": [{}]}, "Patient.name[0]", "structure|invalid|required|value|invariant"),
    ({"link": [{"type": "seealso"}]}, "Patient.link[0].other", "required"),
    ({"deceasedBoolean": False, "deceasedDateTime": "2001"}, "Patient.deceased", "structure"),
    ({"multipleBirthInteger": 1.5}, "Patient.multipleBirth", "value|invalid|structure"),
    (managed_by("Organization/a b"), "Patient.managingOrganization", "value|invalid"),
    ({"photo": [{"data": "not base64!"}]}, "Patient.photo[0].data", "value|invalid"),
    ({"gender": None}, "Patient.gender", "structure|invalid|value"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("elements", "expression", "codes"), FAULTS, ids=lambda each: str(each)[:60]
)
def test_a_structural_fault_is_422_and_says_where(fhir, elements, expression, codes):
    """https://hl7.org/fhir/R4/operationoutcome.html: expression is the FHIRPath of the element."""
    issues = refused(fhir.post("Patient", patient(**elements)), 422)
    at_fault = [issue for issue in issues if issue["expression"][0].startswith(expression)]
    assert at_fault, issues
    assert all(re.fullmatch(codes, issue["code"]) for issue in at_fault)


def test_all_faults_are_told_at_once(fhir):
    wrong = patient(gender="lady", birthDate="yesterday", colour="red", active="yes")
    issues = refused(fhir.post("Patient", wrong), 422)
    told = {issue["expression"][0] for issue in issues}
    assert {"Patient.gender", "Patient.birthDate", "Patient.colour", "Patient.active"} <= told


def test_a_missing_required_element_is_named(fhir):
    without = observation()
    del without["status"]
    issues = refused(fhir.post("Observation", without), 422)
    assert [issue["code"] for issue in issues] == ["required"]
    assert issues[0]["expression"] == ["Observation.status"]


def test_what_is_refused_is_not_stored(fhir):
    mark = fresh()
    refused(fhir.post("Patient", patient(gender="x", identifier=[{"value": mark}])), 422)
    assert fhir.ids(f"Patient?identifier={mark}") == []


def test_an_outcome_does_not_repeat_the_patients_data(fhir):
    secret = "张秘密" + "9" * 20
    wrong = patient(name=[{"family": secret, "colour": "red"}])
    answer = fhir.post("Patient", wrong)
    refused(answer, 422)
    assert secret not in answer.text


@pytest.mark.parametrize(
    "content_type",
    ["application/fhir+json", "application/json", "application/fhir+json; charset=UTF-8",
     "application/fhir+json; fhirVersion=4.0", "text/json"],
)  # fmt: skip
def test_json_is_taken_under_its_names(fhir, content_type):
    answer = fhir.post("Patient", patient(), Content_Type=content_type)
    assert answer.status_code == 201
