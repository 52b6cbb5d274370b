"""Deleting a resource.

Spec: https://hl7.org/fhir/R4/http.html#delete
"""

from tests.api.client import refused
from tests.builders import fresh, patient


def test_a_delete_answers_204_without_a_body(fhir):
    stored = fhir.create(patient())
    answer = fhir.delete(f"Patient/{stored['id']}")
    assert answer.status_code == 204
    assert not answer.content


def test_a_delete_answers_an_outcome_when_asked(fhir):
    stored = fhir.create(patient())
    answer = fhir.delete(f"Patient/{stored['id']}", Prefer="return=OperationOutcome")
    assert answer.status_code == 200
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert answer.json()["issue"][0]["severity"] in ("information", "success")


def test_a_deleted_resource_is_not_found_by_search(fhir):
    mark = fresh()
    stored = fhir.create(patient(identifier=[{"value": mark}]))
    assert fhir.ids(f"Patient?identifier={mark}") == [stored["id"]]
    fhir.delete(f"Patient/{stored['id']}")
    assert fhir.ids(f"Patient?identifier={mark}") == []
    assert fhir.ids(f"Patient?_id={stored['id']}") == []


def test_deleting_twice_is_204_and_makes_no_second_version(fhir):
    stored = fhir.create(patient())
    path = f"Patient/{stored['id']}"
    assert [fhir.delete(path).status_code for _ in range(2)] == [204, 204]
    assert len(fhir.bundle(f"{path}/_history")["entry"]) == 2


def test_deleting_what_never_was_is_204(fhir):
    id = fresh()
    assert fhir.delete(f"Patient/{id}").status_code == 204
    refused(fhir.get(f"Patient/{id}"), 404)


def test_a_delete_of_an_older_version_is_412(fhir):
    first = fhir.create(patient())
    fhir.update({**first, "active": True})
    refused(fhir.delete(f"Patient/{first['id']}", If_Match='W/"1"'), 412)
    assert fhir.read("Patient", first["id"])["active"] is True
    assert fhir.delete(f"Patient/{first['id']}", If_Match='W/"2"').status_code == 204


def test_a_delete_of_the_whole_type_is_refused(fhir):
    stored = fhir.create(patient())
    refused(fhir.delete("Patient"), 400, 405, 412)
    assert fhir.read("Patient", stored["id"]) == stored
