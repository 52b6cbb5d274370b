"""Content of any kind goes in and comes out as it is.

Spec: https://hl7.org/fhir/R4/binary.html#rest
"""

import base64
import gzip
import json
import re

import pytest

from tests.api.client import FHIR_JSON, etag, refused
from tests.builders import patient

PDF = b"%PDF-1.7\n\x00\xff\xfe binary \r\n"
TYPE = "application/pdf"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def sent(fhir):
    """Send content as it is, and return the Binary that it became."""

    def send(content=PDF, type=TYPE, **headers):
        answer = fhir.post("Binary", content, Content_Type=type, **headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return send


def test_content_becomes_a_binary(fhir, sent):
    stored = sent()
    assert stored["resourceType"] == "Binary"
    assert stored["contentType"] == TYPE
    assert base64.b64decode(stored["data"]) == PDF
    assert fhir.read("Binary", stored["id"]) == stored


@pytest.mark.parametrize("accept", ["*/*", TYPE, "image/png", "application/json", BROWSER])
def test_who_does_not_ask_for_fhir_gets_the_content(fhir, sent, accept):
    stored = sent()
    for path in (f"Binary/{stored['id']}", f"Binary/{stored['id']}/_history/1"):
        answer = fhir.get(path, Accept=accept)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == TYPE
        assert answer.content == PDF


def test_without_an_accept_header_the_content_comes(fhir, sent):
    stored = sent()
    answer = fhir.session.get(f"{fhir.base}/Binary/{stored['id']}", headers={"Accept": None})
    assert answer.content == PDF


@pytest.mark.parametrize(
    ("accept", "query"),
    [
        (FHIR_JSON, ""),
        (f"{FHIR_JSON}, */*;q=0.5", ""),
        (f"image/png, {FHIR_JSON};q=0.1", ""),
        ("*/*", "?_format=json"),
        (TYPE, "?_format=application/fhir%2Bjson"),
    ],
)
def test_who_asks_for_fhir_gets_the_resource(fhir, sent, accept, query):
    stored = sent(b'{"a": 1}', "application/json")
    answer = fhir.get(f"Binary/{stored['id']}{query}", Accept=accept)
    assert answer.headers["Content-Type"].startswith(FHIR_JSON)
    assert answer.json() == stored


def test_fhir_itself_is_content_too_unless_it_is_a_binary(fhir, sent):
    body = json.dumps(patient(), indent=1).encode()
    stored = sent(body, FHIR_JSON)
    assert stored["contentType"] == FHIR_JSON
    assert fhir.get(f"Binary/{stored['id']}", Accept="*/*").content == body
    assert fhir.get(f"Binary/{stored['id']}").json() == stored
    as_resource = {"resourceType": "Binary", "contentType": TYPE, "data": "AAE="}
    for type in (FHIR_JSON, "application/json"):
        answer = fhir.post("Binary", as_resource, Content_Type=type)
        assert answer.json()["contentType"] == TYPE
        read = fhir.get(f"Binary/{answer.json()['id']}", Accept=TYPE)
        assert (read.headers["Content-Type"], read.content) == (TYPE, b"\x00\x01")


def test_a_binary_in_xml_is_a_resource_and_other_xml_is_content(fhir, sent):
    type = "application/fhir+xml"
    inside = b'<contentType value="a/b"/><data value="AAE="/>'
    said = b'<Binary xmlns="http://hl7.org/fhir">%b</Binary>' % inside
    stored = sent(said, type)
    path = f"Binary/{stored['id']}"
    assert fhir.get(path, Accept="*/*").content == b"\x00\x01"
    assert b"<data value=" in fhir.get(path, Accept=type).content
    other = said.replace(b"Binary", b"Basic")
    stored = sent(other, type)
    assert fhir.get(f"Binary/{stored['id']}", Accept="*/*").content == other
    refused(fhir.post("Binary", b"<Binary", Content_Type=type), 400)


@pytest.mark.parametrize("body", [b"{", b"[1]", b'{"resourceType": 1}', b"{}"])
def test_what_calls_itself_fhir_and_is_not_is_refused(fhir, body):
    refused(fhir.post("Binary", body), 400, 422)


@pytest.mark.parametrize("body", [b"{", b"[1]", b"{}", b"\xff"])
def test_json_that_does_not_call_itself_fhir_is_content(fhir, sent, body):
    stored = sent(body, "application/json")
    assert fhir.get(f"Binary/{stored['id']}", Accept="*/*").content == body


def test_content_is_updated_in_place(fhir, sent):
    id = sent()["id"]
    answer = fhir.put(f"Binary/{id}", b"more", Content_Type="text/plain; charset=utf-8")
    assert answer.status_code == 200
    assert etag(answer) == 'W/"2"'
    read = fhir.get(f"Binary/{id}", Accept="*/*")
    assert (read.headers["Content-Type"], read.text) == ("text/plain; charset=utf-8", "more")
    assert fhir.get(f"Binary/{id}/_history/1", Accept="*/*").content == PDF
    again = fhir.put(f"Binary/{id}", b"more", Content_Type="text/plain; charset=utf-8")
    assert etag(again) == 'W/"2"'
    late = fhir.put(f"Binary/{id}", b"x", Content_Type="text/plain", If_Match='W/"1"')
    refused(late, 412)


def test_content_gets_the_id_that_is_asked_for(fhir):
    answer = fhir.put("Binary/content-of-its-own-id", PDF, Content_Type=TYPE)
    assert answer.json()["id"] == "content-of-its-own-id"


def test_content_does_not_take_the_place_of_what_says_more(fhir):
    more = {"resourceType": "Binary", "contentType": TYPE, "data": "AAE=", "language": "zh"}
    stored = fhir.create({**more, "meta": {"tag": [{"code": "a"}]}})
    (issue,) = refused(fhir.put(f"Binary/{stored['id']}", PDF, Content_Type=TYPE), 422)
    assert "language, meta.tag" in issue["details"]["text"]
    assert fhir.read("Binary", stored["id"]) == stored


def test_a_security_context_is_kept_or_said_again(fhir, sent):
    context = "Observation/o1"
    stored = sent(X_Security_Context=context)
    assert stored["securityContext"] == {"reference": context}
    path = f"Binary/{stored['id']}"
    refused(fhir.put(path, b"x", Content_Type=TYPE), 422)
    again = fhir.put(path, b"x", Content_Type=TYPE, X_Security_Context=context)
    assert again.json()["securityContext"] == {"reference": context}


@pytest.mark.parametrize(
    "context", ["o1", "Binary/o1", "Nothing/o1", "http://other.example/fhir/Patient/a", "#a", "{}"]
)
def test_a_security_context_is_a_resource_of_this_server(fhir, context):
    refused(fhir.post("Binary", PDF, Content_Type=TYPE, X_Security_Context=context), 400)
    said = {"resourceType": "Binary", "contentType": TYPE, "securityContext": {"display": context}}
    refused(fhir.post("Binary", said), 422)


def test_the_security_context_of_a_resource_is_said_in_it(fhir):
    said = {"resourceType": "Binary", "contentType": TYPE, "data": "AAE="}
    refused(fhir.post("Binary", said, X_Security_Context="Observation/o1"), 400)


def test_a_browser_runs_nothing_that_was_uploaded(fhir, sent):
    stored = sent(b"<script>alert(1)</script>", "text/html")
    answer = fhir.get(f"Binary/{stored['id']}", Accept=BROWSER)
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_head_and_conditional_reads_of_content(fhir, sent):
    path = f"Binary/{sent()['id']}"
    got = fhir.get(path, Accept="*/*")
    head = fhir.request("HEAD", path, Accept="*/*")
    assert not head.content
    for name in ("ETag", "Last-Modified", "Content-Type", "Content-Length"):
        assert head.headers[name] == got.headers[name]
    same = fhir.get(path, Accept="*/*", If_None_Match=etag(got))
    assert (same.status_code, same.content) == (304, b"")


def test_layout_is_of_resources(fhir, sent):
    path = f"Binary/{sent(b'[1]', 'application/json')['id']}"
    for query in ("_summary=true", "_elements=contentType", "_pretty=true"):
        assert fhir.get(f"{path}?{query}", Accept="*/*").content == b"[1]"
    assert "data" not in fhir.get(f"{path}?_elements=contentType").json()
    refused(fhir.get(f"{path}?foo=1", Accept="*/*"), 400)


def test_what_has_no_data_has_no_bytes(fhir):
    stored = fhir.create({"resourceType": "Binary", "contentType": TYPE})
    answer = fhir.get(f"Binary/{stored['id']}", Accept="*/*")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == TYPE


def test_refusals_are_fhir_whatever_is_accepted(fhir, sent):
    refused(fhir.get("Binary/nothing", Accept=TYPE), 404)
    fhir.delete(f"Binary/{(stored := sent())['id']}")
    refused(fhir.get(f"Binary/{stored['id']}", Accept=TYPE), 410)
    answer = fhir.post("Binary", PDF, Content_Type=TYPE, Accept=TYPE)
    assert (answer.status_code, answer.json()["contentType"]) == (201, TYPE)


def test_packed_content_is_unpacked(fhir, sent):
    stored = sent(gzip.compress(PDF), Content_Encoding="gzip")
    assert base64.b64decode(stored["data"]) == PDF


@pytest.mark.parametrize("type", ["", "pdf", "a/b/c", "text/plain; x", 'text/plain; x="a', "a/é"])
def test_a_malformed_content_type_is_refused(fhir, type):
    refused(fhir.post("Binary", PDF, Content_Type=type.encode("latin-1")), 415)


def test_parameters_of_a_content_type_are_kept(fhir, sent):
    type = 'text/plain;charset="utf-8" ;  format=flowed;'
    stored = sent(b"x", type)
    assert stored["contentType"] == 'text/plain; charset="utf-8"; format=flowed'


@pytest.mark.parametrize(
    "type", ['text/plain; a="b\nX-Injected: 1"', "text/plain; name=报告", "json"]
)
def test_a_stored_content_type_cannot_make_headers(fhir, type):
    stored = fhir.create({"resourceType": "Binary", "contentType": type, "data": "AAE="})
    answer = fhir.get(f"Binary/{stored['id']}", Accept="*/*")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert "X-Injected" not in answer.headers
    assert answer.content == b"\x00\x01"


def test_base64_with_white_space_is_decoded_and_kept(fhir):
    stored = fhir.create({"resourceType": "Binary", "contentType": TYPE, "data": "QU\r\nJD"})
    assert stored["data"] == "QU\r\nJD"
    assert fhir.get(f"Binary/{stored['id']}", Accept="*/*").content == b"ABC"


def test_an_empty_body_is_no_content(fhir):
    refused(fhir.post("Binary", b"", Content_Type=TYPE), 400)


def test_content_is_as_large_as_a_document_of_the_database(fhir, sent):
    stored = sent(b"\x00" * 11_900_000, Prefer="return=representation")
    answer = fhir.get(f"Binary/{stored['id']}", Accept="*/*")
    assert answer.content == b"\x00" * 11_900_000
    refused(fhir.post("Binary", b"\x00" * 12_100_000, Content_Type=TYPE), 413)
    refused(fhir.post("Binary", b"\x00" * 34_000_000, Content_Type=TYPE), 413)


def test_in_a_bundle_it_is_a_resource(fhir, sent):
    stored = sent()
    (entry,) = fhir.bundle(f"Binary?_id={stored['id']}")["entry"]
    assert entry["resource"] == stored
    request = {"method": "GET", "url": f"Binary/{stored['id']}"}
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": request}]}
    answer = fhir.post("", batch, Accept="*/*")
    assert answer.json()["entry"][0]["resource"] == stored
    assert re.search('"data": ?"', fhir.get(f"Binary/{stored['id']}/_history", Accept="*/*").text)
