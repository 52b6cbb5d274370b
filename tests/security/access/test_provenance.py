"""Who tells where something comes from needs the right to tell it, or nothing is written at all.

Spec: https://hl7.org/fhir/R4/provenance.html#header
"""

import json

import pytest

from tests.security.access.shapes import observation, person
from tests.security.access.tokens import BY_NAME, NORTH, app, staff, system
from tests.security.access.world import WHOLE, World, database_name, fill, serving

BACKEND, REGISTRAR = BY_NAME["backend-north"], BY_NAME["registrar"]
TOLD = json.dumps(
    {"resourceType": "Provenance", "recorded": "2024-01-01T00:00:00Z",
     "agent": [{"who": {"display": "a"}, "type": {"coding": [{"code": "author"}]}}]}
)  # fmt: skip
ENTRY = {"resource": observation("t", "Patient/a", "laboratory"),
         "request": {"method": "POST", "url": "Observation"}}  # fmt: skip
BUNDLE = {"resourceType": "Bundle", "type": "transaction", "entry": [ENTRY]}
WITHOUT = [
    app("measurer", "patient/Observation.crs", "Patient/a"),
    system("no-provenance", "system/Observation.cruds", division=NORTH),
    system("readers", "system/Observation.cruds system/Provenance.ruds", division=NORTH),
    staff("others", "clinician", "user/*.cruds?nothing=1 user/Observation.cruds", division=NORTH),
    # A right to others than this one: found out within the transaction.
    system("limited", "system/Observation.cruds system/Provenance.c?agent-type=verifier",
           division=NORTH),
]  # fmt: skip


@pytest.fixture(scope="module")
def wire(mongodb_url, tmp_path_factory):
    log = tmp_path_factory.mktemp("provenance") / "server.log"
    with serving(mongodb_url, log, database_name()) as wire:
        yield World(wire, fill(wire)).wire


def newest(wire):
    types = ("Observation", "Provenance", "Patient")
    return [wire.get(f"{one}/_history?_count=1", WHOLE).keys() for one in types]


@pytest.mark.parametrize("token", WITHOUT, ids=lambda one: one.name)
def test_without_the_right_nothing_is_written(wire, token):
    before = newest(wire)
    body = observation("x", "Patient/a", "laboratory")
    for method, path, sent in (("POST", "Observation", body), ("POST", "", BUNDLE)):
        assert wire.send(method, path, token, sent, X_Provenance=TOLD).status == 403
    # The right is asked first: what is wrong with the header is not told without it.
    if token.name not in ("limited", "others"):
        answer = wire.send("POST", "Observation", token, body, X_Provenance="{")
        assert answer.status == 403
    assert newest(wire) == before
    assert wire.send("POST", "Observation", token, body).status == 201


def test_a_registrar_writes_patients_but_not_where_they_come_from(wire):
    before = newest(wire)
    answer = wire.send("PUT", "Patient/a", REGISTRAR, person("a", NORTH, 9), X_Provenance=TOLD)
    assert answer.status == 403
    assert newest(wire) == before


def test_a_provenance_is_seen_by_who_may_see_it(wire):
    body = person("a", NORTH, 1, active=True)
    assert wire.send("PUT", "Patient/a", BACKEND, body, X_Provenance=TOLD).status == 200
    ((type, id, _),) = wire.get("Provenance/_history?_count=1", WHOLE).keys()
    assert wire.get(f"{type}/{id}", BY_NAME["app-a"]).status == 200
    assert wire.get(f"{type}/{id}", BY_NAME["app-b"]).status == 404
    assert wire.get(f"{type}/{id}", BY_NAME["clinician-south"]).status == 404


def test_a_provenance_of_a_new_patient_is_where_the_patient_is(wire):
    """Who stores it may be elsewhere."""
    whole = system("far-away", "system/*.cruds", division="350203", organization="Organization/o")
    body = person("", NORTH, 77)
    del body["id"]
    made = wire.send("POST", "Patient", whole, body, X_Provenance=TOLD)
    assert made.status == 201
    ((type, id, _),) = wire.get("Provenance/_history?_count=1", WHOLE).keys()
    for token, status in ((BY_NAME["clinician-north"], 200), (BY_NAME["clinician-south"], 404)):
        assert wire.get(f"Patient/{made.json['id']}", token).status == status
        assert wire.get(f"{type}/{id}", token).status == status


def test_a_header_gives_no_right_to_what_is_written(wire):
    before = newest(wire)
    body = observation("lab-f", "Patient/f", "laboratory")
    sent = wire.send("PUT", "Observation/lab-f", BY_NAME["clinician-north"], body,
                     X_Provenance=TOLD)  # fmt: skip
    assert sent.status == 404
    assert newest(wire) == before
