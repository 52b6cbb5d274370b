"""An administrator reviews apps and systems: R1.11, R1.14."""

import re

import orjson
import pytest
import requests

from server.auth import shelves
from server.auth.tokens import Issue, Tokens
from tests.auth.visit import App
from tests.auth.world import World
from tests.portal.browser import Browser
from tests.portal.reviewing import UNIT, decide, record, register, registered, told

pytestmark = pytest.mark.usefixtures("forgiving")
AN_APP = {"purpose": "记录血压", "legal_name": "血压科技"}


@pytest.fixture
def system(services, browser):
    """The id of a system that waits for review."""
    text = '{"kty": "EC", "crv": "P-384", "kid": "1", "x": "eA", "y": "eQ"}'
    return registered(
        browser, kind="backend", redirect_uris="", scope="system/Patient.rs", jwks=text
    )


def test_an_administrator_approves_suspends_and_approves_again(administrator, browser, services):
    id = registered(browser, **AN_APP)
    assert id in administrator.open("/admin/clients").text
    assert decide(administrator, id, "approved").status_code == 200
    kept = record(services, id)
    assert kept["status"] == "approved"
    assert kept["purpose"] == {"zh": "记录血压", "en": "记录血压"}
    assert "材料齐全" in administrator.text()
    decide(administrator, id, "suspended", note="投诉")
    assert record(services, id)["status"] == "suspended"
    decide(administrator, id, "approved", note="已整改")
    reviews = record(services, id)["reviews"]
    assert [(one["verdict"], one["note"], one["by"]) for one in reviews] == [
        ("approved", "材料齐全", "王丁卯"),
        ("suspended", "投诉", "王丁卯"),
        ("approved", "已整改", "王丁卯"),
    ]


def test_an_administrator_refuses(administrator, browser, services):
    id = registered(browser)
    decide(administrator, id, "refused")
    assert record(services, id)["status"] == "refused"


def test_what_a_client_is_approved_for_is_kept(administrator, services, system):
    fields = {
        "organization": UNIT,
        "organization_name": "芗城区医院",
        "division": "350602",
        "labels": ["PSY", "HIV"],
        "hidden": "Patient.telecom",
        "masked": "Patient.identifier Observation.value",
        "introspect": "yes",
        "purpose_of_use": "PUBHLTH",
        "purpose_zh": "上报",
        "purpose_en": "Report",
    }
    answer = decide(administrator, system, "approved", **fields)
    assert answer.status_code == 200
    kept = record(services, system)
    assert kept["organization"] == {"reference": UNIT, "name": "芗城区医院"}
    assert kept["region"] == {"divisions": ["350602"], "organizations": [UNIT]}
    assert sorted(kept["labels"]) == ["HIV", "PSY"]
    assert kept["masks"] == {
        "Patient": {"hidden": ["telecom"], "masked": ["identifier"]},
        "Observation": {"hidden": [], "masked": ["value"]},
    }
    assert kept["may_introspect"]
    assert kept["purpose_of_use"] == "PUBHLTH"
    assert kept["purpose"] == {"zh": "上报", "en": "Report"}
    form = administrator.forms()[f"/admin/clients/{system}"]
    assert form["organization"] == UNIT
    assert form["purpose_of_use"] == "PUBHLTH"
    assert sorted(form["labels"]) == ["HIV", "PSY"]


def test_a_system_is_limited_to_its_unit_unless_said_otherwise(administrator, services, system):
    assert decide(administrator, system, "approved").status_code == 422
    assert "limited-error" in administrator.answer.text
    decide(administrator, system, "approved", limited=None)
    assert record(services, system)["region"] is None


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"scope": ""}, "scope"),
        ({"scope": "system/*.rs"}, "scope"),
        ({"scope": "patient/*.cruds"}, "scope"),
        ({"scope": "patient/Nonsense.rs"}, "scope"),
        ({"scope": "patient/*.rs x"}, "scope"),
        ({"organization": "Patient/1"}, "organization"),
        ({"division": "x"}, "division"),
        ({"hidden": "telecom"}, "hidden"),
        ({"hidden": "Patient.nonsense"}, "hidden"),
        ({"hidden": "Patient.id"}, "hidden"),
        ({"masked": "$where"}, "masked"),
        ({"note": ""}, "note"),
        ({"note": "x" * 501}, "note"),
        ({"purpose_zh": "", "purpose_en": "x"}, "purpose_zh"),
    ],
)  # fmt: skip
def test_a_decision_with_faults_changes_nothing(administrator, browser, services, fields, at):
    id = registered(browser)
    assert decide(administrator, id, "approved", **fields).status_code == 422
    assert f'id="{at}-error"' in administrator.answer.text
    assert record(services, id)["status"] == "pending"


@pytest.mark.parametrize("verdict", ["suspended", "pending", "", "x"])
def test_what_cannot_become_of_a_client_does_not(administrator, browser, services, verdict):
    id = registered(browser)
    assert decide(administrator, id, verdict).status_code == 422
    assert record(services, id)["status"] == "pending"


@pytest.mark.parametrize("role", ["clinician", "security", "auditor", "registrar", "quality"])
def test_others_review_nothing(browser, staff, services, role):
    id = registered(browser)
    account = staff(browser, role)
    assert account["role"] == role
    assert browser.open("/admin/clients").status_code == 403
    assert browser.open(f"/admin/clients/{id}").status_code == 403
    csrf = browser.open("/me/security").text.split('name="csrf" value="')[1].split('"')[0]
    form = {"csrf": csrf, "verdict": "approved", "note": "n", "scope": "patient/*.rs"}
    assert browser.post(f"/admin/clients/{id}", form).status_code == 403
    assert record(services, id)["status"] == "pending"


def test_who_is_not_signed_in_reviews_nothing(browser):
    answer = browser.open("/admin/clients", follow=False)
    assert answer.status_code == 303
    assert "/sign-in" in answer.headers["Location"]


def test_nobody_approves_what_they_registered(administrator, services, guarded, staff):
    id = registered(administrator)
    assert decide(administrator, id, "approved").status_code == 403
    assert record(services, id)["status"] == "pending"
    with Browser(guarded.root) as other:
        staff(other, "administrator")
        assert decide(other, id, "approved").status_code == 200
    # To take rights away from it is another matter.
    assert decide(administrator, id, "suspended").status_code == 200


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_a_client_asks_for_is_said_in_plain_words(administrator, browser, language):
    id = registered(browser, scope="openid offline_access patient/Observation.rs")
    administrator.session.headers["Accept-Language"] = language
    administrator.open(f"/admin/clients/{id}")
    seen = administrator.text()
    assert {"zh": "检验检查结果", "en": "Results of tests"}[language] in seen
    assert {"zh": "不使用该应用时", "en": "while you do not use"}[language] in seen


def test_all_data_is_said_to_be_all(administrator, browser):
    administrator.open(f"/admin/clients/{registered(browser)}")
    assert "Data of all types, now and in future" in administrator.text()


def test_a_hostile_name_is_only_text(administrator, browser):
    logo = "https://evil.test/logo.png"
    id = registered(
        browser, client_name="<script>alert(1)</script>", purpose='"><img src=x>', logo_uri=logo
    )
    for page in ("/admin/clients", f"/admin/clients/{id}"):
        text = administrator.open(page).text
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "<bdi>&lt;script&gt;" in text
        assert "img-src 'self' data:" in administrator.answer.headers["Content-Security-Policy"]


def test_a_logo_is_named_and_not_loaded(administrator, guarded):
    logo = "https://evil.test/logo.png"
    said = {"client_name": "a", "redirect_uris": ["https://a.test/"], "logo_uri": logo}
    id = requests.post(f"{guarded.root}/register", json=said, timeout=20).json()["client_id"]
    text = administrator.open(f"/admin/clients/{id}").text
    assert logo in text
    assert not re.search(r"""(src|href)=["']?https://evil""", text)


def test_a_forged_decision_does_nothing(administrator, browser, services):
    id = registered(browser)
    form = {"csrf": "x", "verdict": "approved", "note": "n", "scope": "patient/*.rs"}
    assert administrator.post(f"/admin/clients/{id}", form).status_code == 403
    administrator.open(f"/admin/clients/{id}")
    form |= {"csrf": administrator.forms()[f"/admin/clients/{id}"]["csrf"]}
    headers = {"Origin": "https://evil.test"}
    assert administrator.post(f"/admin/clients/{id}", form, headers=headers).status_code == 403
    assert record(services, id)["status"] == "pending"


def test_nothing_is_approved_that_was_not_looked_at(administrator, browser, services):
    """The client changes where it returns to while an administrator reads its page."""
    said = told(register(browser))
    id, own = said["client_id"], said["registration_client_uri"]
    administrator.open(f"/admin/clients/{id}")
    form = {**administrator.forms()[f"/admin/clients/{id}"], "note": "n", "verdict": "approved"}
    bearer = {"Authorization": f"Bearer {said['registration_access_token']}"}
    now = requests.get(own, headers=bearer, timeout=20).json()
    now["redirect_uris"] = ["https://evil.test/callback"]
    assert requests.put(own, json=now, headers=bearer, timeout=20).status_code == 200
    assert administrator.post(f"/admin/clients/{id}", form).status_code == 409
    assert record(services, id)["status"] == "pending"


def test_who_changes_is_looked_at_again_and_the_page_says_what(administrator, browser, services):
    said = told(register(browser))
    id, own = said["client_id"], said["registration_client_uri"]
    decide(administrator, id, "approved")
    bearer = {"Authorization": f"Bearer {said['registration_access_token']}"}
    now = requests.get(own, headers=bearer, timeout=20).json()
    now["redirect_uris"] = ["https://other.test/callback"]
    requests.put(own, json=now, headers=bearer, timeout=20)
    assert record(services, id)["status"] == "pending"
    text = administrator.open(f"/admin/clients/{id}").text
    assert "<del><bdi>https://app.test/callback" in text
    assert "<ins><bdi>https://other.test/callback" in text
    decide(administrator, id, "approved")
    assert "<ins>" not in administrator.open(f"/admin/clients/{id}").text
    assert record(services, id)["redirect_uris"] == ["https://other.test/callback"]


def test_every_decision_is_in_the_trail(administrator, browser, services, mongodb, guarded):
    id = registered(browser)
    decide(administrator, id, "approved")
    decide(administrator, id, "suspended")
    rows = mongodb[guarded.database]["AuditEvent"].find().sort("lu", 1)
    events = [one for one in (orjson.loads(row["raw"]) for row in rows) if id in str(one)]
    acts = [one["subtype"][0]["code"] for one in events]
    assert acts == ["110129"] * 3
    approved, suspended = events[1:]
    for event in (approved, suspended):
        assert "王丁卯" in str(event["agent"][0])
        assert event["agent"][0]["network"]["address"] == "127.0.0.1"
    assert "launch/patient patient/*.rs" in str(approved)
    assert "suspended" in str(suspended)


def test_who_approves_their_own_client_is_in_the_trail(administrator, mongodb, guarded):
    id = registered(administrator)
    decide(administrator, id, "approved")
    rows = mongodb[guarded.database]["AuditEvent"].find().sort("lu", 1)
    events = [one for one in (orjson.loads(row["raw"]) for row in rows) if id in str(one)]
    assert [one["outcome"] for one in events] == ["0", "4"]


def test_an_approved_app_launches_and_a_suspended_one_is_out_with_the_next_request(
    administrator, browser, services, guarded
):
    world = World(services, guarded.root)
    said = told(register(browser))
    app, someone = App(guarded.root, said["client_id"]), world.resident()
    visit = world.visit(app, someone)
    assert visit.ask(scope="launch/patient patient/*.rs").status_code == 400
    decide(administrator, app.id, "approved", scope="launch/patient patient/Patient.rs")
    tokens = world.tokens(app, someone, scope="launch/patient patient/*.rs patient/Patient.rs")
    assert tokens["scope"] == "launch/patient patient/Patient.rs"
    token = tokens["access_token"]
    assert world.read(someone.patient, token).status_code == 200
    decide(administrator, app.id, "suspended")
    assert {world.read(someone.patient, token).status_code for _ in range(6)} == {401}
    assert visit.ask(scope="launch/patient patient/Patient.rs").status_code == 400
    decide(administrator, app.id, "approved")
    assert world.read(someone.patient, token).status_code == 401


def test_a_suspended_client_has_no_tokens(administrator, browser, services):
    id = registered(browser)
    decide(administrator, id, "approved")
    issue = Issue(grant="none", client=id, account=None, scope="patient/*.rs", context={})
    token = Tokens.of(services).refresh(issue)
    decide(administrator, id, "suspended")
    assert Tokens.of(services).find(token) is None


def test_a_flood_of_registrations_hides_no_approved_client(administrator, browser, services):
    id = registered(browser)
    decide(administrator, id, "approved")
    shelf, kept = services.store.shelf(shelves.CLIENTS), record(services, id)
    flood = [f"flood-{number}" for number in range(210)]
    for name in flood:
        shelf.add(name, {**kept, "id": name, "status": "pending", "revision": name})
    try:
        assert f"/admin/clients/{id}" in administrator.open("/admin/clients").text
    finally:
        for name in flood:
            shelf.take(name)
