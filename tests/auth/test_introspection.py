"""INT-01 to INT-08 and REV-01 to REV-06, and RES-01 to RES-09 of tokens at the FHIR endpoint."""

import pytest
import requests

from server.identity import passwords
from tests.auth.conftest import SECRET
from tests.builders import fresh


@pytest.fixture(scope="module")
def asker(register):
    """An app that may introspect, with its secret."""
    client = register(
        auth_method="client_secret_basic", secret=passwords.hashed(SECRET), may_introspect=True
    )
    return client, SECRET


@pytest.fixture
def token(ask, sign, backend):
    return ask(sign(backend)).json()["access_token"]


def introspect(guarded, token, auth=None, **form):
    form = {"token": token, **form}
    return requests.post(f"{guarded.root}/introspect", data=form, auth=auth, timeout=20)


def read(guarded, **headers):
    return requests.get(f"{guarded.base}/Patient", headers=headers, timeout=20)


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


def test_rev_01_a_token_that_is_given_back_is_dead_at_once(guarded, asker, token, sign, backend):
    bearer = {"Authorization": f"Bearer {token}"}
    assert read(guarded, **bearer).status_code == 200
    form = {
        "token": token,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": sign(backend),
    }
    assert requests.post(f"{guarded.root}/revoke", data=form, timeout=20).status_code == 200
    assert {read(guarded, **bearer).status_code for _ in range(8)} == {401}
    assert introspect(guarded, token, asker).json() == {"active": False}


def test_rev_02_03_04_only_the_owner_revokes(guarded, token, confidential, asker):
    revoke = f"{guarded.root}/revoke"
    owner = (confidential, SECRET)
    assert requests.post(revoke, data={"token": fresh()}, auth=owner, timeout=20).status_code == 200
    refused = requests.post(revoke, data={"token": token}, auth=owner, timeout=20)
    assert refused.status_code == 400
    assert requests.post(revoke, data={"token": token}, timeout=20).status_code in (400, 401)
    assert introspect(guarded, token, asker).json()["active"] is True


def test_res_01_without_a_token_who_calls_is_asked(guarded):
    answer = read(guarded)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tongkang"'
    assert answer.json()["issue"][0]["code"] == "login"


@pytest.mark.parametrize(
    "header",
    ["Bearer x", "bearer " + "a" * 43, "Bearer", "Bearer ", "Bearer  x", "Basic eDp5", "x",
     "Bearer a b", "Bearer " + "a" * 5000, "Bearer ä", "DPoP abc"],
)  # fmt: skip
def test_res_02_07_a_token_that_is_none_is_invalid(guarded, header):
    answer = read(guarded, Authorization=header.encode("latin-1"))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_res_03_a_scope_that_is_short_is_403_and_tells_nothing(guarded, token):
    bearer = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{guarded.base}/Observation", headers=bearer, timeout=20)
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert answer.json()["issue"][0]["code"] == "forbidden"


def test_res_04_a_token_elsewhere_is_none(guarded, token):
    url = f"{guarded.base}/Patient?access_token={token}"
    assert requests.get(url, timeout=20).status_code == 401
    form = {"access_token": token}
    assert (
        requests.post(f"{guarded.base}/Patient/_search", data=form, timeout=20).status_code == 401
    )
    two = {"Authorization": f"Bearer {token}, Bearer {token}"}
    assert read(guarded, **two).status_code == 400


def test_res_08_refusals_tell_nothing_of_the_data(guarded):
    answer = requests.get(f"{guarded.base}/Patient/x", timeout=20)
    assert answer.status_code == 401
    assert not {"ETag", "Last-Modified"} & set(answer.headers)
    assert "no-store" in answer.headers["Cache-Control"]


def test_res_09_answers_are_kept_by_nobody(guarded, token):
    answer = read(guarded, Authorization=f"Bearer {token}")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"].startswith("application/fhir+json")
