"""RES-01 to RES-10: tokens at the FHIR endpoint.

https://www.rfc-editor.org/rfc/rfc6750,
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
import requests

from server.auth import shelves
from server.auth.tokens import Issue, Tokens
from server.identity.shelves import ATTEMPTS, BONDS
from tests.auth.conftest import read


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
    challenge = answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope", scope="system/Observation.s"' in challenge
    assert not {"ETag", "Last-Modified"} & set(answer.headers)
    assert len(answer.json()["issue"]) == 1
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


def test_res_05_a_token_of_another_server_is_none(guarded):
    """A token is a name on a shelf of this server; another's is on another's."""
    elsewhere = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL290aGVyLnRlc3QifQ."
    answer = read(guarded, Authorization=f"Bearer {elsewhere}")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_res_06_nothing_but_an_access_token_is_one(guarded, world, granted, sign, backend):
    app, answer = granted
    code = world.code(app, world.resident(), scope="launch/patient patient/*.rs").sent["code"]
    others = (answer["id_token"], answer["refresh_token"], code, sign(backend), app.id)
    for other in others:
        refused = read(guarded, Authorization=f"Bearer {other}")
        assert refused.status_code == 401
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_res_07_the_scheme_is_spelled_as_one_likes(guarded, token):
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert read(guarded, Authorization=f"{scheme} {token}").status_code == 200
    for wrong in (f"Bearer  {token}", f"Bearer\t{token}", f"Token {token}", token):
        assert read(guarded, Authorization=wrong).status_code == 401


def test_res_07_a_header_that_is_too_long_is_refused(guarded):
    answer = read(guarded, Authorization="Bearer " + "a" * 9000)
    assert answer.status_code in (400, 431)


@pytest.fixture
def issued(services, backend):
    """Return a function that issues a token for so many seconds."""

    def issued(seconds):
        now = datetime.now(UTC)
        grant = {"client": backend, "account": None, "status": "active", "created": now}
        services.store.shelf(shelves.GRANTS).put("brief", grant)
        issue = Issue(
            grant="brief", client=backend, account=None, scope="system/Patient.rs", context={}
        )
        return Tokens.of(services).access(issue, seconds)

    return issued


def test_res_02_10_a_token_ends_when_it_is_over(guarded, issued):
    bearer = {"Authorization": f"Bearer {issued(2)}"}
    assert read(guarded, **bearer).status_code == 200
    time.sleep(2.1)
    assert {read(guarded, **bearer).status_code for _ in range(4)} == {401}


def test_a_token_is_kept_as_a_hash_only(services, token):
    kept = services.store.shelf(shelves.TOKENS).find(sha256(token.encode()).hexdigest())
    assert kept["kind"] == "access"
    assert token not in str(kept)
    assert services.store.shelf(shelves.TOKENS).find(token) is None


def test_whoever_guesses_has_to_wait_but_a_good_token_is_good(guarded, services, token):
    shelf = services.store.shelf(ATTEMPTS)
    name = f"token:{sha256(b'127.0.0.1').hexdigest()}"
    shelf.put(name, {"count": 299, "expires_at": datetime.now(UTC) + timedelta(minutes=5)})
    try:
        assert read(guarded, Authorization="Bearer guess").status_code == 401
        refused = read(guarded, Authorization="Bearer guess")
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
        assert read(guarded, Authorization=f"Bearer {token}").status_code == 200
    finally:
        shelf.take(name)


def test_nothing_is_written_with_rights_that_have_ended_by_themselves(world, services):
    """For reading it may take a minute; for each write the rights are looked up afresh."""
    guardian, app = world.resident(), world.app()
    child = world.child_of(guardian)
    answer = world.tokens(app, guardian, scope="launch/patient patient/*.cruds", patient=child)
    assert world.read(child, answer["access_token"]).status_code == 200
    services.store.shelf(BONDS).remove({"patient": child})
    body = {"resourceType": "Observation", "status": "final", "code": {"text": "体重"},
            "subject": {"reference": child}}  # fmt: skip
    refused = requests.post(
        f"{world.root}/fhir/Observation", json=body, timeout=20,
        headers={"Authorization": f"Bearer {answer['access_token']}"},
    )  # fmt: skip
    assert refused.status_code in (401, 403), refused.text
