"""What is stricter in production: cookies, codes, accounts to try out (5.4, T8)."""

import secrets

import pytest
import requests

from server.fhir.outcome import Forbidden
from server.identity import accounts
from server.identity.demo import demo_accounts
from server.services import Interpreters, Services
from server.settings import Settings
from tests import processes
from tests.builders import fresh, secret_key_file
from tests.portal.browser import Browser
from tests.portal.people import PASSWORD

ROOT = "https://records.example.test"
PROXY = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.0.0.9"}


@pytest.fixture(scope="module")
def production(mongodb_url, tmp_path_factory):
    """A server in production, as a proxy with TLS in front of it reaches it."""
    log = tmp_path_factory.mktemp("production") / "server.log"
    settings = {
        "mongodb_url": mongodb_url,
        "database": f"test_{secrets.token_hex(6)}",
        "secret_key_file": secret_key_file(tmp_path_factory.mktemp("keys")),
    }
    server = processes.Server(
        log, **settings, mode="production", base_url=f"{ROOT}/fhir", access="oauth", workers=1
    )
    server.settings = Settings(**settings, mode="production", base_url=f"{ROOT}/fhir")
    server.start()
    try:
        yield server.ready()
    finally:
        server.end()


@pytest.fixture(scope="module")
def services(production):
    opened = Services.open(Interpreters.of(production.settings), bytes)
    opened.registry.refresh()
    opened.registry.start(working=False)
    yield opened
    opened.close()


@pytest.fixture
def resident(services):
    number = f"350602{secrets.randbelow(10**11):011d}X"
    account = accounts.add_bound(
        services, accounts.resident_login(number), "陈甲子", f"Patient/{fresh()}"
    )
    accounts.set_password(services, account, PASSWORD)
    return account, number


def enter(production, number):
    """Sign in by hand, for a cookie for TLS alone is not sent back to us; return the answer."""
    with Browser(production.root) as browser:
        shown = browser.open("/sign-in", **PROXY)
        cookie = shown.headers["Set-Cookie"].partition(";")[0]
        form = {**browser.forms()["/sign-in"], "login": number, "password": PASSWORD}
    headers = {**PROXY, "Cookie": cookie, "Origin": ROOT, "Sec-Fetch-Site": "same-origin"}
    return requests.post(
        f"{production.root}/sign-in",
        form,
        headers=headers,
        allow_redirects=False,
        timeout=20,
    )


def test_cookies_are_for_this_host_and_tls_alone(production, resident):
    answer = enter(production, resident[1])
    assert answer.status_code == 303
    (cookie,) = [one for one in answer.raw.headers.getlist("Set-Cookie") if "session" in one]
    assert cookie.startswith("__Host-tongkang-session=")
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert attribute in cookie
    assert "Domain" not in cookie


def test_without_a_channel_for_codes_nobody_is_asked_who_they_are(production):
    answer = requests.get(
        f"{production.root}/register-account",
        headers={**PROXY, "Accept-Language": "en"},
        timeout=20,
    )
    assert answer.status_code == 503
    assert "no channel for one-time codes" in answer.text
    assert 'id="number"' not in answer.text
    with Browser(production.root) as browser:
        assert "/register-account" not in browser.open("/sign-in", **PROXY).text
        assert "/register-account" not in browser.open("/", **PROXY).text


def test_an_account_to_try_out_signs_nobody_in(production, services, resident):
    account, number = resident
    accounts.shelf(services).change(account["id"], {"demo": True})
    assert enter(production, number).status_code == 401


def test_there_are_no_accounts_to_try_out(services):
    with pytest.raises(Forbidden):
        next(demo_accounts(services))
