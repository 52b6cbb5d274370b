"""Ids, versions and paths that try to be something else.

Spec: https://hl7.org/fhir/R4/datatypes.html#id
"""

import pytest

from tests.api.client import FHIR_JSON, raw, refusal, refused
from tests.builders import fresh, patient

BAD = [
    "..",
    "%2e%2e",
    "%2E%2E",
    "..%2f..%2fetc%2fpasswd",
    "..%5c..",
    "$where",
    "%24where",
    "%00",
    "a%00b",
    "a%0ab",
    "a%0d%0aX:y",
    "a" * 65,
    "a" * 5000,
    "a_b",
    "a%20b",
    "a+b",
    "a~b",
    "a@b",
    "a|b",
    "a%7Cb",
    "a%2Fb",
    "a%25b",
    "{id}",
    "[a]",
    "a'b",
    "%22a%22",
    "%E7%94%B2%E5%AD%90",
    "%ff",
    "%c0%ae%c0%ae",
    "%E7%94",
    "*",
    "a;b",
    "a,b",
    "<script>",
    "%EF%BC%91",
]


def direct(base: str, method: str, path: str, body: bytes = b""):
    """Send `path` as it is written: HTTP libraries tidy up dots and escapes."""
    prefix = base.split("/", 3)[3]
    target = f"/{prefix}/{path}".encode()
    head = b"Host: x\r\nContent-Type: application/fhir+json\r\nConnection: close\r\n"
    length = b"Content-Length: %d\r\n" % len(body)
    return raw(
        base, method.encode() + b" " + target + b" HTTP/1.1\r\n" + head + length + b"\r\n" + body
    )


def no_success(answer):
    """Check that `answer` is a refusal; where the URL reached FHIR, in FHIR's words."""
    assert 400 <= answer.status < 500, (answer.status, answer.body[:300])
    assert answer.headers["content-type"].split(";")[0] == FHIR_JSON, answer.body[:300]
    refusal(answer.body)


@pytest.mark.parametrize("id", BAD)
def test_a_bad_id_reads_nothing(base, id):
    no_success(direct(base, "GET", f"Patient/{id}"))
    no_success(direct(base, "GET", f"Patient/{id}/_history"))
    no_success(direct(base, "GET", f"Patient/{id}/_history/1"))


@pytest.mark.parametrize("id", BAD)
def test_a_bad_id_is_not_written(base, fhir, id):
    fhir.create(patient())
    before = fhir.bundle("Patient/_history?_count=1")["entry"][0]["fullUrl"]
    no_success(direct(base, "PUT", f"Patient/{id}", b'{"resourceType":"Patient","id":"x"}'))
    no_success(direct(base, "DELETE", f"Patient/{id}"))
    assert fhir.bundle("Patient/_history?_count=1")["entry"][0]["fullUrl"] == before


@pytest.mark.parametrize(
    "id",
    ["..", "a_b", "a b", "", " ", "a" * 65, "$where", "甲子", "a/b", "a\\u0000b", "../x", "a\\n"],
)
def test_a_bad_id_in_the_body_is_refused(fhir, id):
    body = f'{{"resourceType":"Patient","id":"{id}"}}'.encode()
    refused(fhir.put(f"Patient/{fresh()}", body), 400, 422)
    # A create does not use the id of the body, yet what is not an id is not FHIR. Dots are.
    if id != "..":
        refused(fhir.post("Patient", body), 400, 422)


@pytest.mark.parametrize("id", ["a", "A-1.b", "1", "-", "a" * 64, "0.0", "a.b.c"])
def test_every_id_that_fhir_allows_can_be_used(fhir, id):
    id = f"{fresh()[:20]}{id}"[-64:] if len(id) < 64 else fresh().ljust(64, "x")
    assert fhir.put(f"Patient/{id}", patient(id=id)).status_code == 201
    assert fhir.read("Patient", id)["id"] == id
    assert fhir.ids(f"Patient?_id={id}") == [id]


def test_ids_that_differ_in_case_are_different(fhir):
    id = fresh() + "aB"
    fhir.update(patient(id=id, gender="male"))
    refused(fhir.get(f"Patient/{id.upper()}"), 404)
    refused(fhir.get(f"Patient/{id.lower()}"), 404)


@pytest.mark.parametrize(
    "path",
    [
        "Nonsense/1", "Patient/../Observation/1", "Patient/./1", "Patient//1", "//Patient/1",
        "Patient/1/", "Patient/1/_history/", "Patient/1/_history/1/2", "Patient/1/_nonsense",
        "Patient/$nonsense",
        "$nonsense", "Patient/1/$nonsense", "%50atient/%", "Patient/1%", "Patient/%zz",
        "Resource/1",
        "DomainResource/1", "Element/1", "__class__/1", "admin/1", "system.users/1", "_history/1",
        "metadata/1", ".env", "Patient%00/1", "Patient_history/1", "Patient.x/1", "%2e%2e/livez",
    ],
)  # fmt: skip
def test_a_path_that_means_nothing_is_refused(base, path):
    no_success(direct(base, "GET", path))


def test_a_path_of_eight_thousand_characters_is_refused(base):
    answer = direct(base, "GET", "Patient/" + "a" * 7900)
    assert 400 <= answer.status < 500


@pytest.mark.parametrize(
    "version", ["%00", "..", "1%2f2", "$", "1e1", "01", "+1", "%EF%BC%91", "a" * 100, "9" * 400]
)
def test_a_version_that_is_none_is_refused(base, fhir, version):
    stored = fhir.create(patient())
    no_success(direct(base, "GET", f"Patient/{stored['id']}/_history/{version}"))


def test_a_url_with_bytes_beyond_ascii_is_refused(base):
    """RFC 3986 2: such bytes are sent percent-encoded."""
    answer = direct(base, "GET", "Patient/甲子")
    assert 400 <= answer.status < 500
