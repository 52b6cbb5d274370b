"""EncounterRecord: a visit as its institution tells it, and what that comes to.

Spec: docs/encounter-records.md
"""

import re
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from server.interactions.patch import JSON_PATCH
from tests.api.client import refused
from tests.api.pushing import TYPE, conditions, push, resident
from tests.api.xml import FHIR_XML
from tests.builders import ID_CARD, fresh
from tests.processes import ROOT
from tests.visits import diagnosis, result


def test_it_is_stored_as_it_came_and_projected(fhir, told):
    stored = push(fhir, told)
    mine = ("id", "meta", "resident", "organization")
    assert {name: one for name, one in stored.items() if name not in mine} == told
    assert fhir.read(TYPE, stored["id"]) == stored
    assert fhir.get(f"{TYPE}/{stored['id']}/_history/1").json() == stored
    (encounter,) = fhir.bundle(f"Encounter?patient={resident(stored)}")["entry"]
    source = encounter["resource"]["meta"]["source"]
    assert source.endswith(f"/fhir/{TYPE}/{stored['id']}")
    assert conditions(fhir, stored) == {"高血压": "confirmed", "头晕": "confirmed"}


def test_the_visit_that_the_docs_push_comes_to_what_they_say(fhir):
    text = (ROOT / "docs" / "encounter-records.md").read_text("utf-8")
    visit = orjson.loads(re.search(r"-d '(\{.*?\n\})'", text, re.DOTALL)[1])
    stored = push(fhir, {**visit, "visitNumber": fresh()})
    assert conditions(fhir, stored)["高血压"] == "confirmed"


def test_its_provenance_names_all_that_it_came_to_and_the_version_that_it_came_of(fhir, told):
    stored = push(fhir, told)
    (entry,) = fhir.bundle(f"Provenance?entity={TYPE}/{stored['id']}")["entry"]
    provenance = entry["resource"]
    types = sorted(one["reference"].partition("/")[0] for one in provenance["target"])
    assert types == ["Composition", "Condition", "Condition", "Encounter", "Observation"]
    assert provenance["entity"][0]["what"]["reference"] == f"{TYPE}/{stored['id']}/_history/1"
    assert provenance["agent"][0]["who"]["identifier"] == told["institution"]["identifier"]


def test_the_same_visit_again_changes_nothing(fhir, told):
    first, again = push(fhir, told), push(fhir, told, 200)
    assert again == first
    found = fhir.bundle(f"Condition?patient={resident(first)}")["entry"]
    assert {one["resource"]["meta"]["versionId"] for one in found} == {"1"}


def test_a_correction_changes_what_changed_and_retracts_what_is_gone(fhir, told):
    first = push(fhir, told)
    one, other = told["diagnosis"]
    changed = {**told, "diagnosis": [other, diagnosis("眩晕")], "result": [result(6.5)]}
    second = push(fhir, changed, 200)
    assert (second["id"], second["meta"]["versionId"]) == (first["id"], "2")
    assert conditions(fhir, second) == {
        one["name"]: "entered-in-error",
        other["name"]: "confirmed",
        "眩晕": "confirmed",
    }
    (measured,) = fhir.bundle(f"Observation?patient={resident(second)}")["entry"]
    assert measured["resource"]["valueQuantity"]["value"] == 6.5
    assert measured["resource"]["meta"]["versionId"] == "2"


def test_what_comes_back_is_no_longer_in_error(fhir, told):
    push(fhir, told)
    push(fhir, {**told, "diagnosis": told["diagnosis"][:1]}, 200)
    last = push(fhir, told, 200)
    assert conditions(fhir, last) == {"高血压": "confirmed", "头晕": "confirmed"}


@pytest.mark.parametrize("way", ["status", "delete"])
def test_a_cancelled_visit_is_entered_in_error_as_a_whole(fhir, told, way):
    stored = push(fhir, told)
    if way == "status":
        push(fhir, {**told, "status": "entered-in-error"}, 200)
    else:
        assert fhir.delete(f"{TYPE}/{stored['id']}").status_code == 204
    assert set(conditions(fhir, stored).values()) == {"entered-in-error"}
    for type in ("Encounter", "Observation", "Composition"):
        (entry,) = fhir.bundle(f"{type}?patient={resident(stored)}")["entry"]
        assert entry["resource"]["status"] == "entered-in-error"
    (entry,) = fhir.bundle(f"Provenance?entity={TYPE}/{stored['id']}")["entry"]
    assert entry["resource"]["activity"]["coding"][0]["code"] == "NULLIFY"


def test_of_eight_who_push_a_visit_of_somebody_new_all_make_one(fhir, told, number):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: fhir.post(TYPE, told), range(8)))
    assert sorted(one.status_code for one in answers) == [200] * 7 + [201]
    assert len({one.json()["id"] for one in answers}) == 1
    assert len(fhir.ids(f"Patient?identifier={ID_CARD}|{number}")) == 1


def test_the_institution_may_be_named_by_its_code_or_by_reference(fhir, told):
    code = {"system": "urn:test:institution", "value": fresh()}
    made = fhir.create({"resourceType": "Organization", "name": "示例", "identifier": [code]})
    named = f"Organization/{made['id']}"
    by_code = push(fhir, {**told, "institution": {"identifier": code}})
    by_reference = push(fhir, {**told, "institution": {"reference": named}}, 200)
    assert by_reference["id"] == by_code["id"]
    assert by_code["organization"] == {"reference": named}
    assert fhir.ids(f"{TYPE}?organization={named}") == [by_code["id"]]


def test_an_institution_that_nobody_can_tell_is_refused(fhir, told):
    outcome = refused(fhir.post(TYPE, {**told, "institution": {"display": "某医院"}}), 422)
    assert outcome[0]["expression"] == [f"{TYPE}.institution"]


def test_put_under_an_id_of_ones_own_and_no_second_record_of_the_visit(fhir, told):
    id = fresh()
    assert fhir.put(f"{TYPE}/{id}", {**told, "id": id}).status_code == 201
    assert push(fhir, told, 200)["id"] == id
    other = fresh()
    refused(fhir.put(f"{TYPE}/{other}", {**told, "id": other}), 409)


def test_a_patch_is_projected(fhir, told):
    stored = push(fhir, told)
    patch = b'[{"op":"remove","path":"/diagnosis/1"}]'
    answer = fhir.request("PATCH", f"{TYPE}/{stored['id']}", patch, Content_Type=JSON_PATCH)
    assert answer.status_code == 200, answer.text
    assert conditions(fhir, stored)["头晕"] == "entered-in-error"


def test_what_has_no_code_of_its_table_is_refused_and_nothing_is_stored(fhir, told, number):
    wrong = {**told, "visitClass": {"coding": [{**told["visitClass"]["coding"][0], "code": "7"}]}}
    outcome = refused(fhir.post(TYPE, wrong), 422)
    assert outcome[0]["expression"] == [f"{TYPE}.visitClass"]
    assert fhir.ids(f"Patient?identifier={number}") == []


def test_what_cannot_be_projected_is_refused_where_the_record_says_it(fhir, told):
    wrong = {**told, "diagnosis": [diagnosis("高血压", "高血压")]}
    outcome = refused(fhir.post(TYPE, wrong), 422)
    assert outcome[0]["expression"] == [f"{TYPE}.diagnosis[0].code.coding"]


def test_it_is_xml_like_any_resource(fhir, told):
    stored = push(fhir, told)
    answer = fhir.get(f"{TYPE}/{stored['id']}", Accept=FHIR_XML)
    assert answer.text.startswith('<?xml version="1.0" encoding="UTF-8"?><EncounterRecord')
    changed = answer.content.replace("头晕".encode(), "眩晕".encode())
    put = fhir.request("PUT", f"{TYPE}/{stored['id']}", changed, Content_Type=FHIR_XML)
    assert put.json()["diagnosis"][1]["name"] == "眩晕"


def test_entries_of_a_transaction_are_projected_for_the_patient_they_link_to(fhir, told):
    link = f"urn:uuid:{'0' * 8}-0000-4000-8000-{'0' * 12}"
    linked = {name: one for name, one in told.items() if name != "contained"}
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "request": {"method": "POST", "url": TYPE},
                "resource": {**linked, "patient": {"reference": link}},
            },
            {
                "fullUrl": link,
                "request": {"method": "POST", "url": "Patient"},
                "resource": {"resourceType": "Patient", "name": [{"text": "测试甲"}]},
            },
        ],
    }
    answer = fhir.post("", bundle)
    assert answer.status_code == 200, answer.text
    made, who = (one["response"]["location"] for one in answer.json()["entry"])
    stored = fhir.read(TYPE, made.split("/")[-3])
    assert resident(stored) == f"Patient/{who.split('/')[-3]}"
    assert len(conditions(fhir, stored)) == 2


def test_a_batch_takes_each_record_by_itself(fhir, told, number):
    other = {**told, "visitNumber": fresh()}
    wrong = {**told, "visitNumber": fresh(), "institution": {}}
    entries = [{"request": {"method": "POST", "url": TYPE}, "resource": one}
               for one in (told, wrong, other)]  # fmt: skip
    answer = fhir.post("", {"resourceType": "Bundle", "type": "batch", "entry": entries})
    statuses = [one["response"]["status"][:3] for one in answer.json()["entry"]]
    assert statuses == ["201", "422", "201"]
    assert len(fhir.ids(f"Patient?identifier={number}")) == 1


@pytest.mark.parametrize(
    "query",
    ["identifier={v}", "date=2026-03-01&patient={p}", "class=1&patient={p}",
     "diagnosis=I10.x00x002&patient={p}", "record-number=T-{v}", "status:missing=true&patient={p}",
     "organization:identifier=TEST-A&identifier={v}", "patient.identifier={n}",
     "department=A02&identifier={v}"],
)  # fmt: skip
def test_it_is_found_by(fhir, told, number, query):
    department = {"coding": [{"system": "urn:oid:2.16.156.10011.2.3.2.62", "code": "A02"}]}
    visit = told["visitNumber"]
    stored = push(fhir, {**told, "recordNumber": f"T-{visit}", "department": department})
    asked = query.format(v=visit, p=resident(stored), n=number)
    assert fhir.ids(f"{TYPE}?{asked}") == [stored["id"]]


def test_it_is_in_the_compartment_of_its_resident(fhir, told):
    stored = push(fhir, told)
    assert fhir.ids(f"{resident(stored)}/{TYPE}") == [stored["id"]]


def test_who_asks_for_everything_gets_types_of_r4_and_who_names_it_gets_records(fhir, told):
    stored = push(fhir, told)
    for path in (f"{resident(stored)}/$everything", f"{resident(stored)}/*", "_history"):
        found = {one["resource"]["resourceType"] for one in fhir.bundle(path)["entry"]}
        assert "Condition" in found
        assert TYPE not in found
    named = fhir.bundle(f"{resident(stored)}/$everything?_type={TYPE}")["entry"]
    assert [one["resource"]["id"] for one in named] == [stored["id"]]


def test_its_document_has_all_that_it_came_to(fhir, told):
    stored = push(fhir, told)
    document = fhir.bundle(f"{TYPE}/{stored['id']}/$document")
    first, *others = [one["resource"]["resourceType"] for one in document["entry"]]
    assert first == "Composition"
    assert {"Condition", "Encounter", "Observation", "Patient"} <= {*others}


def test_the_statement_tells_of_it_where_r4_has_room(fhir):
    (rest,) = fhir.get("metadata").json()["rest"]
    assert TYPE not in {one["type"] for one in rest["resource"]}
    (model,) = rest["extension"]
    said = [(one["url"], one.get("valueCode")) for one in model["extension"]]
    assert ("type", TYPE) in said
    assert {("interaction", code) for code in ("create", "patch", "vread")} <= {*said}
