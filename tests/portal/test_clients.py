"""Apps and systems: registered on a page, reviewed by an administrator, shown to developers."""

import re
from html import unescape

import pyotp
import pytest
import requests

from server.auth import shelves
from server.identity import accounts
from server.identity.shelves import ATTEMPTS
from tests.auth.conftest import ask, endpoint, keys, sign
from tests.builders import fresh
from tests.portal.browser import Browser

__all__ = ["ask", "endpoint", "keys", "sign"]
PASSWORD = "correct horse battery 9"


@pytest.fixture(autouse=True)
def forgiving(services):
    services.store.shelf(ATTEMPTS).remove({})


@pytest.fixture
def staff(services):
    """Return a function that signs a browser in as staff of a role."""

    def staff(browser, role):
        login = fresh()
        account = accounts.add_staff(
            services, login, {"name": "王丁卯", "role": role, "division": "3506"}
        )
        accounts.set_password(services, account, PASSWORD)
        secret = pyotp.random_base32()
        accounts.shelf(services).change(account["id"], {"totp": secret, "totp_step": 0})
        browser.sign_in(login, PASSWORD)
        browser.submit("/second-factor", code=pyotp.TOTP(secret).now())
        return account

    return staff


@pytest.fixture
def administrator(guarded, staff):
    with Browser(guarded.root) as opened:
        staff(opened, "administrator")
        yield opened


def register(browser, **fields):
    browser.open("/developer/register")
    given = {
        "kind": "app",
        "client_name": "血压助手",
        "redirect_uris": "https://app.test/callback",
        "scope": "launch/patient patient/*.rs",
        **fields,
    }
    return browser.submit("/developer/register", **given)


def registered(browser, **fields):
    text = register(browser, **fields).text
    return re.search(r"client_id</dt><dd><code>([\w-]+)", text)[1]


def decide(browser, id, verdict, **fields):
    browser.open(f"/admin/clients/{id}")
    form = {
        **browser.forms()[f"/admin/clients/{id}"],
        "note": "材料齐全",
        "scope": "patient/*.rs",
        **fields,
    }
    return browser.post(f"/admin/clients/{id}", {**form, "verdict": verdict})


def status(services, id):
    return services.store.shelf(shelves.CLIENTS).find(id)["status"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_developers_page_is_there_for_everybody(guarded, language):
    with Browser(guarded.root, language) as opened:
        answer = opened.open("/developer")
        assert answer.status_code == 200
        assert guarded.base in answer.text
        assert ("接入指南" in answer.text) == (language == "zh")


def test_what_the_page_for_developers_says_works(guarded, services, administrator):
    """The Python of the page is run as it stands, with an approval in between."""
    with Browser(guarded.root) as opened:
        blocks = re.findall(
            r"<pre[^>]*><code>(.*?)</code></pre>", opened.open("/developer").text, re.DOTALL
        )

    python = [unescape(one) for one in blocks if "joserfc" in one or "def token" in one]
    assert len(python) == 2
    world = {}
    exec(python[0], world)
    assert status(services, world["client_id"]) == "pending"
    decide(administrator, world["client_id"], "approved", scope="system/*.cruds", limited=None)
    exec(python[1], world)
    assert world["answer"].status_code in (200, 201), world["answer"].text


def test_an_app_is_registered_on_the_page_and_waits(browser, services):
    id = registered(browser)
    assert status(services, id) == "pending"
    secret = register(browser, kind="confidential").text
    assert "client_secret" in secret


@pytest.mark.parametrize(
    ("field", "value"),
    [("client_name", ""), ("redirect_uris", "http://app.test/"), ("redirect_uris", ""),
     ("scope", "patient/*.nonsense"), ("policy_uri", "http://x.test"), ("client_name", "a\u202eb")],
)  # fmt: skip
def test_a_form_with_faults_says_where(browser, field, value):
    answer = register(browser, **{field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text


def test_an_administrator_approves_and_suspends(administrator, browser, services):
    id = registered(browser)
    assert id in administrator.open("/admin/clients").text
    assert decide(administrator, id, "approved").status_code == 200
    assert status(services, id) == "approved"
    assert "材料齐全" in administrator.text()
    decide(administrator, id, "suspended")
    assert status(services, id) == "suspended"
    decide(administrator, id, "approved")
    assert status(services, id) == "approved"


def test_a_suspended_system_is_out_with_the_next_request(
    guarded, administrator, services, ask, sign
):
    with Browser(guarded.root) as opened:
        blocks = re.findall(
            r"<pre[^>]*><code>(.*?)</code></pre>", opened.open("/developer").text, re.DOTALL
        )

    world = {}
    python = [unescape(one) for one in blocks if "joserfc" in one or "def token" in one]
    exec(python[0], world)
    decide(administrator, world["client_id"], "approved", scope="system/*.cruds", limited=None)
    exec(python[1], world)
    bearer = {"Authorization": f"Bearer {world['token']()}"}
    url = f"{guarded.base}/Encounter?_count=1"
    assert requests.get(url, headers=bearer, timeout=20).status_code == 200
    decide(administrator, world["client_id"], "suspended")
    assert {requests.get(url, headers=bearer, timeout=20).status_code for _ in range(6)} == {401}


@pytest.mark.parametrize("role", ["clinician", "security", "auditor", "registrar"])
def test_others_review_nothing(browser, staff, role):
    staff(browser, role)
    assert browser.open("/admin/clients").status_code == 403


def test_nobody_reviews_what_they_registered(administrator, services):
    id = registered(administrator)
    assert decide(administrator, id, "approved").status_code == 403
    assert status(services, id) == "pending"


@pytest.mark.parametrize(
    "fault",
    [{"scope": ""}, {"scope": "system/*.rs"}, {"organization": "Patient/1"}, {"division": "x"},
     {"labels": "NONE"}, {"hidden": "telecom"}, {"masked": "$where"}, {"note": ""}],
)  # fmt: skip
def test_a_decision_with_faults_changes_nothing(administrator, browser, services, fault):
    id = registered(browser)
    assert decide(administrator, id, "approved", **fault).status_code == 422
    assert status(services, id) == "pending"


def test_a_hostile_name_is_only_text(administrator, browser):
    id = registered(browser, client_name="<script>alert(1)</script>", purpose='"><img src=x>')
    text = administrator.open(f"/admin/clients/{id}").text
    assert "<script>alert" not in text
    assert "<img src=x>" not in text


def test_a_forged_decision_does_nothing(administrator, browser, services):
    id = registered(browser)
    form = {"csrf": "x", "verdict": "approved", "note": "n", "scope": "patient/*.rs"}
    assert administrator.post(f"/admin/clients/{id}", form).status_code == 403
    assert status(services, id) == "pending"
