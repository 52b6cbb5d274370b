"""Bundles that are cut off, blown up or made of nonsense: refused in words, nothing is left.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

import copy
import gzip
import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.bundles import batch, created, done, entry, put, statuses, transaction, urn, why
from tests.api.client import raw
from tests.builders import fresh, identifier, observation, patient

MEGABYTE = 1024 * 1024


def head(base, *lines):
    """Return the head of a POST to the base."""
    path = "/" + base.split("/", 3)[3]
    told = [f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/fhir+json", *lines]
    return "\r\n".join([*told, "", ""]).encode()


def test_a_client_that_is_cut_off_leaves_nothing(fhir, mark):
    sent = transaction(*(created(patient(identifier=[identifier(mark)])) for _ in range(50)))
    body = json.dumps(sent).encode()
    for part in (body[:-1], body[: len(body) // 2], b""):
        answer = raw(fhir.base, head(fhir.base, f"Content-Length: {len(body)}") + part)
        assert answer.status in (0, 400, 408)
    assert fhir.ids(f"Patient?identifier={mark}") == []


def test_two_hundred_megabytes_are_refused_before_they_come(fhir):
    begun = time.monotonic()
    told = head(fhir.base, f"Content-Length: {200 * MEGABYTE}", "Connection: close")
    assert raw(fhir.base, told, finish=False).status == 413
    assert time.monotonic() - begun < 20


def test_what_unpacks_to_more_than_allowed_is_refused(fhir):
    bomb = gzip.compress(b'{"resourceType":"Bundle","x":"' + b" " * (200 * MEGABYTE))
    assert len(bomb) < MEGABYTE
    assert why(fhir.post("", bomb, Content_Encoding="gzip"), 413) == "body-too-large"


def test_a_packed_bundle_is_taken(fhir):
    body = gzip.compress(json.dumps(transaction(created(patient()))).encode())
    assert statuses(done(fhir.post("", body, Content_Encoding="gzip"))) == [201]


@pytest.mark.parametrize(
    "url",
    ["Patient/../Patient", "Patient/%2e%2e", "//Patient", "http://elsewhere.example/fhir/Patient",
     "Patient/a/_history/1", "Patient/$nonsense", "metadata", "_history", "Patient?%", "?",
     "Patient/" + "a" * 65, "Patient/甲", "javascript:alert(1)", "Patient?identifier=%ff"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_a_url_without_sense_is_refused(fhir, method, url):
    sent = transaction(created(patient()), entry(method, url, patient(id="a")))
    answer = fhir.post("", sent)
    assert 400 <= answer.status_code < 500
    assert answer.json()["issue"][0]["expression"][0].startswith("Bundle.entry[1]")
    _, told = done(fhir.post("", {**sent, "type": "batch"}), "batch")
    assert 400 <= statuses([told])[0] < 500


GOOD = transaction(
    put(patient(id="hostile", identifier=[identifier("hostile")]), ifMatch='W/"0"'),
    created(observation(subject={"reference": "urn:uuid:0b1f8a6e-3d5c-4c56-9d1e-0d6c5a3f1b11"})),
    entry("DELETE", "Patient?identifier=hostile"),
    entry("GET", "Patient/hostile", ifNoneMatch='W/"1"'),
)  # fmt: skip
NONSENSE = st.sampled_from(
    [None, True, 0, -1, 1.5, "", " ", "x", "\u0000", "甲", "Patient?", "Patient/a|b", [], {},
     [[]], [{}], {"a": 1}, "urn:uuid:x", "W/", '"', "*", "GET", "Patient/$x", "a" * 5000,
     {"resourceType": "X"}]
)  # fmt: skip


def places(value, path=()):
    """Yield the paths of all values within `value`."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


@given(
    st.lists(st.tuples(st.sampled_from(sorted(places(GOOD), key=str)), NONSENSE), max_size=3),
    st.sampled_from(["batch", "transaction"]),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nonsense_anywhere_is_answered_in_words(fhir, changes, kind):
    sent = {**copy.deepcopy(GOOD), "type": kind}
    for path, value in changes:
        inner = sent
        try:
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = copy.deepcopy(value)
        except (TypeError, KeyError, IndexError):
            continue
    answer = fhir.post("", sent)
    assert answer.status_code < 500, answer.text[:500]
    told = answer.json()
    assert told["resourceType"] in ("OperationOutcome", "Bundle")
    for one in told.get("entry", []):
        assert not one["response"]["status"].startswith("5"), one


def test_a_thousand_faults_are_told_in_a_bounded_answer(fhir):
    sent = transaction(*(created(observation(status="x" * 1000)) for _ in range(1000)))
    answer = fhir.post("", sent)
    assert answer.status_code == 422
    assert len(answer.content) < MEGABYTE


def test_many_links_in_one_narrative_take_no_long_time(fhir):
    one = urn()
    text = f'<div xmlns="http://www.w3.org/1999/xhtml">{f"<a href={chr(34)}{one}{chr(34)}>x</a>" * 5000}</div>'  # noqa: E501
    told = patient(text={"status": "generated", "div": text})
    begun = time.monotonic()
    done(fhir.post("", transaction(created(told), created(patient(), one))))
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("make", [batch, transaction])
def test_a_name_longer_than_any_index_is_no_failure(fhir, make):
    sent = make(
        created(patient(identifier=[identifier("x" * 200_000)])), created(patient(id=fresh()))
    )
    assert fhir.post("", sent).status_code < 500


def test_a_bundle_does_not_read_without_end(fhir):
    content = "A" * (4 * MEGABYTE)
    stored = {"resourceType": "Binary", "contentType": "text/plain", "data": content}
    id = fhir.create(stored)["id"]
    reads = [entry("GET", f"Binary/{id}")] * 30
    given = statuses(done(fhir.post("", batch(created(patient()), *reads)), "batch"))
    assert given[0] == 201
    assert 14 <= given.count(200) <= 22
    assert set(given[1:]) == {200, 413}
    value = fresh()
    new = created(patient(identifier=[identifier(value)]))
    assert why(fhir.post("", transaction(new, *reads)), 413) == "entry-without-room"
    assert fhir.ids(f"Patient?identifier={value}") == []
