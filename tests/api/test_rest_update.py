"""Updating a resource, creating it under the caller's id, and doing so safely.

Spec: https://hl7.org/fhir/R4/http.html#update, https://hl7.org/fhir/R4/http.html#concurrency
"""

import json

import pytest

from tests.api.client import etag, refused
from tests.builders import fresh, observation, patient


def test_an_update_makes_the_next_version(fhir):
    first = fhir.create(patient(gender="male"))
    answer = fhir.put(f"Patient/{first['id']}", {**first, "gender": "female"})
    assert answer.status_code == 200
    assert answer.json()["gender"] == "female"
    assert answer.json()["meta"]["versionId"] == "2"
    assert etag(answer) == 'W/"2"'
    assert answer.json()["meta"]["lastUpdated"] >= first["meta"]["lastUpdated"]
    assert fhir.read("Patient", first["id"]) == answer.json()


def test_an_update_replaces_the_whole_resource(fhir):
    first = fhir.create(patient(birthDate="1970-01-01"))
    fhir.update({"resourceType": "Patient", "id": first["id"], "active": True})
    read = fhir.read("Patient", first["id"])
    assert set(read) == {"resourceType", "id", "meta", "active"}


def test_an_update_of_an_absent_id_creates_it(fhir):
    id = fresh()
    answer = fhir.put(f"Patient/{id}", patient(id=id))
    assert answer.status_code == 201
    assert answer.json()["id"] == id
    assert etag(answer) == 'W/"1"'
    assert answer.headers["Location"] == f"{fhir.base}/Patient/{id}/_history/1"


def test_an_update_that_changes_nothing_makes_no_version(fhir):
    first = fhir.create(patient())
    answer = fhir.put(f"Patient/{first['id']}", first)
    assert answer.status_code == 200
    assert etag(answer) == 'W/"1"'
    assert answer.json() == first
    history = fhir.bundle(f"Patient/{first['id']}/_history")
    assert len(history["entry"]) == 1


def test_white_space_is_no_change(fhir):
    first = fhir.create(patient())
    body = json.dumps(first, indent=3, ensure_ascii=False).encode()
    assert etag(fhir.put(f"Patient/{first['id']}", body)) == 'W/"1"'


@pytest.mark.parametrize("version", ["1", "44"])
def test_the_version_in_the_body_is_not_a_change(fhir, version):
    first = fhir.create(patient())
    meta = {"versionId": version, "lastUpdated": "2001-01-01T00:00:00Z"}
    assert etag(fhir.put(f"Patient/{first['id']}", {**first, "meta": meta})) == 'W/"1"'


def test_another_digit_is_a_change(fhir):
    """1.0 and 1.00 are different decimals: https://hl7.org/fhir/R4/datatypes.html#decimal."""
    first = fhir.create(observation())
    body = json.dumps(first).replace("36.5", "36.50").encode()
    assert etag(fhir.put(f"Observation/{first['id']}", body)) == 'W/"2"'


def test_an_update_over_a_deletion_continues_the_versions(fhir):
    first = fhir.create(patient())
    fhir.delete(f"Patient/{first['id']}")
    answer = fhir.put(f"Patient/{first['id']}", first)
    assert answer.status_code == 201
    assert etag(answer) == 'W/"3"'
    assert fhir.read("Patient", first["id"])["meta"]["versionId"] == "3"


def test_a_body_without_id_is_400(fhir):
    """https://hl7.org/fhir/R4/http.html#update: the request body SHALL have an id."""
    stored = fhir.create(patient())
    issues = refused(fhir.put(f"Patient/{stored['id']}", patient()), 400)
    assert issues[0]["code"] in ("invalid", "required", "value")
    assert fhir.read("Patient", stored["id"]) == stored


def test_a_body_with_another_id_is_400(fhir):
    first, other = fhir.create(patient()), fhir.create(patient())
    refused(fhir.put(f"Patient/{first['id']}", {**first, "id": other["id"]}), 400)
    assert fhir.read("Patient", first["id"]) == first
    assert fhir.read("Patient", other["id"]) == other


def test_a_faulty_update_leaves_the_resource_as_it_was(fhir):
    first = fhir.create(patient())
    refused(fhir.put(f"Patient/{first['id']}", {**first, "gender": "lady"}), 422)
    assert fhir.read("Patient", first["id"]) == first


@pytest.mark.parametrize("tag", ['W/"1"', '"1"'])
def test_if_match_on_the_current_version_updates(fhir, tag):
    first = fhir.create(patient())
    answer = fhir.put(f"Patient/{first['id']}", {**first, "active": True}, If_Match=tag)
    assert answer.status_code == 200
    assert etag(answer) == 'W/"2"'


def test_if_match_on_an_older_version_is_412(fhir):
    first = fhir.create(patient())
    second = fhir.update({**first, "active": True})
    changed = {**first, "active": False}
    refused(fhir.put(f"Patient/{first['id']}", changed, If_Match='W/"1"'), 412)
    assert fhir.read("Patient", first["id"]) == second


def test_a_stale_if_match_is_412_even_if_nothing_would_change(fhir):
    first = fhir.create(patient())
    second = fhir.update({**first, "active": True})
    refused(fhir.put(f"Patient/{first['id']}", second, If_Match='W/"1"'), 412)


def test_if_match_on_an_absent_resource_is_412(fhir):
    id = fresh()
    refused(fhir.put(f"Patient/{id}", patient(id=id), If_Match='W/"1"'), 412)
    refused(fhir.get(f"Patient/{id}"), 404)


@pytest.mark.parametrize("tag", ["W/1", 'W/"1', "nonsense"])
def test_an_if_match_that_is_no_tag_is_refused(fhir, tag):
    first = fhir.create(patient())
    refused(fhir.put(f"Patient/{first['id']}", {**first, "active": True}, If_Match=tag), 400, 412)
    assert fhir.read("Patient", first["id"]) == first


def test_if_none_match_star_creates_only(fhir):
    """RFC 9110 13.1.2."""
    id = fresh()
    assert fhir.put(f"Patient/{id}", patient(id=id), If_None_Match="*").status_code == 201
    answer = fhir.put(f"Patient/{id}", patient(id=id, active=True), If_None_Match="*")
    refused(answer, 412)
    assert "active" not in fhir.read("Patient", id)


def test_put_to_a_type_without_criteria_is_refused(fhir):
    refused(fhir.put("Patient", patient()), 400, 405, 412)
