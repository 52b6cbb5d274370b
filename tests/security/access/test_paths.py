"""Tricks with paths, methods and headers: none of them leads past the door.

Each is sent as bare bytes, as no client library would, by somebody who may see nothing of
resident b; and by nobody at all.
"""

import json
import re

import pytest

from tests.api.client import raw
from tests.security.access.tokens import BY_NAME, SYSTEMS

APP = BY_NAME["app-a"].bearer()
ALL = next(token for token in SYSTEMS if token.name == "backend").bearer()
# The names of some resources of resident a end like those of resident b.
_OURS = rb"(?!a-focus-b|cmp-a-b|vital-to-lab)"
STRANGER = re.compile(rb"mark-[A-Za-z]+-" + _OURS + rb"[a-z-]*b-v|198001010002|13805920002")
PATHS = (
    "/fhir//Patient/b", "//fhir/Patient/b", "/fhir/Patient//b", "/fhir/Patient/b/",
    "/fhir/./Patient/b", "/fhir/Patient/../Patient/b", "/fhir/Patient/a/../b",
    "/fhir/%2e/Patient/b", "/fhir/Patient/%2e%2e/Patient/b", "/fhir/Patient%2fb",
    "/fhir/Patient%2Fb", "/fhir%2fPatient/b", "/fhir/Patient/%62", "/fhir/Patient/b%00",
    "/fhir/Patient/b%0a", "/fhir/Patient/b;a", "/fhir/Patient;x/b", "/fhir/patient/b",
    "/fhir/PATIENT/b", "/FHIR/Patient/b", "/fhir/Patient/B", "/fhir/Patient/b?",
    "/fhir/Patient/b#a", "/fhir/Patient/b%3f_id=a", "/fhir/Patient/b.json",
    "/fhir/Patient/b/_history/", "/fhir/Patient/b/_history//1", "/fhir/Patient/b/_history/01",
    "/fhir/Patient/b/_history/1%20", "/fhir/Patient/b/$everything", "/fhir/Patient/$everything",
    "/fhir/$export", "/fhir/Patient/b/$meta", "/fhir/$graphql?query=x",
    "/fhir/Patient/a/_history/../../b", "/fhir/metadata/../Patient/b",
    "/fhir/.well-known/smart-configuration/../../Patient/b", "/fhir/.well-known/../Patient/b",
    "/static/../fhir/Patient/b", "/healthz/../fhir/Patient/b", "/fhir\\Patient\\b",
    "/fhir/Patient\\b", "http://127.0.0.1/fhir/Patient/b", "/fhir/Patient/b/*",
    "/fhir/Patient/a,b", "/fhir/Patient/a%2Cb", "/fhir/Observation/lab-a/../lab-b",
    "/fhir/Patient/%E5%B1%85", "/fhir/Patient/a%2f..%2fb", "/fhir/Patient/a/Observation/lab-b",
    "/fhir/Patient/*/Observation", "/fhir/*/b", "/fhir/Patient/_search/b",
    "/fhir/Patient?_id=b&_id=b", "/fhir/Patient?_id=a,b", "/fhir/Patient?_id:not=a",
    "/fhir/Patient?_format=json&_id=b",
)  # fmt: skip
HEADERS = (
    "X-HTTP-Method-Override: GET", "X-HTTP-Method: DELETE", "X-Method-Override: PUT",
    "X-Original-URL: /fhir/Patient/b", "X-Rewrite-URL: /fhir/Patient/b",
    "X-Forwarded-Prefix: /fhir/Patient/b", "X-Forwarded-Host: evil.example",
    "X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1;host=evil",
    "X-Forwarded-User: admin", "X-Remote-User: admin", "Remote-User: admin",
    "X-Consent-Scope: btg", "X-Request-Id: ../../x", "Cookie: tongkang=x",
    "Proxy-Authorization: Bearer whole", "X-Provenance: {}", "Content-Type: application/json",
    "Transfer-Encoding: identity",
)  # fmt: skip


def ask(world, method, path, *headers, token=APP, body=b""):
    """Return the answer to one request made of bare bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Accept: application/fhir+json", *headers]
    lines += [f"Authorization: {token}"] if token else []
    lines += [f"Content-Length: {len(body)}"] if body else []
    sent = "\r\n".join([*lines, "", ""]).encode()
    return raw(f"http://{world.wire.address}", sent + body)


def shows_nothing(answer):
    assert answer.status < 500, answer.body[:300]
    assert not STRANGER.search(answer.body), answer.body[:500]


def test_somebody_with_the_right_sees_the_stranger(world):
    assert STRANGER.search(ask(world, "GET", "/fhir/Patient/b", token=ALL).body)
    assert STRANGER.search(ask(world, "GET", "/fhir/Patient?_id=b", token=ALL).body)


@pytest.mark.parametrize("path", PATHS)
def test_no_spelling_of_a_path_leads_to_a_stranger(world, path):
    for method in ("GET", "HEAD", "POST"):
        shows_nothing(ask(world, method, path))


@pytest.mark.parametrize(
    "path", [*PATHS, "/fhir/Patient/b", "/fhir/Patient", "/fhir", "/fhir/_history"]
)
def test_without_a_token_nothing_is_shown(world, path):
    answer = ask(world, "GET", path, token=None)
    shows_nothing(answer)
    assert answer.status in (400, 401, 404, 405), answer.status
    assert b'"Bundle"' not in answer.body


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("path", ["/fhir/Patient/b", "/fhir/Patient/_search"])
def test_no_header_gives_more(world, header, path):
    for method in ("GET", "POST"):
        shows_nothing(ask(world, method, path, header))
    assert ask(world, "GET", "/fhir/Patient/b", token=ALL).status == 200, "it is still there"


@pytest.mark.parametrize(
    "method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "get", "G\x45T ", "PURGE"]
)
def test_no_other_method_shows_anything(world, method):
    answer = ask(world, method, "/fhir/Patient/a")
    assert answer.status in (0, 400, 404, 405, 501)
    assert b"mark-" not in answer.body


@pytest.mark.parametrize(
    "query", ["access_token={}", "access_token={}&_id=b", "token={}", "authorization=Bearer%20{}"]
)
def test_a_token_in_the_query_counts_for_nothing(world, query):
    given = query.format(ALL.removeprefix("Bearer "))
    assert ask(world, "GET", f"/fhir/Patient?{given}", token=None).status == 401
    form = ("Content-Type: application/x-www-form-urlencoded",)
    answer = ask(world, "POST", "/fhir/Patient/_search", *form, token=None, body=given.encode())
    assert answer.status == 401
    shows_nothing(ask(world, "GET", f"/fhir/Patient?{given}"))


@pytest.mark.parametrize("form", ["_method=DELETE", "_method=PUT", "_method=GET&_id=b"])
def test_a_form_does_not_choose_the_method(world, form):
    header = "Content-Type: application/x-www-form-urlencoded"
    shows_nothing(ask(world, "POST", "/fhir/Patient/b", header, body=form.encode()))
    shows_nothing(ask(world, "POST", "/fhir/Patient/_search", header, body=form.encode()))
    assert ask(world, "GET", "/fhir/Patient/b", token=ALL).status == 200


@pytest.mark.parametrize("second", [ALL, "Basic eDp5", "Bearer x", ""])
def test_two_authorizations_are_no_better_than_one(world, second):
    for first, then in ((APP, second), (second, APP)):
        answer = ask(world, "GET", "/fhir/Patient/b", f"Authorization: {first}", token=then)
        shows_nothing(answer)
        assert answer.status in (400, 401, 404)


@pytest.mark.parametrize(
    "token", ["", "Bearer", "Bearer ", "bearer", "Basic eDp5", "Bearer null", "Bearer undefined",
              "Bearer whole!", "Token x", "Bearer " + "A" * 5000, "Bearer a b",
              "Bearer a,Bearer b", "Digest x"]
)  # fmt: skip
def test_what_is_no_token_is_401_and_says_so(world, token):
    answer = ask(world, "GET", "/fhir/Patient/b", token=token)
    assert answer.status in (400, 401)
    assert json.loads(answer.body)["resourceType"] == "OperationOutcome"
