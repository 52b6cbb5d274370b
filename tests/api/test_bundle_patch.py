"""Patches in batches and transactions: a Parameters resource, or a Binary that holds a JSON Patch.

Spec: https://hl7.org/fhir/R4/http.html#patch, https://hl7.org/fhir/R4/http.html#transaction
"""

import base64
import json

import pytest

from tests.api.bundles import batch, bundle, created, done, entry, statuses, transaction, urn
from tests.api.client import refused
from tests.builders import TEST, fresh, identifier, observation, patient

MALE = [{"op": "replace", "path": "/gender", "value": "male"}]
KINDS = pytest.mark.parametrize("kind", ["batch", "transaction"])


def packed(operations, type="application/json-patch+json"):
    data = operations if isinstance(operations, bytes) else json.dumps(operations).encode()
    return {"resourceType": "Binary", "contentType": type, "data": base64.b64encode(data).decode()}


def by_path(type, path, *parts):
    given = [{"name": "type", "valueCode": type}, {"name": "path", "valueString": path}, *parts]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": given}]}


BY_PATH = by_path("replace", "Patient.gender", {"name": "value", "valueCode": "male"})


@KINDS
@pytest.mark.parametrize("change", [packed(MALE), BY_PATH], ids=["JSON Patch", "FHIRPath Patch"])
def test_an_entry_patches(fhir, kind, change):
    stored = fhir.create(patient())
    (answered,) = done(
        fhir.post("", bundle(kind, [entry("PATCH", f"Patient/{stored['id']}", change)])), kind
    )
    assert answered["response"]["status"] == "200 OK"
    assert answered["response"]["etag"] == 'W/"2"'
    assert fhir.read("Patient", stored["id"])["gender"] == "male"


@KINDS
def test_an_entry_patches_what_its_criteria_match(fhir, kind):
    mark = fresh()
    stored = fhir.create(patient(identifier=[identifier(mark)]))
    url = f"Patient?identifier={TEST}|{mark}"
    done(fhir.post("", bundle(kind, [entry("PATCH", url, packed(MALE), ifMatch='W/"1"')])), kind)
    assert fhir.read("Patient", stored["id"])["gender"] == "male"


@KINDS
def test_an_entry_that_changes_nothing_makes_no_version(fhir, kind):
    stored = fhir.create(patient(gender="male"))
    sent = bundle(kind, [entry("PATCH", f"Patient/{stored['id']}", packed(MALE))])
    (answered,) = done(fhir.post("", sent, Prefer="return=representation"), kind)
    assert answered["response"]["etag"] == 'W/"1"'
    assert answered["resource"] == stored


def test_digits_stay_as_they_are_written(fhir):
    id = fhir.create(observation())["id"]
    change = packed(b'[ { "op":"add", "path":"/valueQuantity/value", "value": 36.50 } ]')
    done(fhir.post("", transaction(entry("PATCH", f"Observation/{id}", change))))
    assert b'"value":36.50' in fhir.get(f"Observation/{id}").content


def test_a_patch_may_link_to_what_the_transaction_makes(fhir):
    id, link = fhir.create(observation())["id"], urn()
    by_pointer = packed([{"op": "add", "path": "/subject", "value": {"reference": link}}])
    value = {"name": "value", "valueReference": {"reference": link}}
    by_name = by_path("add", "Observation", {"name": "name", "valueString": "subject"}, value)
    for change in (by_pointer, by_name):
        id = fhir.create(observation())["id"]
        sent = transaction(created(patient(), link), entry("PATCH", f"Observation/{id}", change))
        first, _ = done(fhir.post("", sent))
        made = first["response"]["location"].partition("/_history")[0].removeprefix(fhir.base + "/")
        assert fhir.read("Observation", id)["subject"] == {"reference": made}
        assert fhir.ids(f"Observation?subject={made}") == [id]


@pytest.mark.parametrize("link", ["urn:uuid:00000000-0000-4000-8000-000000000000", "Patient?_id=x"])
def test_a_link_to_nothing_is_refused(fhir, link):
    stored = fhir.create(observation())
    change = packed([{"op": "add", "path": "/subject", "value": {"reference": link}}])
    sent = transaction(entry("PATCH", f"Observation/{stored['id']}", change))
    refused(fhir.post("", sent), 400, 412)
    assert fhir.read("Observation", stored["id"]) == stored


FAULTY = [
    ("Patient/{id}", packed([{"op": "remove", "path": "/nothing"}]), {}, 422),
    ("Patient/{id}", packed([{"op": "replace", "path": "/gender", "value": "x"}]), {}, 422),
    ("Patient/{id}", packed([{"op": "replace", "path": "/id", "value": "x"}]), {}, 422),
    ("Patient/{id}", packed(MALE), {"ifMatch": 'W/"7"'}, 412),
    ("Patient/{id}", packed([{"op": "sing"}]), {}, 400),
    ("Patient/{id}", packed(b"{"), {}, 400),
    ("Patient/{id}", {**packed(MALE), "data": "a"}, {}, 400),
    ("Patient/{id}", packed(MALE, "text/plain"), {}, 415),
    ("Patient/{id}", patient(), {}, 400),
    ("Patient/{id}", by_path("delete", "Patient.colour"), {}, 422),
    ("Patient/nobody-at-all", packed(MALE), {}, 404),
    ("Patient?identifier=nobody-at-all", packed(MALE), {}, 404),
    ("Patient/{id}?colour=red", packed(MALE), {}, 400),
    ("Patient/{id}", None, {}, 400),
]


@pytest.mark.parametrize(("url", "change", "conditions", "status"), FAULTY)
def test_a_patch_at_fault_is_told_where_it_stands(fhir, url, change, conditions, status):
    stored, other = fhir.create(patient()), fhir.create(patient())
    faulty = entry("PATCH", url.format(id=stored["id"]), change, **conditions)
    good = entry("PATCH", f"Patient/{other['id']}", packed(MALE))
    issues = refused(fhir.post("", transaction(good, faulty)), status)
    assert issues[0]["expression"][0].startswith("Bundle.entry[1]")
    assert fhir.read("Patient", other["id"]) == other
    assert statuses(done(fhir.post("", batch(good, faulty)), "batch")) == [200, status]
    assert fhir.read("Patient", stored["id"]) == stored


def test_what_was_deleted_is_not_patched(fhir):
    id = fhir.create(patient())["id"]
    fhir.delete(f"Patient/{id}")
    refused(fhir.post("", transaction(entry("PATCH", f"Patient/{id}", BY_PATH))), 410)


def test_two_patches_of_one_resource_overlap(fhir):
    stored = fhir.create(patient())
    twice = [entry("PATCH", f"Patient/{stored['id']}", packed(MALE))] * 2
    refused(fhir.post("", transaction(*twice)), 400)
    assert fhir.read("Patient", stored["id"]) == stored


@pytest.mark.parametrize("separators", [(",", ":"), (", ", " : ")])
def test_a_patch_may_refer_by_criteria_however_it_is_spaced(fhir, separators):
    mark = fresh()
    whom = fhir.create(patient(identifier=[identifier(mark)]))["id"]
    id = fhir.create(observation())["id"]
    value = {"reference": f"Patient?identifier={TEST}|{mark}"}
    operations = [{"op": "add", "path": "/subject", "value": value}]
    change = packed(json.dumps(operations, separators=separators).encode())
    done(fhir.post("", transaction(entry("PATCH", f"Observation/{id}", change))))
    assert fhir.read("Observation", id)["subject"] == {"reference": f"Patient/{whom}"}
