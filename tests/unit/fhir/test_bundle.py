"""Bundles are joined from the bytes of their resources.

Spec: https://hl7.org/fhir/R4/bundle.html
"""

import json

import pytest
from fhir.resources.R4B import get_fhir_model_class

from server.fhir import bundle

BODY = b'{"resourceType":"Observation","id":"1","valueQuantity":{"value":1.50}}'
LINKS = {"self": "http://x/fhir/Observation?code=a%7Cb", "next": 'http://x/fhir/Observation?"q'}
REQUEST = {"method": "PUT", "url": "Observation/1"}
RESPONSE = {"status": "200", "etag": 'W/"2"', "lastModified": "2026-01-01T08:00:00+08:00"}


def test_a_resource_goes_in_as_it_is_stored():
    entry = bundle.found(b"http://x/fhir/Observation/", "1", BODY)
    assert BODY in bundle.bundle("searchset", [entry], LINKS)
    assert BODY in bundle.past("http://x/fhir/Observation/1", BODY, REQUEST, RESPONSE)


def test_links_keep_their_order_and_are_escaped():
    made = json.loads(bundle.bundle("searchset", [], LINKS))
    assert made["link"] == [{"relation": name, "url": url} for name, url in LINKS.items()]


def test_an_empty_bundle_has_no_entries_at_all():
    """An empty array is not allowed: https://hl7.org/fhir/R4/json.html#primitive."""
    assert "entry" not in json.loads(bundle.bundle("searchset", [], LINKS))


@pytest.mark.parametrize(("total", "told"), [(None, None), (0, 0), (7, 7)])
def test_a_total_is_told_only_if_it_is_known(total, told):
    made = json.loads(bundle.bundle("searchset", [], LINKS, total))
    assert made.get("total") == told
    assert ("total" in made) == (total is not None)


def test_entries_say_why_they_are_there():
    entries = [
        bundle.found(b"http://x/fhir/Observation/", "1", BODY),
        bundle.outcome(b'{"resourceType":"OperationOutcome"}'),
    ]
    made = json.loads(bundle.bundle("searchset", entries, LINKS))
    assert [entry["search"]["mode"] for entry in made["entry"]] == ["match", "outcome"]
    assert [entry.get("fullUrl") for entry in made["entry"]] == [
        "http://x/fhir/Observation/1",
        None,
    ]


def test_a_deletion_in_a_history_has_no_resource():
    entry = json.loads(bundle.past("http://x/fhir/Observation/1", None, REQUEST, RESPONSE))
    assert "resource" not in entry
    assert (entry["request"], entry["response"]) == (REQUEST, RESPONSE)


@pytest.mark.parametrize("type", ["searchset", "history"])
def test_another_library_reads_them(type):
    body = BODY.replace(b'"id"', b'"status":"final","code":{"text":"x"},"id"')
    entry = {
        "searchset": bundle.found(b"http://x/fhir/Observation/", "1", body),
        "history": bundle.past("http://x/fhir/Observation/1", body, REQUEST, RESPONSE),
    }[type]
    links = {"self": "http://x/fhir/Observation"}
    made = bundle.bundle(type, [entry, entry], links)
    read = get_fhir_model_class("Bundle").model_validate_json(made)
    assert [each.resource.id for each in read.entry] == ["1", "1"]
