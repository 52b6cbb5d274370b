"""Levels other than the default, by type.

Spec: https://hl7.org/fhir/R4/validation.html
"""

import secrets

import pytest

from tests import processes
from tests.api.client import Client, refused
from tests.builders import observation, patient

WEIGHT = "http://hl7.org/fhir/StructureDefinition/bodyweight"
CN_ORGANIZATION = "https://tongkang.example/fhir/StructureDefinition/cn-organization"
LEVELS = f"Observation=off,Organization=required:{CN_ORGANIZATION},*=invariants"
DETACHED = {"contact": [{"gender": "male"}]}


@pytest.fixture(scope="module")
def strict(mongodb_url, tmp_path_factory):
    """A client of a server with these levels."""
    log = tmp_path_factory.mktemp("levels") / "server.log"
    server = processes.Server(
        log,
        mongodb_url=mongodb_url,
        database=f"test_{secrets.token_hex(6)}",
        workers=1,
        validation=LEVELS,
    ).start()
    try:
        yield Client(server.ready().base)
    finally:
        server.end()


def test_off_asks_for_the_structure_only(strict):
    claiming = observation(meta={"profile": [WEIGHT]})
    assert strict.post("Observation", claiming).status_code == 201
    refused(strict.post("Observation", observation(status="nonsense")), 422)


def test_invariants_hold_of_what_claims_nothing(strict):
    issues = refused(strict.post("Patient", patient(**DETACHED)), 422)
    assert issues[0]["details"]["coding"][0]["code"] == "invariant-broken"
    assert strict.post("Patient", patient()).status_code == 201


def test_a_required_profile_is_asked_for_whether_it_is_claimed_or_not(strict):
    for meta in ({}, {"meta": {"profile": [CN_ORGANIZATION]}}):
        bare = {"resourceType": "Organization", "active": True, **meta}
        issues = refused(strict.post("Organization", bare), 422)
        assert {one["expression"][0].partition(".")[0] for one in issues} == {"Organization"}


def test_what_fulfils_it_is_not_made_to_claim_it(strict):
    named = {
        "resourceType": "Organization",
        "active": True,
        "name": "示例卫生院",
        "identifier": [{"system": "urn:oid:1.2.3", "value": "1"}],
    }
    answer = strict.post("Organization", named)
    assert answer.status_code == 201, answer.text
    assert "profile" not in answer.json()["meta"]
    told = strict.get(f"Organization/{answer.json()['id']}/$validate").json()["issue"]
    texts = [one["details"]["text"] for one in told]
    assert any("required" in text and CN_ORGANIZATION in text for text in texts)
