"""AUT-12, TOK-02: launches from an EMR, and patients that staff look up."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from server.auth import shelves
from server.store.shelf import digest
from tests import builders
from tests.auth.unit import UNIT, lives
from tests.auth.visit import TIMEOUT, Page, query

SCOPE = "launch patient/*.rs"


@pytest.fixture(scope="module")
def app(world):
    return world.app(launch_uri="https://app.test/launch")


@pytest.fixture(scope="module")
def patient(world):
    return lives(world)


@pytest.fixture(scope="module")
def visit_of_patient(world, patient):
    return world.store(
        builders.encounter(
            subject={"reference": patient}, serviceProvider={"reference": UNIT["reference"]}
        )
    )


@pytest.fixture
def system(world, register, keys, ask, sign):
    """The access token of the EMR of the unit."""
    public = {"keys": [key.as_dict(private=False) for key in keys.values()]}
    id = register(
        kind="backend",
        auth_method="private_key_jwt",
        grant_types=["client_credentials"],
        jwks=public,
        redirect_uris=[],
        scope="system/*.cruds",
        organization=UNIT,
    )
    answer = ask(sign(id), scope="system/Patient.rs system/Encounter.rs")
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def launch(world, token, body):
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(f"{world.root}/launches", json=body, headers=headers, timeout=TIMEOUT)


@pytest.fixture
def body(app, doctor, patient):
    """What the EMR says to launch the app about the patient."""
    return {"client_id": app.id, "user": doctor.account["person"], "patient": patient}


@pytest.fixture
def launched(world, body, visit_of_patient, system):
    """What the EMR is told when it launched the app."""
    body = {
        **body,
        "encounter": visit_of_patient,
        "need_patient_banner": False,
        "intent": "reconcile-medications",
        "fhirContext": [{"reference": "ImagingStudy/123"}],
        "smart_style_url": "https://emr.test/style.json",
    }
    answer = launch(world, system, body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_app_is_told_where_it_was_opened(world, app, doctor, body, launched):
    """TOK-02."""
    assert launched["iss"] == f"{world.root}/fhir"
    assert launched["expires_in"] == 300
    tokens = world.tokens(app, doctor, scope=SCOPE, launch=launched["launch"])
    patient = f"Patient/{tokens['patient']}"
    assert patient == body["patient"]
    visit = world.read(f"Encounter/{tokens['encounter']}", tokens["access_token"]).json()
    assert visit["subject"]["reference"] == patient
    assert tokens["need_patient_banner"] is False
    assert tokens["intent"] == "reconcile-medications"
    assert tokens["fhirContext"] == [{"reference": "ImagingStudy/123"}]
    assert tokens["smart_style_url"] == "https://emr.test/style.json"
    assert world.read(patient, tokens["access_token"]).status_code == 200


def test_the_context_is_refreshed_with_the_tokens(world, app, doctor, launched):
    """REF-01."""
    scope = f"{SCOPE} offline_access launch/encounter"
    tokens = world.tokens(app, doctor, scope=scope, launch=launched["launch"])
    again = app.refresh(tokens["refresh_token"]).json()
    for name in ("patient", "encounter", "intent", "fhirContext", "scope"):
        assert again[name] == tokens[name]


def test_a_launch_is_used_once(world, app, doctor, launched):
    """AUT-12."""
    world.tokens(app, doctor, scope=SCOPE, launch=launched["launch"])
    visit = world.visit(app, doctor)
    visit.ask(scope=SCOPE, launch=launched["launch"])
    assert visit.sent["error"] == "invalid_request"


def test_a_launch_is_for_one_client(world, doctor, app, launched):
    """AUT-12; the client that it is for can use it still."""
    visit = world.visit(world.app(), doctor)
    visit.ask(scope=SCOPE, launch=launched["launch"])
    assert visit.sent["error"] == "invalid_request"
    assert "patient" in world.tokens(app, doctor, scope=SCOPE, launch=launched["launch"])


@pytest.mark.parametrize("who", ["staff", "resident"])
def test_a_launch_is_for_one_person(world, app, launched, who):
    """AUT-12."""
    visit = world.visit(app, getattr(world, who)())
    visit.ask(scope=SCOPE, launch=launched["launch"])
    assert visit.sent["error"] == "invalid_request"


def test_a_launch_is_good_for_five_minutes(world, app, doctor, launched):
    """AUT-12."""
    shelf = world.services.store.shelf(shelves.LAUNCHES)
    past = datetime.now(UTC) - timedelta(seconds=1)
    shelf.change(digest(launched["launch"]), {"expires_at": past})
    visit = world.visit(app, doctor)
    visit.ask(scope=SCOPE, launch=launched["launch"])
    assert visit.sent["error"] == "invalid_request"


def test_staff_are_asked_once_whoever_the_patient_is(world, app, doctor, system, patient):
    """They allow the app to act for them; whom it is told about is up to each launch."""
    who = {"client_id": app.id, "user": doctor.account["person"]}
    first = launch(world, system, {**who, "patient": patient}).json()
    told = world.tokens(app, doctor, scope=SCOPE, launch=first["launch"], prompt="consent")
    assert f"Patient/{told['patient']}" == patient
    other = lives(world)
    second = launch(world, system, {**who, "patient": other}).json()
    visit = world.visit(app, doctor)
    visit.ask(scope=SCOPE, launch=second["launch"])
    told = visit.redeem(visit.sent["code"]).json()
    assert f"Patient/{told['patient']}" == other
    assert world.read(other, told["access_token"]).status_code == 200
    assert world.read(patient, told["access_token"]).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "nobody"},
        {"client_id": "居民"},
        {"user": "Practitioner/nobody"},
        {"user": "居民"},
        {"patient": "Patient/nobody"},
        {"encounter": "Encounter/nobody"},
    ],
    ids=str,
)
def test_what_is_not_there_is_not_launched(world, body, system, wrong):
    assert launch(world, system, {**body, **wrong}).status_code == 404


@pytest.mark.parametrize(
    "said",
    [
        [],
        {},
        "居民",
        {"client_id": 5},
        {"client_id": "a", "patient": "Practitioner/a"},
        {"client_id": "a", "patient": {"$ne": 1}},
        {"client_id": "a", "fhirContext": [{"reference": "Patient/a"}]},
        {"client_id": "a", "fhirContext": [{"reference": "nowhere"}]},
        {"client_id": "a", "fhirContext": [{"reference": "Patient/a", "$where": "x"}]},
        {"client_id": "a", "fhirContext": "x"},
        {"client_id": "a", "smart_style_url": "javascript:x"},
        {"client_id": "a", "smart_style_url": "https://["},
        {"client_id": "a", "smart_style_url": "https://a.test:99999/"},
        {"client_id": "a", "unknown": 1},
    ],
    ids=str,
)
def test_what_is_malformed_is_not_launched(world, system, said):
    assert launch(world, system, said).status_code == 400


def test_a_visit_of_another_patient_is_not_launched(world, app, doctor, system, visit_of_patient):
    body = {
        "client_id": app.id,
        "user": doctor.account["person"],
        "patient": lives(world),
        "encounter": visit_of_patient,
    }
    assert launch(world, system, body).status_code == 404


def test_only_the_staff_of_the_unit_is_launched_for(world, app, system, patient):
    stranger = world.staff(organization={"reference": "Organization/other", "name": "别处"})
    body = {"client_id": app.id, "user": stranger.account["person"], "patient": patient}
    assert launch(world, system, body).status_code == 404


def test_an_app_of_a_person_launches_nothing(world, app, doctor, patient):
    tokens = world.tokens(app, world.resident())
    body = {"client_id": app.id, "user": doctor.account["person"], "patient": patient}
    assert launch(world, tokens["access_token"], body).status_code == 403
    assert launch(world, "nothing", body).status_code == 403
    assert requests.post(f"{world.root}/launches", json=body, timeout=TIMEOUT).status_code == 403


def test_a_member_of_staff_launches_an_app_for_themselves(world, app, doctor, patient):
    browser = world.enter(doctor)
    csrf = Page(browser.get(world.root, timeout=TIMEOUT).text).hidden.get("csrf")
    if csrf is None:
        csrf = Page(browser.get(f"{world.root}/emergency", timeout=TIMEOUT).text).hidden["csrf"]
    form = {"client_id": app.id, "patient": patient, "csrf": csrf}
    url = f"{world.root}/launches"
    sent = browser.post(url, data=form, allow_redirects=False, timeout=TIMEOUT)
    assert sent.status_code == 303, sent.text
    told = query(sent.headers["Location"])
    assert sent.headers["Location"].startswith("https://app.test/launch?")
    tokens = world.tokens(app, doctor, scope=SCOPE, launch=told["launch"], prompt="consent")
    assert f"Patient/{tokens['patient']}" == patient
    forged = browser.post(url, data={**form, "csrf": "x"}, timeout=TIMEOUT)
    assert forged.status_code == 403


def test_staff_look_up_the_patient_of_a_launch_without_one(world, app, doctor, system):
    """AUT-21."""
    number = "350602198801011238"
    found = lives(world, identifier=[{"system": builders.ID_CARD, "value": number}])
    told = launch(world, system, {"client_id": app.id, "user": doctor.account["person"]}).json()
    visit = world.visit(app, doctor)
    visit.ask(scope=SCOPE, launch=told["launch"])
    visit.decide("find", number=number)
    tokens = visit.redeem(visit.allow()["code"]).json()
    assert f"Patient/{tokens['patient']}" == found


@pytest.fixture
def inspector(register, keys, sign, ask):
    """The access token of a system that may introspect others."""
    public = {"keys": [key.as_dict(private=False) for key in keys.values()]}
    id = register(
        kind="backend", auth_method="private_key_jwt", grant_types=["client_credentials"],
        jwks=public, redirect_uris=[], scope="system/*.cruds", may_introspect=True,
    )  # fmt: skip
    return ask(sign(id)).json()["access_token"]


def test_introspection_tells_the_context(world, app, doctor, launched, inspector):
    """INT-01."""
    tokens = world.tokens(
        app, doctor, scope=f"{SCOPE} openid fhirUser", launch=launched["launch"], prompt="consent"
    )
    said = requests.post(
        f"{world.root}/introspect",
        data={"token": tokens["access_token"]},
        headers={"Authorization": f"Bearer {inspector}"},
        timeout=TIMEOUT,
    ).json()
    assert said["active"] is True
    for name in ("patient", "encounter", "intent", "fhirContext", "scope", "need_patient_banner"):
        assert said[name] == tokens[name]
    assert said["sub"] == doctor.id
    assert said["fhirUser"].endswith(doctor.account["person"])


def test_every_scope_that_is_announced_can_be_granted(world, doctor, launched):
    """DSC-07."""
    url = f"{world.root}/.well-known/oauth-authorization-server"
    announced = requests.get(url, timeout=TIMEOUT).json()["scopes_supported"]
    asked = [scope for scope in announced if not scope.startswith("system/")]
    app = world.app(scope=" ".join(asked))
    secret = launched["launch"]
    name = digest(secret)
    world.services.store.shelf(shelves.LAUNCHES).change(name, {"client": app.id})
    tokens = world.tokens(app, doctor, scope=" ".join(asked), launch=secret)
    assert set(tokens["scope"].split()) == set(asked)
