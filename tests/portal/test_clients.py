"""Apps and systems: registered on a page, reviewed by an administrator, shown to developers."""

import re

import pyotp
import pytest

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


def test_a_forged_decision_does_nothing(administrator, browser, services):
    id = registered(browser)
    form = {"csrf": "x", "verdict": "approved", "note": "n", "scope": "patient/*.rs"}
    assert administrator.post(f"/admin/clients/{id}", form).status_code == 403
    assert status(services, id) == "pending"
