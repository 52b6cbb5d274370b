"""A batch: each entry is done or refused by itself.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

import pytest

from tests.api.bundles import batch, bundle, created, done, entry, path, put, statuses, why
from tests.builders import TEST, fresh, identifier, observation, patient


def test_what_is_wrong_with_one_entry_is_nothing_to_the_others(fhir):
    id = fresh()
    sent = batch(
        created(patient()),
        created(observation(status="nonsense")),
        put(patient(id=id)),
        entry("GET", "Patient/nobody"),
        entry("GET", "Nonsense"),
        entry("PUT", "Patient/a", patient(id="b")),
        {"resource": patient()},
        created({"resourceType": "Observation"}),
    )
    answered = done(fhir.post("", sent), "batch")
    assert statuses(answered) == [201, 422, 201, 404, 404, 400, 400, 422]
    assert fhir.get(path(answered[0])).status_code == 200
    assert fhir.get(f"Patient/{id}").status_code == 200


def test_a_refusal_says_in_which_entry_and_element(fhir):
    sent = batch(created(patient()), created(observation(status="nonsense")))
    _, answered = done(fhir.post("", sent), "batch")
    (issue,) = answered["response"]["outcome"]["issue"]
    assert issue["expression"] == ["Bundle.entry[1].resource.status"]


def test_searches_histories_and_versions_are_read(fhir):
    id, value = fresh(), fresh()
    fhir.put(f"Patient/{id}", patient(id=id, identifier=[identifier(value)]))
    sent = batch(
        entry("GET", f"Patient?identifier={TEST}|{value}"),
        entry("GET", f"Patient/{id}/_history"),
        entry("GET", f"Patient/{id}/_history/1"),
        entry("GET", f"Patient/{id}", ifNoneMatch='W/"1"'),
        entry("HEAD", f"Patient/{id}"),
        entry("GET", "metadata"),
    )
    answered = done(fhir.post("", sent), "batch")
    assert statuses(answered) == [200, 200, 200, 304, 200, 200]
    kinds = [one.get("resource", {}).get("resourceType") for one in answered]
    assert kinds[:5] == ["Bundle", "Bundle", "Patient", None, None]
    assert kinds[5] == "CapabilityStatement"


def test_what_was_not_changed_since_is_not_sent_again(fhir):
    id = fresh()
    fhir.put(f"Patient/{id}", patient(id=id))
    sent = batch(entry("GET", f"Patient/{id}", ifModifiedSince="2100-01-01T00:00:00Z"),
                 entry("GET", f"Patient/{id}", ifModifiedSince="2000-01-01T00:00:00Z"))  # fmt: skip
    assert statuses(done(fhir.post("", sent), "batch")) == [304, 200]


def test_entries_are_deleted_then_created_then_updated_then_read(fhir):
    id, value = fresh(), fresh()
    fhir.put(f"Patient/{id}", patient(id=id))
    sent = batch(
        entry("GET", f"Patient?identifier={TEST}|{value}"),
        put(patient(id=id, identifier=[identifier(value)])),
        created(patient(identifier=[identifier(value)])),
        entry("DELETE", f"Patient/{fresh()}"),
    )
    found, *_ = done(fhir.post("", sent), "batch")
    assert found["resource"]["total"] == 2


@pytest.mark.parametrize(
    "broken",
    [
        {"entry": "x"},
        {"entry": [7]},
        {"entry": [{"request": {"method": "BREW", "url": "Patient"}}]},
        {"entry": [{"request": {"method": "GET"}}]},
        {"entry": [{"resource": "x", "request": {"method": "GET", "url": "Patient"}}]},
        {"entry": [{"fullUrl": 5, "request": {"method": "GET", "url": "Patient"}}]},
        {"entry": []},
        {"total": "x"},
        {"nonsense": 1},
    ],
)
@pytest.mark.parametrize("type", ["batch", "transaction"])
def test_a_bundle_that_is_broken_itself_is_refused_whole(fhir, type, broken):
    answer = fhir.post("", {"resourceType": "Bundle", "type": type, **broken})
    assert answer.status_code in (400, 422)
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_a_head_shows_no_resource(fhir):
    id = fresh()
    fhir.put(f"Patient/{id}", patient(id=id))
    (answered,) = done(fhir.post("", batch(entry("HEAD", f"Patient/{id}"))), "batch")
    assert answered["response"]["etag"] == 'W/"1"'
    assert "resource" not in answered


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_jobs_are_asked_after_alone(fhir, kind, method):
    value = fresh()
    new = created(patient(identifier=[identifier(value)]))
    answer = fhir.post("", bundle(kind, [new, entry(method, "_jobs/any")]))
    if kind == "transaction":
        assert why(answer, 400) == "entry-about-job"
    else:
        assert statuses(done(answer, kind)) == [201, 400]
    assert len(fhir.ids(f"Patient?identifier={TEST}|{value}")) == (kind == "batch")


def test_a_parameter_of_the_whole_is_refused(fhir):
    assert why(fhir.post("?colour=red", batch(created(patient()))), 400) == "parameter-unknown-here"
    done(fhir.post("?_format=json", batch(created(patient()))), "batch")
