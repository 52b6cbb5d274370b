"""The versions of a resource, of a type, of the system.

Spec: https://hl7.org/fhir/R4/http.html#history
"""

import time
from urllib.parse import quote

import pytest

from tests.api.client import link, refused
from tests.builders import fresh, patient


@pytest.fixture
def lived(fhir):
    """The id of a resource that was created, changed, deleted and created again."""
    first = fhir.create(patient(gender="male"))
    fhir.update({**first, "gender": "female"})
    fhir.delete(f"Patient/{first['id']}")
    fhir.update({**first, "gender": "other"})
    return first["id"]


def versions(bundle):
    return [entry["response"]["etag"] for entry in bundle["entry"]]


def test_a_history_bundle_holds_every_version_newest_first(fhir, lived):
    bundle = fhir.bundle(f"Patient/{lived}/_history")
    assert bundle["type"] == "history"
    assert versions(bundle) == ['W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']
    assert bundle.get("total", 4) == 4


def test_each_entry_tells_request_and_response(fhir, lived):
    """https://hl7.org/fhir/R4/bundle.html invariants bdl-3, bdl-4: both are there for history."""
    entries = fhir.bundle(f"Patient/{lived}/_history")["entry"]
    methods = [entry["request"]["method"] for entry in entries]
    assert methods[:3] == ["PUT", "DELETE", "PUT"]
    assert methods[3] in ("POST", "PUT")
    for entry in entries:
        assert entry["fullUrl"] == f"{fhir.base}/Patient/{lived}"
        assert entry["request"]["url"] in (f"Patient/{lived}", "Patient")
        assert entry["response"]["status"][:3] in ("200", "201", "204")
        assert entry["response"]["lastModified"]


def test_a_deletion_has_no_resource_and_the_others_are_as_they_were(fhir, lived):
    entries = fhir.bundle(f"Patient/{lived}/_history")["entry"]
    genders = [entry.get("resource", {}).get("gender") for entry in entries]
    assert genders == ["other", None, "female", "male"]
    numbers = [entry["resource"]["meta"]["versionId"] for entry in entries if "resource" in entry]
    assert numbers == ["4", "2", "1"]


def test_the_history_of_a_deleted_resource_is_kept(fhir):
    stored = fhir.create(patient())
    fhir.delete(f"Patient/{stored['id']}")
    assert versions(fhir.bundle(f"Patient/{stored['id']}/_history")) == ['W/"2"', 'W/"1"']


def test_the_history_of_what_never_was_is_404(fhir):
    refused(fhir.get(f"Patient/{fresh()}/_history"), 404)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_history_is_paged_without_loss_or_repetition(fhir, lived, count):
    pages = fhir.pages(f"Patient/{lived}/_history?_count={count}")
    found = [tag for page in pages for tag in versions(page)]
    assert found == ['W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']
    assert all(len(page["entry"]) <= count for page in pages)
    assert all(link(page, "self") for page in pages)


def test_since_leaves_out_what_is_older(fhir):
    first = fhir.create(patient(gender="male"))
    time.sleep(0.05)
    second = fhir.update({**first, "gender": "female"})
    since = quote(second["meta"]["lastUpdated"])
    assert versions(fhir.bundle(f"Patient/{first['id']}/_history?_since={since}")) == ['W/"2"']


def test_since_in_the_future_is_an_empty_history(fhir, lived):
    bundle = fhir.bundle(f"Patient/{lived}/_history?_since=2999-01-01T00:00:00Z")
    assert bundle.get("entry", []) == []


def test_at_finds_the_version_current_then(fhir):
    """https://hl7.org/fhir/R4/http.html#history: those current at some point of _at."""
    first = fhir.create(patient(gender="male"))
    time.sleep(0.05)
    fhir.update({**first, "gender": "female"})
    at = quote(first["meta"]["lastUpdated"])
    found = versions(fhir.bundle(f"Patient/{first['id']}/_history?_at={at}"))
    assert found == ['W/"1"']


@pytest.mark.parametrize(
    "query", ["_since=yesterday", "_at=2025-13", "_count=many", "_count=-1", "colour=red"]
)
def test_a_parameter_that_makes_no_sense_is_refused(fhir, lived, query):
    refused(fhir.get(f"Patient/{lived}/_history?{query}"), 400)


def test_a_type_history_holds_what_happened_to_the_type(fhir):
    first = fhir.create(patient())
    second = fhir.create(patient())
    fhir.delete(f"Patient/{first['id']}")
    bundle = fhir.bundle("Patient/_history?_count=3")
    assert bundle["type"] == "history"
    assert [entry["fullUrl"].rpartition("/")[2] for entry in bundle["entry"]] == [
        first["id"], second["id"], first["id"],
    ]  # fmt: skip


def test_a_system_history_holds_every_type(fhir):
    seen = fhir.create(patient())
    other = fhir.create({"resourceType": "Basic", "code": {"text": "test"}})
    bundle = fhir.bundle("_history?_count=2")
    assert [entry["fullUrl"] for entry in bundle["entry"]] == [
        f"{fhir.base}/Basic/{other['id']}",
        f"{fhir.base}/Patient/{seen['id']}",
    ]


def test_a_system_history_is_paged_across_types_in_order(fhir):
    made = [
        fhir.create(resource)
        for resource in (patient(), {"resourceType": "Basic", "code": {"text": "a"}}) * 3
    ]
    since = quote(made[0]["meta"]["lastUpdated"])
    pages = fhir.pages(f"_history?_count=2&_since={since}")
    found = [entry["fullUrl"].rpartition("/")[2] for page in pages for entry in page["entry"]]
    assert [id for id in found if id in {each["id"] for each in made}] == [
        each["id"] for each in reversed(made)
    ]


@pytest.mark.parametrize("path", ["Patient/_history", "_history"])
def test_a_cursor_that_was_tampered_with_is_refused(fhir, lived, path):
    fhir.create(patient())
    following = link(fhir.bundle(f"{path}?_count=1"), "next")
    broken = following.replace("_count=1", "_count=2").replace("_cursor=", "_cursor=A")
    assert broken != following
    refused(fhir.get(broken.removeprefix(f"{fhir.base}/")), 400)
