"""In which format a caller sends and gets.

Spec: https://hl7.org/fhir/R4/http.html#mime-type
"""

import json

import pytest

from tests.api.client import FHIR_JSON, refused
from tests.builders import fresh, patient


@pytest.fixture
def path(fhir):
    return f"Patient/{fhir.create(patient())['id']}"


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("application/fhir+json", FHIR_JSON),
        ("application/json", "application/json"),
        ("*/*", FHIR_JSON),
        ("application/*", FHIR_JSON),
        ("text/html, */*;q=0.1", "application/json"),
        ("application/fhir+xml;q=0.1, application/fhir+json", FHIR_JSON),
        ("text/turtle, application/fhir+json;q=0.5", FHIR_JSON),
        ("application/fhir+json; fhirVersion=4.0", FHIR_JSON),
        ("application/fhir+xml;q=nan, application/fhir+json;q=0.5", FHIR_JSON),
    ],
)
def test_accept(fhir, path, accept, given):
    answer = fhir.get(path, Accept=accept)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].split(";")[0] == given
    assert answer.json()["resourceType"] == "Patient"


@pytest.mark.parametrize(
    "accept", ["application/x-ndjson", "text/turtle", "image/png", "application/fhir+json;q=0"]
)
def test_a_format_that_cannot_be_given_is_406_in_one_that_can(fhir, path, accept):
    refused(fhir.get(path, Accept=accept), 406)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("json", 200),
        ("application/json", 200),
        ("application/fhir%2Bjson", 200),
        ("application/fhir+json", 200),
        ("ttl", 406),
        ("html", 406),
        ("nonsense", 406),
    ],
)
def test_format_wins_over_accept(fhir, path, name, status):
    """https://hl7.org/fhir/R4/http.html#parameters."""
    accept = "application/fhir+xml" if status == 200 else FHIR_JSON
    answer = fhir.get(f"{path}?_format={name}", Accept=accept)
    assert answer.status_code == status
    if status == 406:
        refused(answer, 406)


@pytest.mark.parametrize(
    "content_type",
    ["text/turtle", "application/fhir+xml; charset=GBK", "application/x-www-form-urlencoded",
     "text/plain", "multipart/form-data; boundary=x", "application/octet-stream", "nonsense",
     "application/json-patch+json", "application/fhir+json; charset=GBK", ""],
)  # fmt: skip
def test_a_body_of_another_content_type_is_415_and_not_stored(fhir, content_type):
    mark = fresh()
    body = patient(identifier=[{"value": mark}])
    refused(fhir.post("Patient", body, Content_Type=content_type), 415)
    id = fresh()
    refused(fhir.put(f"Patient/{id}", patient(id=id), Content_Type=content_type), 415)
    assert fhir.ids(f"Patient?identifier={mark}") == []
    refused(fhir.get(f"Patient/{id}"), 404)


def test_a_body_without_content_type_is_415(fhir):
    request = json.dumps(patient()).encode()
    answer = fhir.session.post(f"{fhir.base}/Patient", data=request, timeout=30)
    assert answer.status_code == 415


def test_answers_do_not_say_what_runs_the_server(fhir, path):
    for answer in (fhir.get(path), fhir.get("Nonsense/1")):
        told = " ".join(answer.headers.values()).lower()
        assert "werkzeug" not in told
        assert "python" not in told


def test_every_answer_has_a_request_id(fhir, path):
    given = fresh()
    assert fhir.get(path).headers["X-Request-Id"] != fhir.get(path).headers["X-Request-Id"]
    assert fhir.get(path, X_Request_Id=given).headers["X-Request-Id"] == given
    unsafe = fhir.get(path, X_Request_Id='a"b\\n{}').headers["X-Request-Id"]
    assert unsafe != 'a"b\\n{}'
