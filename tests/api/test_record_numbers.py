"""One institution and its number of a visit are one record, whoever writes it and how.

Spec: docs/encounter-records.md
"""

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from server.interactions.patch import JSON_PATCH
from tests.api.client import refused
from tests.api.pushing import TYPE, push
from tests.builders import ID_CARD, fresh
from tests.visits import id_number, person


def changed(fhir, id, *operations):
    """Patch the record `id`; return the answer."""
    body = orjson.dumps(operations)
    return fhir.request("PATCH", f"{TYPE}/{id}", body, Content_Type=JSON_PATCH)


def renumbered(number):
    return {"op": "replace", "path": "/visitNumber", "value": number}


def of_visit(fhir, told, number):
    code = told["institution"]["identifier"]
    named = f"organization:identifier={code['system']}|{code['value']}"
    return fhir.ids(f"{TYPE}?identifier=|{number}&{named}")


@pytest.mark.parametrize("round", range(4))
def test_of_those_who_give_records_one_number_at_once_one_does(fhir, told, round):
    number = fresh()
    ids = [push(fhir, {**told, "visitNumber": fresh()})["id"] for _ in range(6)]

    def attempt(id):
        if id is None:
            return fhir.post(TYPE, {**told, "visitNumber": number})
        return changed(fhir, id, renumbered(number))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, [*ids[:3], None, *ids[3:], None]))
    assert {one.status_code for one in answers} <= {200, 201, 409}
    assert len(of_visit(fhir, told, number)) == 1


def test_a_patch_gives_no_second_record_the_number_of_a_visit(fhir, told):
    first, other = push(fhir, told), push(fhir, {**told, "visitNumber": fresh()})
    refused(changed(fhir, other["id"], renumbered(told["visitNumber"])), 409)
    assert of_visit(fhir, told, told["visitNumber"]) == [first["id"]]
    assert changed(fhir, other["id"], renumbered(fresh())).status_code == 200


def test_of_those_who_name_somebody_new_by_patch_all_make_one(fhir, told):
    new = id_number(3, "19660606")
    told = {**told, "contained": [person()], "recordNumber": fresh()}
    ids = [push(fhir, {**told, "visitNumber": fresh()})["id"] for _ in range(6)]
    who = {"op": "replace", "path": "/contained/0", "value": person(new, "测试新")}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda id: changed(fhir, id, who), ids))
    assert {one.status_code for one in answers} == {200}
    (patient,) = fhir.ids(f"Patient?identifier={ID_CARD}|{new}")
    assert {one.json()["resident"]["reference"] for one in answers} == {f"Patient/{patient}"}


@pytest.mark.parametrize("ways", [("put", "put"), ("put", "post"), ("patch", "patch"),
                                  ("patch", "post"), ("put", "patch")], ids="-".join)  # fmt: skip
def test_no_transaction_makes_two_records_of_one_visit(fhir, told, ways):
    number = fresh()

    def entry(way):
        id = push(fhir, {**told, "visitNumber": fresh()})["id"]
        new = {**told, "visitNumber": number}
        if way == "post":
            return {"resource": new, "request": {"method": "POST", "url": TYPE}}
        url = f"{TYPE}/{id}"
        if way == "put":
            return {"resource": {**new, "id": id}, "request": {"method": "PUT", "url": url}}
        data = b64encode(orjson.dumps([renumbered(number)])).decode()
        patch = {"resourceType": "Binary", "contentType": JSON_PATCH, "data": data}
        return {"resource": patch, "request": {"method": "PATCH", "url": url}}

    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [*map(entry, ways)]}
    refused(fhir.post("", bundle), 409)
    assert of_visit(fhir, told, number) == []
