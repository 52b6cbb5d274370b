"""REF-01 to REF-10: https://www.rfc-editor.org/rfc/rfc6749#section-6."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests

from server.auth import consents, shelves
from server.identity import shelves as identity
from server.identity.sessions import Sessions
from server.store.shelf import digest
from tests.auth.visit import TIMEOUT, Page
from tests.auth.world import OFFICER

SCOPE = "launch/patient offline_access patient/*.rs"


@pytest.fixture
def tokens(world, app, someone):
    return world.tokens(app, someone, scope=SCOPE)


def refused(answer, error="invalid_grant"):
    assert (answer.status_code, answer.json()["error"]) == (400, error), answer.text


def test_a_refresh_token_gives_the_same_again(world, app, tokens, someone):
    """REF-01."""
    answer = app.refresh(tokens["refresh_token"])
    again = answer.json()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert again["scope"] == tokens["scope"]
    assert again["patient"] == tokens["patient"]
    assert type(again["expires_in"]) is int
    assert again["access_token"] != tokens["access_token"]
    assert world.read(someone.patient, again["access_token"]).status_code == 200


@pytest.mark.parametrize(
    "scope", ["patient/*.rs", "patient/Observation.r", "patient/*.read offline_access", SCOPE]
)
def test_less_can_be_asked_for(app, tokens, scope):
    """REF-02, P17."""
    narrowed = app.refresh(tokens["refresh_token"], scope=scope).json()
    assert narrowed["scope"].split() == [
        *(word for word in ("launch/patient", "offline_access") if word in scope.split()),
        *(one for one in scope.split() if "." in one),
    ]
    whole = app.refresh(narrowed["refresh_token"]).json()
    assert whole["scope"] == tokens["scope"]


@pytest.mark.parametrize(
    "scope",
    [
        "patient/*.cruds",
        "user/*.rs",
        "launch/encounter patient/*.rs",
        "openid",
        "patient/Observation.",
        "居民",
        "patient/*.rs patient/Observation.dus",
    ],
)
def test_more_cannot_be_asked_for(app, tokens, scope):
    """REF-03; nothing is lost by asking."""
    refused(app.refresh(tokens["refresh_token"], scope=scope), "invalid_scope")
    assert app.refresh(tokens["refresh_token"]).status_code == 200


def test_a_limit_cannot_be_left_out(world, app, someone):
    """REF-03."""
    limited = "patient/Observation.rs?category=laboratory offline_access"
    tokens = world.tokens(app, someone, scope=limited)
    refused(app.refresh(tokens["refresh_token"], scope="patient/Observation.rs"), "invalid_scope")
    assert app.refresh(tokens["refresh_token"], scope=limited).status_code == 200


def test_a_refresh_token_is_for_one_client(world, app, tokens):
    """REF-04."""
    refused(world.app().refresh(tokens["refresh_token"]))
    assert app.refresh(tokens["refresh_token"]).status_code == 200


def test_a_refresh_token_that_comes_again_ends_the_family(world, app, tokens, someone):
    """REF-05, BCP-06."""
    second = app.refresh(tokens["refresh_token"]).json()
    third = app.refresh(second["refresh_token"]).json()
    assert len({one["refresh_token"] for one in (tokens, second, third)}) == 3
    refused(app.refresh(tokens["refresh_token"]))
    refused(app.refresh(third["refresh_token"]))
    for one in (tokens, second, third):
        assert world.read(someone.patient, one["access_token"]).status_code == 401


def test_of_eight_at_once_one_succeeds_at_most(world, app, tokens, someone):
    """REF-06, without grace."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: app.refresh(tokens["refresh_token"]), range(8)))
    assert [answer.status_code for answer in answers].count(200) <= 1
    assert {answer.status_code for answer in answers} <= {200, 400}
    for answer in answers:
        if answer.status_code == 200:
            token = answer.json()["access_token"]
            assert world.read(someone.patient, token).status_code == 401


@pytest.mark.parametrize("token", ["nothing", "居民", "'", "a" * 5000, "\\"])
def test_what_is_no_refresh_token_is_refused(app, token):
    """REF-07."""
    refused(app.refresh(token))


def test_an_access_token_refreshes_nothing(app, tokens):
    """REF-07."""
    refused(app.refresh(tokens["access_token"]))


def test_a_refresh_token_is_no_access_token(world, tokens, someone):
    """RES-06."""
    assert world.read(someone.patient, tokens["refresh_token"]).status_code == 401


def test_withdrawal_ends_all_tokens_at_once(world, app, tokens, someone):
    """REF-07, REF-09, REV-08."""
    assert world.read(someone.patient, tokens["access_token"]).status_code == 200
    consents.withdraw(world.services, world.grant(app, someone)["id"], OFFICER)
    for _ in range(6):  # whichever process answers
        assert world.read(someone.patient, tokens["access_token"]).status_code == 401
    refused(app.refresh(tokens["refresh_token"]))


def test_offline_access_lasts_for_months(world, app, tokens, someone):
    """REF-08."""
    record = world.services.store.shelf(shelves.TOKENS).find(digest(tokens["refresh_token"]))
    assert record["expires_at"] > datetime.now(UTC) + timedelta(days=90)


def test_online_access_ends_with_the_session(world, app, someone):
    """REF-08."""
    visit = world.visit(app, someone)
    visit.ask(scope="online_access patient/*.rs")
    tokens = visit.redeem(visit.allow()["code"]).json()
    again = app.refresh(tokens["refresh_token"]).json()
    assert world.read(someone.patient, again["access_token"]).status_code == 200
    shown = visit.browser.get(f"{world.root}/end-session", timeout=TIMEOUT)
    left = visit.browser.post(
        f"{world.root}/end-session", data=hidden(shown), allow_redirects=False, timeout=TIMEOUT
    )
    assert left.status_code == 303
    assert world.read(someone.patient, again["access_token"]).status_code == 401
    refused(app.refresh(again["refresh_token"]))


def test_online_access_ends_when_the_session_does_by_itself(world, app, someone):
    """REF-08."""
    tokens = world.tokens(app, someone, scope="online_access patient/*.rs")
    Sessions(world.services).end_all(someone.id)
    refused(app.refresh(tokens["refresh_token"]))


def hidden(answer):
    return Page(answer.text).hidden


@pytest.mark.parametrize("status", ["locked", "closed"])
def test_an_account_that_is_closed_gets_nothing(world, app, tokens, someone, status):
    """REF-09, P34."""
    world.services.store.shelf(identity.ACCOUNTS).change(someone.id, {"status": status})
    refused(app.refresh(tokens["refresh_token"]))


def test_an_authorisation_for_a_child_ends_with_the_bond(world, app, someone):
    """REF-09."""
    child = world.child_of(someone)
    tokens = world.tokens(app, someone, scope=SCOPE, patient=child)
    assert f"Patient/{tokens['patient']}" == child
    world.services.store.shelf(identity.BONDS).remove({"account": someone.id})
    refused(app.refresh(tokens["refresh_token"]))


def test_a_public_client_need_not_say_who_it_is(world, tokens):
    """REF-10, P33."""
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answer = requests.post(f"{world.root}/token", data=form, timeout=TIMEOUT)
    assert answer.status_code == 200


def test_a_confidential_client_has_to(world, someone):
    """REF-10."""
    app = world.app(secret="s" * 40)
    tokens = world.tokens(app, someone)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answer = requests.post(f"{world.root}/token", data=form, timeout=TIMEOUT)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert app.refresh(tokens["refresh_token"]).status_code == 200


def test_a_suspended_client_gets_nothing(world, someone):
    app = world.app()
    tokens = world.tokens(app, someone)
    world.services.store.shelf(shelves.CLIENTS).change(app.id, {"status": "suspended"})
    assert app.refresh(tokens["refresh_token"]).status_code in (400, 401)
