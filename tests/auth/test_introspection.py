"""INT-01 to INT-08: https://www.rfc-editor.org/rfc/rfc7662"""

import time
from hashlib import sha256

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from server.auth.development import Wanted
from server.auth.development import token as development_token
from server.identity.shelves import ATTEMPTS, BONDS
from tests.auth.conftest import SECRET, introspect


def test_int_01_02_a_live_token_is_described_to_who_may_ask(guarded, asker, token, backend):
    answer = introspect(guarded, token, asker)
    assert answer.status_code == 200
    said = answer.json()
    assert said["active"] is True
    assert said["client_id"] == backend
    assert said["scope"] == "system/Patient.rs"
    assert 0 < said["exp"] - said["iat"] <= 300
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("text", ["x", "甲", "'; --", "$ne", "a" * 5000])
def test_int_03_what_is_not_known_is_inactive_and_no_more(guarded, asker, text):
    assert introspect(guarded, text, asker).json() == {"active": False}


def test_int_04_who_may_not_ask_hears_nothing(guarded, token, confidential, asker):
    assert introspect(guarded, token).status_code in (400, 401)
    assert introspect(guarded, token, (asker[0], "wrong")).status_code == 401
    assert introspect(guarded, token, (confidential, SECRET)).status_code == 403
    assert introspect(guarded, token, ("nobody", "x")).status_code == 401


def test_int_05_a_token_is_not_named_in_a_url(guarded, asker, token):
    url = f"{guarded.root}/introspect?token={token}"
    assert requests.get(url, auth=asker, timeout=20).status_code == 405
    assert requests.post(url, auth=asker, timeout=20).status_code == 400


@pytest.fixture
def bearer(register, keys, ask, sign):
    """The token of a system that may introspect."""
    client = register(
        kind="backend", auth_method="private_key_jwt", grant_types=["client_credentials"],
        jwks={"keys": [keys["ES384"].as_dict(private=False)]}, scope="system/*.rs",
        may_introspect=True,
    )  # fmt: skip
    return ask(sign(client)).json()["access_token"]


def introspect_by(guarded, bearer, token, **form):
    return requests.post(
        f"{guarded.root}/introspect",
        data={"token": token, **form},
        headers={"Authorization": f"Bearer {bearer}"},
        timeout=20,
    )


def test_int_01_06_a_bearer_learns_of_person_and_context(guarded, bearer, granted):
    app, answer = granted
    said = introspect_by(guarded, bearer, answer["access_token"]).json()
    assert said["active"] is True
    assert said["client_id"] == app.id
    assert set(said["scope"].split()) == set(answer["scope"].split())
    assert abs(said["exp"] - time.time() - answer["expires_in"]) < 60
    assert said["patient"] == answer["patient"]
    assert said["iss"] == guarded.root
    claims = jwt.decode(answer["id_token"], jwks_of(guarded), ["RS256"]).claims
    assert said["sub"] == claims["sub"]
    assert said["fhirUser"] == claims["fhirUser"]


def jwks_of(guarded):
    return KeySet.import_key_set(requests.get(f"{guarded.root}/jwks", timeout=20).json())


def test_int_04_a_patients_app_learns_nothing(guarded, granted, token):
    _, answer = granted
    assert introspect_by(guarded, answer["access_token"], token).status_code == 401
    assert introspect_by(guarded, answer["refresh_token"], token).status_code == 401
    assert introspect_by(guarded, answer["id_token"], token).status_code == 401
    refused = introspect_by(guarded, "x", token)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer ")


def test_int_04_a_system_that_was_not_told_it_may_learns_nothing(guarded, token):
    assert introspect_by(guarded, token, token).status_code == 403


def test_int_05_an_answer_is_json_whatever_is_accepted(guarded, asker, token):
    answer = requests.post(
        f"{guarded.root}/introspect", data={"token": token}, auth=asker, timeout=20,
        headers={"Accept": "application/jwt"},
    )  # fmt: skip
    assert answer.headers["Content-Type"] == "application/json"


def test_int_07_a_refresh_token_is_active_until_it_was_used(guarded, asker, granted):
    app, answer = granted
    refresh = answer["refresh_token"]
    said = introspect(guarded, refresh, asker, token_type_hint="refresh_token").json()
    assert said["active"] is True
    assert "token_type" not in said
    assert app.refresh(refresh).status_code == 200
    assert introspect(guarded, refresh, asker).json() == {"active": False}


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "urn:x", "居民", ""])
def test_int_03_a_hint_changes_nothing(guarded, asker, token, hint):
    assert introspect(guarded, token, asker, token_type_hint=hint).json()["active"] is True


def test_int_08_who_asks_is_recorded_and_who_guesses_has_to_wait(guarded, services, asker, token):
    bearer = {"Authorization": f"Bearer {auditor(services)}"}
    before = asked(guarded, bearer)
    introspect(guarded, token, asker)
    assert asked(guarded, bearer) == before + 1
    shelf = services.store.shelf(ATTEMPTS)
    name = sha256(f"introspection {asker[0]}".encode()).hexdigest()
    shelf.put(f"token:{name}", {"count": 300})
    try:
        refused = introspect(guarded, "guess", asker)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
        assert introspect(guarded, token, asker).json()["active"] is True
    finally:
        shelf.take(f"token:{name}")


def auditor(services):
    return development_token(
        services, Wanted(scope="user/AuditEvent.rs", role="auditor", division="3506")
    )


def asked(guarded, bearer):
    """Return how many introspections the trail knows of."""
    url = f"{guarded.base}/AuditEvent?subtype=token-introspected&_summary=count"
    answer = requests.get(url, headers=bearer, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()["total"]


def test_a_token_is_inactive_when_the_bond_that_it_rests_on_has_ended(guarded, asker, world):
    """One rule for whoever asks: the endpoints, introspection and a refresh."""
    guardian = world.resident()
    child = world.child_of(guardian)
    app = world.app()
    scope = "launch/patient offline_access openid patient/Patient.rs user/Observation.rs"
    answer = world.tokens(app, guardian, scope=scope, patient=child)
    tokens = answer["access_token"], answer["refresh_token"]
    assert [introspect(guarded, one, asker).json()["active"] for one in tokens] == [True, True]
    world.services.store.shelf(BONDS).remove({"account": guardian.id})
    assert [introspect(guarded, one, asker).json() for one in tokens] == [{"active": False}] * 2
    assert world.read(child, tokens[0]).status_code == 401
    bearer = {"Authorization": f"Bearer {tokens[0]}"}
    assert requests.get(f"{guarded.root}/userinfo", headers=bearer, timeout=20).status_code == 401
    assert app.refresh(tokens[1]).json()["error"] == "invalid_grant"
