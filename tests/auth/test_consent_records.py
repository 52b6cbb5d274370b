"""What is kept of an authorisation: the receipt, the Consent, the trail; and its withdrawal."""

from base64 import b64decode
from hashlib import sha256

import orjson
import pytest

from server.access.policy import OPEN
from server.auth import consents, development, shelves
from server.auth.development import Wanted
from server.auth.tokens import Tokens
from server.context import Context
from server.door import perform
from server.identity import shelves as identity
from server.interactions.call import Call
from tests.auth.visit import TIMEOUT, Page
from tests.auth.world import OFFICER

SCOPE = "offline_access patient/Observation.rs patient/Condition.cruds"


@pytest.fixture
def tokens(world, app, someone):
    return world.tokens(app, someone, scope=SCOPE, sensitive=["mental", "infectious"])


@pytest.fixture
def grant(world, app, someone, tokens):
    return world.grant(app, someone)


def asked(world, **call):
    return orjson.loads(perform(Context.of(world.services, OPEN, "zh"), Call(**call)).body)


def consent(world, grant):
    return asked(world, interaction="read", type="Consent", id=grant["consent"].partition("/")[2])


def test_a_consent_tells_who_agreed_to_what(world, app, someone, grant):
    found = consent(world, grant)
    provision = found["provision"]
    assert found["status"] == "active"
    assert found["patient"] == {"reference": someone.patient}
    assert found["performer"][0]["reference"] == someone.patient
    assert found["policyRule"]["coding"][0]["code"] == "OPTIN"
    assert provision["type"] == "permit"
    assert provision["actor"][0]["reference"]["identifier"]["value"] == app.id
    assert provision["actor"][0]["reference"]["display"] == "漳州试用科技有限公司"
    assert [one["code"] for one in provision["class"]] == ["Observation", "Condition"]
    assert [one["code"] for one in provision["securityLabel"]] == ["HIV", "PSY", "STD"]
    assert provision["purpose"][0]["code"] == "PATRQT"
    assert provision["period"]["start"] < provision["period"]["end"]


def test_a_receipt_keeps_what_was_shown(world, app, grant):
    receipt = world.services.store.shelf(shelves.RECEIPTS).find(grant["id"])
    shown = "\n".join(receipt["lines"])
    assert sha256(orjson.dumps(receipt["lines"])).hexdigest() == grant["text_digest"]
    assert receipt["text_digest"] == grant["text_digest"]
    assert "漳州试用科技有限公司" in shown
    assert "帮助您管理慢性病" in shown
    attached = consent(world, grant)["sourceAttachment"]
    assert b64decode(attached["data"]).decode() == shown
    assert attached["language"] == "zh-CN"


def test_the_consent_of_a_parent_is_about_the_child(world, app, someone):
    child = world.child_of(someone)
    world.tokens(app, someone, patient=child)
    found = consent(world, world.grant(app, someone))
    assert found["patient"]["reference"] == child
    assert found["performer"][0]["reference"] == someone.patient


def test_withdrawal_makes_the_consent_inactive_and_keeps_what_it_was(world, app, someone, grant):
    receipt = world.services.store.shelf(shelves.RECEIPTS).find(grant["id"])
    consents.withdraw(world.services, grant["id"], OFFICER)
    found = consent(world, grant)
    assert (found["status"], found["meta"]["versionId"]) == ("inactive", "2")
    id = grant["consent"].partition("/")[2]
    first = asked(world, interaction="vread", type="Consent", id=id, version="1")
    assert first["status"] == "active"
    assert world.grant(app, someone)["status"] == "revoked"
    assert world.services.store.shelf(shelves.RECEIPTS).find(grant["id"]) == receipt


def test_withdrawal_twice_is_once(world, grant):
    for _ in range(2):
        consents.withdraw(world.services, grant["id"], OFFICER)
    assert consent(world, grant)["meta"]["versionId"] == "2"
    consents.withdraw(world.services, "nothing", OFFICER)


def test_the_trail_names_who_withdrew_it_and_not_who_gave_it(world, app, someone, grant):
    consents.withdraw(world.services, grant["id"], OFFICER)
    query = (("subtype", "consent-withdrawn"), ("patient", someone.patient))
    bundle = asked(world, interaction="search-type", type="AuditEvent", query=query)
    (event,) = [entry["resource"] for entry in bundle["entry"]]
    assert "王丁卯" in str(event["agent"])
    assert someone.account["name"] not in str(event["agent"])
    assert app.id in str(event["entity"])


def test_it_ends_though_the_account_is_gone(world, grant):
    world.services.store.shelf(identity.ACCOUNTS).take(grant["account"])
    consents.withdraw(world.services, grant["id"], OFFICER)
    assert consent(world, grant)["status"] == "inactive"


def test_what_a_token_of_the_command_line_rests_on_is_withdrawn_too(world, someone):
    patient = someone.patient.partition("/")[2]
    token = development.token(world.services, Wanted(scope="patient/*.rs", patient=patient))
    kept = Tokens.of(world.services).find(token)
    assert world.read(someone.patient, token).status_code == 200
    consents.withdraw(world.services, kept["grant"], OFFICER)
    assert world.read(someone.patient, token).status_code == 401


def test_a_person_withdraws_on_the_page_of_their_authorisations(world, app, someone, tokens):
    """REV-08, AUT-15."""
    assert world.read("Observation", tokens["access_token"]).status_code == 200
    browser = world.enter(someone)
    shown = browser.get(f"{world.root}/me/apps", timeout=TIMEOUT)
    assert shown.status_code == 200
    id = world.grant(app, someone)["id"]
    left = browser.post(
        f"{world.root}/me/apps/{id}/withdraw",
        data={"csrf": Page(shown.text).hidden["csrf"]},
        timeout=TIMEOUT,
    )
    assert left.status_code == 200
    assert world.read("Observation", tokens["access_token"]).status_code == 401
    assert app.refresh(tokens["refresh_token"]).status_code == 400


def test_after_withdrawal_the_person_is_asked_again(world, app, someone, grant):
    consents.withdraw(world.services, grant["id"], OFFICER)
    visit = world.visit(app, someone)
    visit.ask(scope=SCOPE)
    assert visit.page.action


def test_all_authorisations_of_a_client_can_be_ended(world):
    app = world.app()
    people = [world.resident(), world.resident()]
    tokens = [world.tokens(app, who) for who in people]
    consents.withdraw_client(world.services, app.id, OFFICER)
    for who, given in zip(people, tokens, strict=True):
        assert world.read(who.patient, given["access_token"]).status_code == 401
        assert consent(world, world.grant(app, who))["status"] == "inactive"


def test_a_consent_that_was_deleted_does_not_hold_up_withdrawal(world, app, someone, grant, tokens):
    id = grant["consent"].partition("/")[2]
    perform(
        Context.of(world.services, OPEN, "zh"), Call(interaction="delete", type="Consent", id=id)
    )
    consents.withdraw(world.services, grant["id"], OFFICER)
    assert app.refresh(tokens["refresh_token"]).status_code == 400


def test_staff_authorise_in_their_own_name(world, app):
    """No Consent: it is not theirs to give."""
    doctor = world.staff()
    world.tokens(app, doctor, scope="user/Observation.rs")
    kept = world.grant(app, doctor)
    assert (kept["consent"], kept["labels"], kept["patient"]) == (None, [], None)
    assert kept["purpose"] == "TREAT"


def test_an_authorisation_is_in_the_trail(world, app, someone, grant):
    query = (("entity", grant["consent"]),)
    found = asked(world, interaction="search-type", type="AuditEvent", query=query)
    codes = {
        coding["code"]
        for entry in found.get("entry", ())
        for subtype in entry["resource"].get("subtype", ())
        for coding in [subtype]
    }
    assert "consent-given" in codes


def test_nobody_else_reads_the_consent(world, app, someone):
    world.tokens(app, someone, scope="patient/Observation.rs")
    grant = world.grant(app, someone)
    other = world.tokens(app, world.resident(), scope="patient/*.rs")
    assert world.read(grant["consent"], other["access_token"]).status_code == 404
    own = world.tokens(app, someone, scope="patient/Consent.rs", prompt="consent")
    assert world.read(grant["consent"], own["access_token"]).status_code == 200
