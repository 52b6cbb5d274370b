"""HEAD, OPTIONS, and methods that a URL does not have.

Spec: https://hl7.org/fhir/R4/http.html#read, RFC 9110 9.3.2, 9.3.7, 15.5.6
"""

import re

import pytest

from tests.api.client import refused
from tests.builders import fresh, patient


def allowed(answer):
    return set(re.split(r", *", answer.headers["Allow"]))


@pytest.fixture
def stored(fhir):
    return fhir.create(patient())


def test_a_head_is_a_get_without_a_body(fhir, stored):
    for path in (
        f"Patient/{stored['id']}",
        f"Patient/{stored['id']}/_history/1",
        f"Patient?_id={stored['id']}",
        "metadata",
    ):
        got, head = fhir.get(path), fhir.request("HEAD", path)
        assert head.status_code == got.status_code == 200
        assert not head.content
        for name in ("ETag", "Last-Modified", "Content-Type", "Content-Length"):
            assert head.headers.get(name) == got.headers.get(name), (path, name)


def test_a_head_of_what_is_not_there_has_the_status_of_the_get(fhir, stored):
    assert fhir.request("HEAD", f"Patient/{fresh()}").status_code == 404
    fhir.delete(f"Patient/{stored['id']}")
    head = fhir.request("HEAD", f"Patient/{stored['id']}")
    assert head.status_code == 410
    assert not head.content


def test_a_head_knows_if_none_match(fhir, stored):
    head = fhir.request("HEAD", f"Patient/{stored['id']}", If_None_Match='W/"1"')
    assert head.status_code == 304


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("Patient", {"GET", "HEAD", "POST", "PUT", "DELETE"}),
        ("Patient/x", {"GET", "HEAD", "PUT", "DELETE"}),
        ("Patient/x/_history", {"GET", "HEAD"}),
        ("Patient/x/_history/1", {"GET", "HEAD"}),
        ("Patient/_search", {"POST"}),
        ("metadata", {"GET", "HEAD"}),
        ("_history", {"GET", "HEAD"}),
    ],
)
def test_options_names_the_methods(fhir, path, methods):
    answer = fhir.request("OPTIONS", path)
    assert answer.status_code in (200, 204)
    assert methods <= allowed(answer)
    assert "OPTIONS" in allowed(answer)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "Patient/x"),
        ("POST", "Patient/x/_history"),
        ("PUT", "Patient/x/_history/1"),
        ("DELETE", "_history"),
        ("DELETE", "metadata"),
        ("PUT", "metadata"),
        ("PUT", "Patient/_search"),
        ("TRACE", "Patient/x"),
        ("PATCH", "metadata"),
        ("BREW", "Patient/x"),
        ("PROPFIND", "Patient"),
    ],
)
def test_another_method_is_405_and_says_which_there_are(fhir, method, path):
    answer = fhir.request(method, path, b"{}" if method in ("PUT", "PATCH", "POST") else None)
    refused(answer, 405)
    assert method not in allowed(answer)
    assert allowed(answer) & {"GET", "POST"}
    for other in allowed(answer) - {"OPTIONS"}:
        assert fhir.request(other, path).status_code != 405


@pytest.mark.parametrize(
    "path", ["Nonsense", "Nonsense/1", "patient", "patient/1", "Patient/1/2", "x/y/z/w/v"]
)
def test_a_url_that_means_nothing_is_404(fhir, path):
    for method in ("GET", "POST", "PUT", "DELETE"):
        body = b'{"resourceType":"Nonsense"}' if method in ("POST", "PUT") else None
        refused(fhir.request(method, path, body), 404)
