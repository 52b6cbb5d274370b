"""Where a resource says that it comes from, which is the caller's to say and is kept as it is.

Spec: https://hl7.org/fhir/R4/resource-definitions.html#Meta.source
"""

import pytest

from tests.api.client import refused
from tests.builders import fresh, patient


@pytest.fixture
def source():
    return f"urn:test:{fresh()}#第1.50版"


def test_a_source_is_kept_through_updates_and_in_the_history(fhir, source):
    stored = fhir.create(patient(meta={"source": source}))
    assert stored["meta"]["source"] == source
    changed = fhir.update({**stored, "gender": "male"})
    assert changed["meta"]["source"] == source
    path = f"Patient/{stored['id']}"
    for version in (1, 2):
        kept = f'"source":"{source}"'.encode()
        assert kept in fhir.get(f"{path}/_history/{version}").content
    history = fhir.bundle(f"{path}/_history")["entry"]
    assert [one["resource"]["meta"]["source"] for one in history] == [source, source]


def test_it_is_searched_by_as_it_is_in_the_current_version(fhir, source):
    other = f"urn:test:{fresh()}"
    stored = fhir.create(patient(meta={"source": source}))
    query = {"_source": source}
    found = fhir.session.get(f"{fhir.base}/Patient", params=query).json()
    assert [one["resource"]["id"] for one in found["entry"]] == [stored["id"]]
    stored["meta"]["source"] = other
    fhir.update(stored)
    assert "entry" not in fhir.session.get(f"{fhir.base}/Patient", params=query).json()
    assert fhir.ids(f"Patient?_source={other}") == [stored["id"]]


def test_a_source_that_is_left_out_is_gone_from_the_next_version(fhir, source):
    stored = fhir.create(patient(meta={"source": source}))
    changed = fhir.update(patient(id=stored["id"]))
    assert "source" not in changed["meta"]
    assert fhir.get(f"Patient/{stored['id']}/_history/1").json()["meta"]["source"] == source


def test_the_id_of_a_request_is_no_part_of_it(fhir, source):
    answer = fhir.post("Patient", patient(meta={"source": source}), X_Request_Id="request-1")
    assert answer.headers["X-Request-Id"] == "request-1"
    assert answer.json()["meta"]["source"] == source
    assert "source" not in fhir.create(patient())["meta"]


def test_a_source_is_a_uri(fhir):
    refused(fhir.post("Patient", patient(meta={"source": "not a uri"})), 422)
