"""OID-01 to OID-08: https://openid.net/specs/openid-connect-core-1_0.html."""

import base64
import hashlib
import time

import orjson
import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from server.access.policy import OPEN
from server.auth.keys import Keys
from server.context import Context
from server.door import perform
from server.interactions.call import Call
from tests.auth.visit import TIMEOUT, Page, query
from tests.builders import encounter, fresh
from tests.security.access.shapes import person

SCOPE = "openid fhirUser"


@pytest.fixture(scope="module")
def app(world):
    return world.app(post_logout_redirect_uris=["https://app.test/left"])


def keys(world):
    return requests.get(f"{world.root}/jwks", timeout=TIMEOUT).json()


def opened(world, token):
    return jwt.decode(token, KeySet.import_key_set(keys(world)), algorithms=["RS256"])


def test_an_id_token_tells_who_signed_in(world, app, someone):
    """OID-01, OID-07."""
    tokens = world.tokens(app, someone, scope=SCOPE, nonce="a-nonce-居民")
    token = opened(world, tokens["id_token"])
    assert token.header["alg"] == "RS256"
    assert token.header["kid"] in [key["kid"] for key in keys(world)["keys"]]
    claims = token.claims
    assert claims["iss"] == world.root
    assert claims["aud"] == app.id
    assert claims["nonce"] == "a-nonce-居民"
    assert claims["exp"] > time.time() > claims["iat"] - 5
    assert claims["fhirUser"] == f"{world.root}/fhir/{someone.patient}"
    assert 10 < len(claims["sub"]) <= 255
    assert someone.login not in str(claims)
    assert "name" not in claims


def test_who_signed_in_is_the_same_each_time(world, app, someone):
    """OID-07."""
    subjects = {
        opened(world, world.tokens(app, who, scope=SCOPE)["id_token"]).claims["sub"]
        for who in (someone, someone, world.resident())
    }
    assert len(subjects) == 2


def test_the_person_can_be_read_with_the_same_token(world, app, someone):
    """OID-02."""
    tokens = world.tokens(app, someone, scope=SCOPE)
    answer = world.read(someone.patient, tokens["access_token"])
    assert answer.status_code == 200
    assert world.read("Observation", tokens["access_token"]).status_code == 403
    assert world.read("Patient", tokens["access_token"]).status_code == 403


def test_a_member_of_staff_is_a_practitioner(world, app):
    """OID-01, OID-02, OID-04."""
    doctor = world.staff()
    tokens = world.tokens(app, doctor, scope=SCOPE)
    claims = opened(world, tokens["id_token"]).claims
    assert claims["fhirUser"].startswith(f"{world.root}/fhir/Practitioner/")
    assert set(claims["amr"]) == {"pwd", "otp", "mfa"}
    assert claims["acr"] == "urn:tongkang:acr:2"
    reference = claims["fhirUser"].removeprefix(f"{world.root}/fhir/")
    assert world.read(reference, tokens["access_token"]).status_code == 200


def person_of(world, staff):
    """Return the Practitioner of a member of staff, whose name was changed once."""
    reference = staff.account["person"]
    changed = {"resourceType": "Practitioner", "id": reference.partition("/")[2],
               "name": [{"text": "李丙寅"}]}  # fmt: skip
    body = orjson.dumps(changed)
    call = Call(interaction="update", type="Practitioner", id=changed["id"], body=body)
    perform(Context.of(world.services, OPEN, "zh"), call)
    return reference


def test_the_person_alone_can_be_read_with_it(world, app, someone):
    """OID-02."""
    doctor, other = world.staff(), world.staff()
    mine, others = person_of(world, doctor), person_of(world, other)
    token = world.tokens(app, doctor, scope=SCOPE)["access_token"]
    assert world.read(mine, token).status_code == 200
    assert world.read(f"{mine}/_history/2", token).status_code == 200
    for path in (others, f"{others}/_history/2", f"{others}/_history", f"{mine}/_history/1"):
        assert world.read(path, token).status_code == 404, path
    assert len(world.read(f"{mine}/_history", token).json()["entry"]) == 1
    for path in (
        "Practitioner",
        f"Practitioner?_id={mine}",
        "Practitioner/_history",
        someone.patient,
    ):
        assert world.read(path, token).status_code == 403, path


def test_a_resident_alone_can_be_read_with_it(world, app, someone):
    """OID-02."""
    token = world.tokens(app, someone, scope=SCOPE)["access_token"]
    assert world.read(someone.patient, token).status_code == 200
    assert world.read(world.resident().patient, token).status_code == 404
    compartment = f"{someone.patient}/Observation"
    for path in (compartment, "Patient?_id=x", "Patient/_history", "Organization/x"):
        assert world.read(path, token).status_code == 403, path


def test_a_search_does_not_include_other_staff_because_of_it(world, app):
    """OID-02."""
    doctor, other = world.staff(), world.staff()
    patient = person(fresh(), "350602", 1)
    patient = world.store({name: patient[name] for name in patient if name != "id"})
    seen_by = [{"individual": {"reference": one.account["person"]}} for one in (doctor, other)]
    world.store(encounter(subject={"reference": patient}, participant=seen_by))
    token = world.tokens(app, doctor, scope=f"{SCOPE} user/Encounter.rs")["access_token"]
    query = f"Encounter?subject={patient}&_include=Encounter:practitioner"
    found = world.read(query, token).json()["entry"]
    assert {entry["resource"]["resourceType"] for entry in found} == {"Encounter"}


@pytest.mark.parametrize("scope", ["patient/*.rs", "patient/*.rs fhirUser", "profile patient/*.rs"])
def test_without_openid_nobody_is_told(world, app, someone, scope):
    """OID-03."""
    tokens = world.tokens(app, someone, scope=scope)
    assert "id_token" not in tokens
    assert tokens["scope"] == "patient/*.rs"


def test_without_fhir_user_the_record_is_not_told(world, app, someone):
    """OID-01."""
    claims = opened(world, world.tokens(app, someone, scope="openid")["id_token"]).claims
    assert "fhirUser" not in claims


def test_an_id_token_belongs_to_an_access_token_and_a_sign_in(world, app, someone):
    """OID-04."""
    before = int(time.time())
    tokens = world.tokens(app, someone, scope=SCOPE, max_age="3600")
    claims = opened(world, tokens["id_token"]).claims
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    assert before - 5 <= claims["auth_time"] <= time.time()
    assert claims["amr"] == ["pwd"]


def test_an_id_token_is_refreshed_with_the_others(world, app, someone):
    """REF-09."""
    tokens = world.tokens(app, someone, scope=f"{SCOPE} offline_access", nonce="n")
    again = app.refresh(tokens["refresh_token"]).json()
    first, second = (opened(world, one["id_token"]).claims for one in (tokens, again))
    for name in ("sub", "aud", "iss", "auth_time", "fhirUser"):
        assert first[name] == second[name]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_user_info_tells_the_same(world, app, someone, method):
    """OID-05."""
    tokens = world.tokens(app, someone, scope=f"{SCOPE} profile")
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    url = f"{world.root}/userinfo"
    answer = requests.request(method, url, headers=headers, timeout=TIMEOUT)
    claims = opened(world, tokens["id_token"]).claims
    assert answer.status_code == 200
    assert answer.json() == {name: claims[name] for name in ("sub", "fhirUser", "name")}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("how", ["hidden", "masked"])
def test_a_name_that_the_client_does_not_see_is_no_claim(world, someone, how):
    """R1.8b."""
    masks = {"Patient": {"hidden": [], "masked": [], how: ["name"]}}
    tokens = world.tokens(world.app(masks=masks), someone, scope=f"{SCOPE} profile")
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    told = requests.get(f"{world.root}/userinfo", headers=headers, timeout=TIMEOUT).json()
    assert told.keys() == {"sub", "fhirUser"}
    assert "name" not in opened(world, tokens["id_token"]).claims


def test_user_info_is_for_openid(world, app, someone):
    """OID-05."""
    url = f"{world.root}/userinfo"
    tokens = world.tokens(app, someone, scope="patient/*.rs")
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    short = requests.get(url, headers=headers, timeout=TIMEOUT)
    assert short.status_code == 403
    assert "insufficient_scope" in short.headers["WWW-Authenticate"]
    for given in ({}, {"Authorization": "Bearer nothing"}, {"Authorization": "Basic YTpi"}):
        answer = requests.get(url, headers=given, timeout=TIMEOUT)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")


def test_keys_overlap(world, app, someone):
    """OID-06."""
    tokens = world.tokens(app, someone, scope=SCOPE)
    Keys(world.services).rotate()
    assert len({key["kid"] for key in keys(world)["keys"]}) >= 2
    assert opened(world, tokens["id_token"]).claims["aud"] == app.id
    assert not {"d", "p", "q"} & set().union(*keys(world)["keys"])


def leave(visit, **given):
    url = f"{visit.root}/end-session"
    return visit.browser.get(url, params=given, allow_redirects=False, timeout=TIMEOUT)


def is_signed_in(visit):
    visit.ask()
    return "/sign-in" not in visit.answer.url


@pytest.fixture
def visit(world, app, someone):
    return world.code(app, someone, scope=SCOPE)


def test_an_app_signs_the_person_out_that_it_knows(app, visit):
    """OID-08."""
    token = visit.redeem(visit.sent["code"]).json()["id_token"]
    where = "https://app.test/left"
    left = leave(visit, id_token_hint=token, post_logout_redirect_uri=where, state="居 民&")
    assert left.status_code == 303
    assert left.headers["Location"].startswith(f"{where}?state=")
    assert query(left.headers["Location"]) == {"state": "居 民&"}
    assert not is_signed_in(visit)


def test_without_an_id_token_the_person_is_asked(app, visit):
    """OID-08."""
    shown = leave(visit, client_id=app.id, post_logout_redirect_uri="https://app.test/left")
    assert shown.status_code == 200
    assert is_signed_in(visit)
    url = f"{visit.root}/end-session"
    form = Page(shown.text).hidden
    forged = visit.browser.post(url, data={**form, "csrf": "x"}, timeout=TIMEOUT)
    assert forged.status_code == 403
    assert is_signed_in(visit)
    left = visit.browser.post(url, data=form, allow_redirects=False, timeout=TIMEOUT)
    assert left.headers["Location"] == "https://app.test/left"
    assert not is_signed_in(visit)


def test_an_id_token_of_another_person_signs_nobody_out(world, app, visit):
    """OID-08."""
    other = world.tokens(app, world.resident(), scope=SCOPE)["id_token"]
    assert leave(visit, id_token_hint=other).status_code == 200
    assert is_signed_in(visit)


@pytest.mark.parametrize(
    "address",
    ["https://app.test/callback", "//evil", "https:evil", "\\evil", "javascript:alert(1)", "居民",
     "https://app.test/left/", "https://app.test/left%0d%0a", "https://app.test/left\r\n", '"'],
)  # fmt: skip
def test_after_signing_out_the_browser_goes_to_registered_addresses_only(app, visit, address):
    """OID-08, AUT-25."""
    answer = leave(visit, client_id=app.id, post_logout_redirect_uri=address)
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert is_signed_in(visit)


@pytest.mark.parametrize("name", ["id_token_hint", "client_id", "state", "csrf"])
def test_nothing_in_a_parameter_breaks_signing_out(visit, name):
    for value in ("居民", '"', "\\", "\x00", "a.b.c", "%", "🀄"):
        assert leave(visit, **{name: value}).status_code < 500
