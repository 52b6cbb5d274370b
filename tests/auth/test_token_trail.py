"""R1.18: what the authorization server does for clients is in the trail, also what it refuses."""

import pytest
import requests

from server.auth.development import Wanted
from server.auth.development import token as development_token
from tests.auth.conftest import SECRET


@pytest.fixture
def trail(guarded, services):
    """Return a function that gives the newest events of a kind, as an auditor reads them."""
    wanted = Wanted(scope="user/AuditEvent.rs", role="auditor", division="3506")
    bearer = {"Authorization": f"Bearer {development_token(services, wanted)}"}

    def trail(kind):
        url = f"{guarded.base}/AuditEvent?subtype={kind}&_sort=-date&_count=10"
        answer = requests.get(url, headers=bearer, timeout=20)
        assert answer.status_code == 200, answer.text
        return [entry["resource"] for entry in answer.json().get("entry", ())]

    return trail


def test_a_system_that_gets_a_token_is_recorded_with_its_scope(trail, ask, sign, backend):
    said = ask(sign(backend), scope="system/Patient.rs").json()
    (event, *_) = trail("token-issued")
    assert backend in str(event)
    assert "system/Patient.rs" in str(event)
    assert event["outcome"] == "0"
    assert said["access_token"] not in str(event)


def test_whoever_is_not_the_client_they_say_is_recorded(guarded, trail, confidential):
    form = {"grant_type": "authorization_code", "code": "a-secret-code"}
    url = f"{guarded.root}/token"
    requests.post(url, data=form, auth=(confidential, "a-wrong-secret"), timeout=20)
    (event, *_) = trail("token-refused")
    assert event["outcome"] == "4"
    assert "invalid_client" in str(event)
    assert "secret" not in str(event)


def test_a_code_that_is_none_is_recorded(guarded, trail, confidential):
    form = {
        "grant_type": "authorization_code", "code": "guess", "redirect_uri": "https://app.test/x",
        "code_verifier": "v" * 43,
    }  # fmt: skip
    requests.post(f"{guarded.root}/token", data=form, auth=(confidential, SECRET), timeout=20)
    assert "invalid_grant" in str(trail("token-refused")[0])


def test_a_token_that_is_given_back_is_recorded(trail, granted):
    app, answer = granted
    app.post("/revoke", token=answer["access_token"])
    (event, *_) = trail("token-revoked")
    assert app.id in str(event)
    assert answer["access_token"] not in str(event)
