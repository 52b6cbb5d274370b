"""Consents that the server keeps for a resident are not written by anybody else."""

import pytest
import requests

from server.identity import limits
from server.identity.access import caller_of
from tests.auth.visit import TIMEOUT

CATEGORIES = ["limit-sharing", "app-access"]


def consent(patient, category="limit-sharing", **elements):
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "urn:tongkang:consent", "code": category}]}],
        "patient": {"reference": patient},
        "policyRule": {"coding": [{"code": "OPTOUT"}]},
        **elements,
    }


@pytest.fixture
def send(world, ask, sign, backend):
    """Return a function that writes Consents as a system that may."""
    token = ask(sign(backend), scope="system/Consent.cruds").json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}

    def send(method, path, body=None):
        url = f"{world.root}/fhir/{path}"
        return requests.request(method, url, json=body, headers=headers, timeout=TIMEOUT)

    return send


def is_refused(answer):
    return answer.status_code == 403 and answer.json()["issue"][0]["code"] == "forbidden"


@pytest.mark.parametrize("category", CATEGORIES)
def test_nobody_makes_one(send, someone, category):
    made = consent(someone.patient, category)
    assert is_refused(send("POST", "Consent", made))
    assert is_refused(send("PUT", "Consent/chosen", {**made, "id": "chosen"}))
    assert is_refused(send("PUT", "Consent?identifier=a|b", made))
    other = {**made, "category": [{"coding": [{"code": category}]}]}
    assert send("POST", "Consent", other).status_code == 201


@pytest.mark.parametrize("category", CATEGORIES)
def test_nobody_changes_or_deletes_one(world, send, someone, category):
    kept = world.store(consent(someone.patient, category))
    other = {**consent(someone.patient), "id": kept.partition("/")[2], "category": [{"text": "a"}]}
    assert is_refused(send("PUT", kept, other))
    assert is_refused(send("DELETE", kept))
    assert is_refused(send("PATCH", kept, {"resourceType": "Parameters"}))
    assert send("GET", kept).json()["meta"]["versionId"] == "1"


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"provision": {"type": "permit"}},
        {"provision": {"type": "deny", "securityLabel": [{"display": "a"}]}},
    ],
)
def test_the_page_of_authorisations_survives_one_that_is_odd(world, someone, elements):
    world.store(consent(someone.patient, **elements))
    shown = world.enter(someone).get(f"{world.root}/me/apps", timeout=TIMEOUT)
    assert shown.status_code == 200
    caller = caller_of(someone.account, "PATRQT")
    assert limits.in_force(world.services, caller, someone.patient) == set()
