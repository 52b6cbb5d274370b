"""$meta, $meta-add and $meta-delete.

Spec: https://hl7.org/fhir/R4/resource-operation-meta.html
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.client import etag, refused
from tests.builders import fresh, patient

TAG = {"system": "urn:test:tag", "code": "a"}


def given(**meta):
    return {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}


def told(answer):
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["resourceType"] == "Parameters"
    (parameter,) = body["parameter"]
    assert parameter["name"] == "return"
    return parameter["valueMeta"]


@pytest.fixture
def stored(fhir):
    return fhir.create(patient(meta={"tag": [TAG], "source": "urn:test:source"}))


@pytest.fixture
def change(fhir, stored):
    """Return a function that changes the meta of the stored patient."""
    return lambda how, **meta: fhir.post(f"Patient/{stored['id']}/$meta-{how}", given(**meta))


def test_the_meta_of_a_resource(fhir, stored):
    answer = fhir.get(f"Patient/{stored['id']}/$meta")
    assert told(answer) == stored["meta"]
    assert etag(answer) == 'W/"1"'


def test_what_is_in_use_is_told_of_a_type_and_of_all(fhir):
    tag, profile, label = fresh(), f"http://a.example/{fresh()}", fresh()
    fhir.create(
        patient(
            meta={
                "tag": [{"system": "urn:a|b", "code": tag}],
                "profile": [profile],
                "security": [{"code": label}],
            }
        )
    )
    for path in ("Patient/$meta", "$meta"):
        found = told(fhir.get(path))
        assert {"system": "urn:a|b", "code": tag} in found["tag"]
        assert profile in found["profile"]
        assert {"code": label} in found["security"]
        assert "versionId" not in found
    group = fhir.get("Group/$meta")
    assert tag not in group.text


def test_adding_makes_a_version_with_more(fhir, stored, change):
    answer = change("add", tag=[{"system": "urn:test:tag", "code": "b"}], profile=["urn:p"])
    found = told(answer)
    assert etag(answer) == 'W/"2"'
    assert [one["code"] for one in found["tag"]] == ["a", "b"]
    assert found["profile"] == ["urn:p"]
    now = fhir.read("Patient", stored["id"])
    assert now["meta"] == found
    assert {**now, "meta": None} == {**stored, "meta": None}
    assert fhir.read("Patient", f"{stored['id']}/_history/1") == stored


def test_it_is_found_by_what_was_added(fhir, stored, change):
    code = fresh()
    change("add", tag=[{"code": code}])
    assert fhir.ids(f"Patient?_tag={code}") == [stored["id"]]
    change("delete", tag=[{"code": code}])
    assert fhir.ids(f"Patient?_tag={code}") == []


def test_what_is_there_already_is_not_added(change):
    answer = change("add", tag=[{**TAG, "display": "other"}])
    assert etag(answer) == 'W/"1"'
    assert told(answer)["tag"] == [TAG]


def test_what_is_not_there_is_deleted_without_a_version(change):
    assert etag(change("delete", tag=[{"code": "a"}], profile=["urn:p"])) == 'W/"1"'


def test_deleting_takes_away_by_system_and_code(change):
    answer = change("delete", tag=[{**TAG, "display": "whatever"}])
    assert "tag" not in told(answer)
    assert etag(answer) == 'W/"2"'


def test_all_other_bytes_stay(fhir):
    body = (
        '{"resourceType":"Patient","name":[{"text":"\\u9648"}],'
        '"extension":[{"url":"urn:a","valueDecimal":1.50}],"multipleBirthInteger":2}'
    )
    id = fhir.post("Patient", body.encode()).json()["id"]
    before = fhir.get(f"Patient/{id}").content
    fhir.post(f"Patient/{id}/$meta-add", given(tag=[TAG]))
    after = fhir.get(f"Patient/{id}").content
    rest = '"name":[{"text":"\\u9648"}],"extension":[{"url":"urn:a","valueDecimal":1.50}],'
    assert rest.encode() in before
    assert rest.encode() in after


def test_if_match_holds(fhir, stored, change):
    change("add", tag=[{"code": "b"}])
    path = f"Patient/{stored['id']}/$meta-add"
    refused(fhir.post(path, given(tag=[{"code": "c"}]), If_Match='W/"1"'), 412)
    assert fhir.post(path, given(tag=[{"code": "c"}]), If_Match='W/"2"').status_code == 200


def test_of_many_who_add_at_once_nothing_is_lost(fhir, stored):
    codes = [f"c{number}" for number in range(12)]

    def add(code):
        while True:
            path = f"Patient/{stored['id']}/$meta-add"
            answer = fhir.post(path, given(tag=[{"code": code}]))
            if answer.status_code != 409:
                return answer.status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(add, codes)) == {200}
    found = told(fhir.get(f"Patient/{stored['id']}/$meta"))
    assert {one["code"] for one in found["tag"]} == {"a", *codes}
    assert found["versionId"] == str(1 + len(codes))


def test_a_change_is_posted(fhir, stored):
    for how in ("add", "delete"):
        path = f"Patient/{stored['id']}/$meta-{how}"
        answer = fhir.get(path)
        refused(answer, 405)
        assert answer.headers["Allow"] == "POST, OPTIONS"
        assert fhir.request("OPTIONS", path).headers["Allow"] == "POST, OPTIONS"


def test_what_is_not_there_or_gone_has_no_meta(fhir, stored):
    refused(fhir.post(f"Patient/{fresh()}/$meta-add", given(tag=[TAG])), 404)
    refused(fhir.get(f"Patient/{fresh()}/$meta"), 404)
    fhir.delete(f"Patient/{stored['id']}")
    refused(fhir.post(f"Patient/{stored['id']}/$meta-add", given(tag=[TAG])), 410)
    refused(fhir.get(f"Patient/{stored['id']}/$meta"), 410)


def test_the_trail_and_shipped_definitions_are_not_labelled(fhir):
    refused(fhir.post("AuditEvent/a/$meta-add", given(tag=[TAG])), 403)
    refused(fhir.post("OperationDefinition/meta/$meta-add", given(tag=[TAG])), 403)
