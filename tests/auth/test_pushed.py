"""PAR-01 to PAR-09: https://www.rfc-editor.org/rfc/rfc9126."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from server.auth import shelves
from server.auth.pushed import PREFIX
from server.identity.throttle import LIMITS, Throttle
from server.store.shelf import digest
from tests.auth.visit import TIMEOUT, App

SECRET = "a-secret-of-more-than-256-random-bits-or-so-it-is-said"


@pytest.fixture(scope="module")
def app(world):
    return world.app(secret=SECRET)


@pytest.fixture
def visit(world, app):
    return world.visit(app, world.resident())


def push(visit, **changed):
    return visit.app.post("/par", **visit.parameters(**changed))


def come(visit, name, client_id=None, **more):
    """Come to /authorize with the name of a pushed request."""
    given = {"client_id": client_id or visit.app.id, "request_uri": name, **more}
    url = f"{visit.root}/authorize"
    return visit.follow(
        visit.browser.get(url, params=given, allow_redirects=False, timeout=TIMEOUT)
    )


def test_a_request_is_pushed_and_granted(visit):
    """PAR-01."""
    answer = push(visit)
    told = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert told["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert 5 <= told["expires_in"] <= 600
    come(visit, told["request_uri"])
    sent = visit.allow()
    assert sent["state"] == visit.state
    assert visit.redeem(sent["code"]).status_code == 200


def test_a_request_names_no_other(visit):
    """PAR-02."""
    name = push(visit).json()["request_uri"]
    answer = push(visit, request_uri=name)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"redirect_uri": "https://evil.test"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"scope": "nothing"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"aud": "https://other.test"}, "invalid_request"),
        ({"state": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"client_id": "another"}, None),
        ({"aud": "居民"}, "invalid_request"),
    ],
    ids=str,
)
def test_what_authorize_would_refuse_is_refused_at_once(visit, wrong, error):
    """PAR-03."""
    answer = push(visit, **wrong)
    assert answer.status_code in ((400,) if error else (400, 401))
    assert error in (None, answer.json()["error"])


def test_a_client_says_who_it_is(visit):
    """PAR-04."""
    url, given = f"{visit.root}/par", visit.parameters()
    for auth in (None, (visit.app.id, "wrong")):
        answer = requests.post(url, data=given, auth=auth, timeout=TIMEOUT)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_only_forms_are_pushed(visit):
    """PAR-05."""
    url, given = f"{visit.root}/par", visit.parameters()
    auth = (visit.app.id, SECRET)
    assert requests.get(url, params=given, auth=auth, timeout=TIMEOUT).status_code == 405
    assert requests.post(url, json=given, auth=auth, timeout=TIMEOUT).status_code == 400
    large = {**given, "scope": "x" * 70_000}
    assert requests.post(url, data=large, auth=auth, timeout=TIMEOUT).status_code == 413


def test_a_client_pushes_only_so_much(world):
    """PAR-05."""
    visit = world.visit(world.app(secret=SECRET), world.resident())
    known, address = Throttle(world.services), visit.browser.headers["X-Forwarded-For"]
    for _ in range(LIMITS["push"].free - 1):
        known.attempt("push", f"{address} {visit.app.id}")
    url, auth = f"{visit.root}/par", (visit.app.id, SECRET)
    there = {"X-Forwarded-For": address}
    answers = [
        requests.post(url, data=visit.parameters(), auth=auth, headers=there, timeout=TIMEOUT)
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 429]
    assert int(answers[1].headers["Retry-After"]) > 0
    assert answers[1].json()["error"] == "temporarily_unavailable"


def test_a_name_is_used_once_in_time_by_its_client(world, visit):
    """PAR-06."""
    name = push(visit).json()["request_uri"]
    assert come(visit, name, world.app().id).status_code == 400
    assert come(visit, name).status_code == 400
    name = push(visit).json()["request_uri"]
    come(visit, name)
    assert visit.page.action
    assert come(visit, name).status_code == 400
    name = push(visit).json()["request_uri"]
    shelf = world.services.store.shelf(shelves.PUSHED)
    past = datetime.now(UTC) - timedelta(seconds=1)
    shelf.change(digest(name.removeprefix(PREFIX)), {"expires_at": past})
    assert come(visit, name).status_code == 400
    assert come(visit, f"{PREFIX}居民").status_code == 400


def test_what_stands_beside_a_name_counts_for_nothing(visit):
    """PAR-07."""
    name = push(visit, scope="patient/Observation.rs").json()["request_uri"]
    come(visit, name, scope="patient/*.cruds", redirect_uri="https://evil.test", state="x")
    sent = visit.allow()
    assert sent["state"] == visit.state
    assert visit.redeem(sent["code"]).json()["scope"] == "patient/Observation.rs"


def test_a_client_that_has_to_push_cannot_do_without(world):
    """PAR-08."""
    app = world.app(secret=SECRET, require_pushed=True)
    visit = world.visit(app, world.resident())
    visit.ask()
    assert visit.sent["error"] == "invalid_request"
    come(visit, push(visit).json()["request_uri"])
    assert "code" in visit.allow()


def test_a_client_registers_that_it_has_to_push(world, own):
    """PAR-08, RFC 9126 section 6."""
    metadata = {
        "client_name": "试用应用",
        "redirect_uris": ["https://app.test/callback"],
        "token_endpoint_auth_method": "none",
        "scope": "launch/patient patient/*.rs",
    }
    name = "require_pushed_authorization_requests"
    send, id = own(metadata)
    assert send("GET").json()[name] is False
    said = send("PUT", {**metadata, name: True}).json()
    assert (said[name], said["tongkang_status"]) == (True, "approved")
    visit = world.visit(App(world.root, id), world.resident())
    visit.ask()
    assert visit.sent["error"] == "invalid_request"
    said = send("PUT", metadata).json()
    assert said["tongkang_status"] == "pending"


@pytest.mark.parametrize("value", ["true", 1, None, "x"])
def test_whether_a_client_has_to_push_is_said_as_json_says_it(world, value):
    """DCR-05."""
    said = {"client_name": "a", "redirect_uris": ["https://a.test/"],
            "require_pushed_authorization_requests": value}  # fmt: skip
    answer = requests.post(f"{world.root}/register", json=said, timeout=TIMEOUT)
    assert answer.status_code == 400


def test_the_endpoint_is_told(world):
    """PAR-09."""
    url = f"{world.root}/.well-known/oauth-authorization-server"
    told = requests.get(url, timeout=TIMEOUT).json()
    assert told["pushed_authorization_request_endpoint"] == f"{world.root}/par"
