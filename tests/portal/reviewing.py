"""What tests about clients share: staff who sign in, registering by the form, deciding."""

import re
from html import unescape

import pyotp
import pytest

from server.auth import shelves
from server.identity import accounts
from server.identity.shelves import ATTEMPTS
from tests.builders import fresh
from tests.portal.browser import Browser

PASSWORD = "correct horse battery 9"
UNIT = "Organization/demo-hospital-350602"


@pytest.fixture(autouse=True)
def forgiving(services):
    """Let no attempt of one test count for another."""
    services.store.shelf(ATTEMPTS).remove({})


@pytest.fixture
def staff(services):
    """Return a function that signs a browser in as staff of a role."""

    def staff(browser, role):
        login = fresh()
        details = {"name": "王丁卯", "role": role, "division": "3506"}
        account = accounts.add_staff(services, login, details)
        accounts.set_password(services, account, PASSWORD)
        secret = pyotp.random_base32()
        accounts.shelf(services).change(account["id"], {"totp": secret, "totp_step": 0})
        browser.sign_in(login, PASSWORD)
        browser.submit("/second-factor", code=pyotp.TOTP(secret).now())
        return account

    return staff


@pytest.fixture
def administrator(guarded, staff):
    """The browser of an administrator."""
    with Browser(guarded.root) as opened:
        opened.account = staff(opened, "administrator")
        yield opened


def register(browser, **fields):
    """Register an app by the form; return the answer."""
    browser.open("/developer/register")
    given = {
        "kind": "app",
        "client_name": "血压助手",
        "redirect_uris": "https://app.test/callback",
        "scope": "launch/patient patient/*.rs",
        **fields,
    }
    return browser.submit("/developer/register", **given)


def told(answer):
    """Return what the page after registering tells, by name."""
    found = re.findall(r"<dt>(\w+)</dt><dd><code>([^<]+)", answer.text)
    return {name: unescape(value) for name, value in found}


def registered(browser, **fields):
    """Register an app by the form; return its id."""
    return told(register(browser, **fields))["client_id"]


def decide(browser, id, verdict, **fields):
    """Decide of a client on its page; return the answer. None leaves a field out."""
    browser.open(f"/admin/clients/{id}")
    form = {**browser.forms()[f"/admin/clients/{id}"], "note": "材料齐全", **fields}
    form = {name: value for name, value in form.items() if value is not None}
    return browser.post(f"/admin/clients/{id}", {**form, "verdict": verdict})


def record(services, id):
    """Return the record of a client."""
    return services.store.shelf(shelves.CLIENTS).find(id)


def blocks(text):
    """Return the pieces of code on a page, by kind."""
    found = re.findall(r'<pre[^>]*data-kind="([\w-]+)"><code>(.*?)</code></pre>', text, re.DOTALL)
    return {kind: unescape(code) for kind, code in found}
