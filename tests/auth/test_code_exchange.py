"""TOK-01 to TOK-17: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests

from server.auth import grants, shelves
from server.store.shelf import digest
from tests.auth.visit import TIMEOUT, pkce

SECRET = "a-secret-of-more-than-256-random-bits-or-so-it-is-said"


@pytest.fixture
def visit(world, app, someone):
    """A visit that ended with a code."""
    return world.code(app, someone)


def refused(answer, error="invalid_grant", status=400):
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "access_token" not in answer.text


def test_a_code_is_exchanged_for_tokens(world, visit, someone):
    """TOK-01, TOK-03."""
    answer = visit.redeem(visit.sent["code"])
    tokens = answer.json()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert tokens["token_type"] == "Bearer"
    assert type(tokens["expires_in"]) is int
    assert 3000 < tokens["expires_in"] <= 3600
    assert isinstance(tokens["scope"], str)
    assert world.read(someone.patient, tokens["access_token"]).status_code == 200


def test_only_what_is_in_context_is_told(world, app, someone):
    """TOK-02."""
    tokens = world.tokens(app, someone, scope="openid user/Observation.rs")
    assert not {"patient", "encounter", "fhirContext", "need_patient_banner"} & tokens.keys()
    assert "patient" in world.tokens(app, someone)


@pytest.mark.parametrize(
    ("scope", "is_there"),
    [
        ("patient/*.rs", False),
        ("patient/*.rs offline_access", True),
        ("patient/*.rs online_access", True),
    ],
)
def test_a_refresh_token_is_for_who_may_come_back(world, app, someone, scope, is_there):
    """TOK-04."""
    assert ("refresh_token" in world.tokens(app, someone, scope=scope)) is is_there


def test_a_client_that_does_not_refresh_gets_no_refresh_token(world, someone):
    """TOK-04."""
    app = world.app(grant_types=["authorization_code"])
    assert "refresh_token" not in world.tokens(app, someone)


def test_a_code_that_comes_again_ends_its_tokens(world, app, visit, someone):
    """TOK-05, BCP-03."""
    tokens = visit.redeem(visit.sent["code"]).json()
    assert world.read(someone.patient, tokens["access_token"]).status_code == 200
    refused(visit.redeem(visit.sent["code"]))
    assert world.read(someone.patient, tokens["access_token"]).status_code == 401
    refused(app.refresh(tokens["refresh_token"]))


def test_the_tombstone_of_a_code_outlives_its_tokens(world, app, someone, visit):
    """TOK-05."""
    kept = world.services.store.shelf(shelves.CODES).find(digest(visit.sent["code"]))
    assert kept["expires_at"] > world.grant(app, someone)["expires_at"]


def test_of_eight_redemptions_one_succeeds(world, app, someone):
    """TOK-06, P7."""
    for _ in range(3):
        visit = world.code(app, someone, prompt="consent")
        with ThreadPoolExecutor(8) as pool:
            code = visit.sent["code"]
            answers = list(pool.map(lambda _, c=code, v=visit: v.redeem(c), range(8)))
        assert sorted(answer.status_code for answer in answers) == [200, *[400] * 7]
        [won] = [answer.json() for answer in answers if answer.status_code == 200]
        assert world.read(someone.patient, won["access_token"]).status_code == 401


def test_a_code_is_for_one_client(world, visit):
    """TOK-07."""
    other = world.app()
    refused(other.redeem(visit.sent["code"], visit.verifier))


@pytest.mark.parametrize("code", ["nothing", "居民", "a" * 5000, "'", "$where"])
def test_an_unknown_code_is_refused(app, code):
    """TOK-07."""
    refused(app.redeem(code, pkce()[0]))


def test_a_code_is_good_for_a_minute(world, visit):
    """TOK-07, AUT-16."""
    shelf = world.services.store.shelf(shelves.CODES)
    name = digest(visit.sent["code"])
    assert shelf.find(name)["until"] <= datetime.now(UTC) + timedelta(seconds=60)
    shelf.change(name, {"until": datetime.now(UTC) - timedelta(seconds=1)})
    refused(visit.redeem(visit.sent["code"]))


@pytest.mark.parametrize("address", [None, "https://app.test/other", "https://app.test/callback/"])
def test_the_address_is_that_of_the_request(visit, address):
    """TOK-07."""
    refused(visit.redeem(visit.sent["code"], redirect_uri=address))


@pytest.mark.parametrize("verifier", ["none", "blank", "wrong", "challenge", "short", "unicode"])
def test_a_wrong_verifier_burns_the_code(visit, verifier):
    """TOK-08, P8."""
    right, given = visit.verifier, {}
    given["none"] = None
    given["blank"] = ""
    given["wrong"] = pkce()[0]
    given["challenge"] = visit.parameters()["code_challenge"]
    given["short"] = "a"
    given["unicode"] = "居" * 43
    refused(visit.app.redeem(visit.sent["code"], given[verifier]))
    refused(visit.app.redeem(visit.sent["code"], right))


def form(visit):
    return {
        "grant_type": "authorization_code",
        "code": visit.sent["code"],
        "redirect_uri": visit.app.redirect_uri,
        "code_verifier": visit.verifier,
        "client_id": visit.app.id,
    }


def test_tokens_are_given_for_a_plain_form_only(visit):
    """TOK-09, P20."""
    url, given = f"{visit.root}/token", form(visit)
    answers = [
        requests.post(url, params=given, timeout=TIMEOUT),
        requests.post(url, json=given, timeout=TIMEOUT),
        requests.post(url, files={n: (None, v) for n, v in given.items()}, timeout=TIMEOUT),
        requests.get(url, params=given, timeout=TIMEOUT),
        requests.head(url, params=given, timeout=TIMEOUT),
        requests.post(f"{url}?code={given['code']}", data=given, timeout=TIMEOUT),
    ]
    assert all(answer.status_code in (400, 405, 415) for answer in answers)
    assert all("access_token" not in answer.text for answer in answers)


@pytest.mark.parametrize("name", ["code", "grant_type", "code_verifier", "client_id", "scope"])
def test_a_parameter_comes_once(visit, name):
    """TOK-10, P21."""
    given = [*form(visit).items(), (name, "x"), (name, "y")]
    refused(requests.post(f"{visit.root}/token", data=given, timeout=TIMEOUT), "invalid_request")


def test_a_client_says_in_one_way_who_it_is(world, someone):
    """TOK-11, TOK-17, P23."""
    app = world.app(secret=SECRET)
    visit = world.code(app, someone)
    url, given = f"{visit.root}/token", form(visit)
    twice = {**given, "client_secret": SECRET}
    answer = requests.post(url, data=twice, auth=(app.id, SECRET), timeout=TIMEOUT)
    refused(answer, "invalid_request")
    other = {**given, "client_id": world.app().id}
    answer = requests.post(url, data=other, auth=(app.id, SECRET), timeout=TIMEOUT)
    assert answer.status_code in (400, 401)
    answer = requests.post(url, data=given, auth=(app.id, SECRET), timeout=TIMEOUT)
    assert answer.status_code == 200


def test_a_client_with_a_secret_uses_it(world, someone):
    """TOK-13, TOK-14."""
    app = world.app(secret=SECRET)
    visit = world.code(app, someone)
    url, given = f"{visit.root}/token", form(visit)
    refused(requests.post(url, data=given, timeout=TIMEOUT), "invalid_client", 401)
    wrong = requests.post(url, data=given, auth=(app.id, "wrong"), timeout=TIMEOUT)
    refused(wrong, "invalid_client", 401)
    assert re.match("Basic realm=", wrong.headers["WWW-Authenticate"])
    for header in ("Basic !!!", "Basic /////w==", "Basic", "Basic 5bGF5rCR"):
        headers = {"Authorization": header}
        answer = requests.post(url, data=given, headers=headers, timeout=TIMEOUT)
        refused(answer, "invalid_client", 401)
    assert app.redeem(visit.sent["code"], visit.verifier).status_code == 200


@pytest.mark.parametrize(
    ("grant_type", "error"),
    [
        (None, "invalid_request"),
        ("", "invalid_request"),
        ("password", "unsupported_grant_type"),
        ("implicit", "unsupported_grant_type"),
        ("urn:ietf:params:oauth:grant-type:jwt-bearer", "unsupported_grant_type"),
        ("居民", "unsupported_grant_type"),
    ],
)
def test_there_are_no_other_grants(visit, grant_type, error):
    """TOK-12, TOK-16, BCP-04."""
    refused(visit.app.redeem(visit.sent["code"], visit.verifier, grant_type=grant_type), error)


def test_a_refusal_repeats_no_secret(visit):
    """TOK-15."""
    visit.redeem(visit.sent["code"])
    answer = visit.redeem(visit.sent["code"])
    assert visit.sent["code"] not in answer.text
    assert visit.verifier not in answer.text
    described = answer.json().get("error_description", "")
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*", described)


@pytest.mark.parametrize("name", ["code", "redirect_uri", "code_verifier", "client_id", "state"])
def test_nothing_in_a_parameter_breaks_the_token_endpoint(visit, name):
    """P24."""
    for value in ("居民", '"', "\\", "\x00", "a" * 9000, "%", "🀄"):
        given = {**form(visit), "code": "nothing", name: value}
        answer = visit.app.post(**given)
        assert answer.status_code in (400, 401), (value, answer.text)


def test_a_code_of_an_authorisation_that_ended_is_refused(world, app, someone, visit):
    """REF-09."""
    grants.end(world.services, world.grant(app, someone)["id"])
    refused(visit.redeem(visit.sent["code"]))


def test_a_code_is_kept_as_a_hash(world, visit):
    """BCP-10."""
    shelf = world.services.store.shelf(shelves.CODES)
    assert shelf.find(visit.sent["code"]) is None
    assert visit.sent["code"] not in str(shelf.find(digest(visit.sent["code"])))


def test_nobody_uses_a_code_as_a_token(world, visit, someone):
    """RES-06."""
    assert world.read(someone.patient, visit.sent["code"]).status_code == 401


def test_a_secret_cannot_be_guessed_at_leisure(world):
    """BCP-15, AUT-23."""
    app = world.app(secret=SECRET)
    url, given = f"{world.root}/token", {"grant_type": "refresh_token", "refresh_token": "x"}
    statuses = [
        requests.post(url, data=given, auth=(app.id, f"guess-{n}"), timeout=TIMEOUT).status_code
        for n in range(40)
    ]
    assert set(statuses[:30]) == {401}
    assert set(statuses[30:]) == {429}


def test_codes_cannot_be_guessed_at_leisure(world):
    """The issue: 1,000 guesses a minute are throttled."""
    app, address = world.app(), {"X-Forwarded-For": "203.0.113.7"}
    url = f"{world.root}/token"
    given = {"grant_type": "authorization_code", "client_id": app.id, "redirect_uri": "x"}
    with ThreadPoolExecutor(4) as pool:
        guesses = ({**given, "code": f"guess-{n}"} for n in range(330))
        answers = list(
            pool.map(lambda g: requests.post(url, data=g, headers=address, timeout=20), guesses)
        )
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(400) == 300
    assert statuses.count(429) == 30
    assert all("Retry-After" in one.headers for one in answers if one.status_code == 429)
