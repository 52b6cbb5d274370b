"""AUT-23, T5-T9; security baseline: real names, lock-out, session time-out, separate duties."""

import re

import pyotp
import pytest

from server.identity import accounts, passwords, shelves, totp
from server.identity.sessions import Sessions
from server.identity.throttle import LIMITS
from tests.builders import fresh
from tests.portal.browser import Browser
from tests.portal.people import PASSWORD

NUMBER = "350600199001010018"


@pytest.fixture
def resident(services):
    """A resident's account, and the ID number to sign in with."""
    number = f"3506001990{fresh()[2:10]}"[:17]
    number = "".join(c if c.isdigit() else str(ord(c) % 10) for c in number) + "X"
    account = accounts.add_bound(
        services, accounts.resident_login(number), "陈甲子", f"Patient/{fresh()}"
    )
    accounts.set_password(services, account, PASSWORD)
    return account, number


@pytest.fixture
def clinician(services):
    login = fresh()
    details = {"name": "李乙丑", "role": "clinician", "division": "350602"}
    account = accounts.add_staff(services, login, details)
    accounts.set_password(services, account, PASSWORD)
    return account, login


def test_a_resident_signs_in_and_out(browser, resident):
    _, number = resident
    entered = browser.sign_in(number, PASSWORD, "/sign-in")
    assert entered.status_code == 200
    assert [answer.status_code for answer in entered.history] == [303]
    browser.open("/me/security")
    assert "陈甲子" in browser.text()
    browser.submit("/sign-out")
    assert "陈甲子" not in browser.text()
    asked = browser.open("/me/security")
    assert asked.url.startswith(f"{browser.root}/sign-in")
    assert "陈甲子" not in browser.text()


def test_a_wrong_password_and_an_unknown_account_are_told_alike(browser, resident):
    _, number = resident
    wrong = browser.sign_in(number, PASSWORD + "x")
    unknown = browser.sign_in("nobody-" + fresh(), PASSWORD)
    assert wrong.status_code == unknown.status_code == 401
    assert "wrong" in wrong.text
    hide = browser.forms()["/sign-in"]["csrf"]
    assert wrong.text.replace(hide, "") == unknown.text.replace(hide, "")


def test_an_unknown_account_takes_a_hash_too(services, monkeypatch):
    hashes = []
    real = passwords._hasher.verify

    class Counting:
        def verify(self, *given):
            hashes.append(1)
            return real(*given)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    assert accounts.authenticated(services, "staff:nobody", "x") is None
    assert len(hashes) == 1


def test_after_some_wrong_guesses_even_the_right_one_waits(browser, resident):
    _, number = resident
    for _ in range(LIMITS["login"].free):
        assert browser.sign_in(number, "wrong").status_code == 401
    refused = browser.sign_in(number, PASSWORD)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 60


def test_staff_prove_a_second_factor(browser, clinician, services):
    account, login = clinician
    browser.sign_in(login, PASSWORD)
    assert browser.answer.url.endswith("/second-factor")
    secret = re.search(r"<code>(\w+)</code>", browser.answer.text)[1]
    assert browser.submit("/second-factor", code="000000").status_code == 401
    done = browser.submit("/second-factor", code=pyotp.TOTP(secret).now())
    assert "Recovery codes" in done.text
    kept = accounts.shelf(services).find(account["id"])
    assert secret not in kept["totp"]
    assert totp.secret_of(services, kept) == secret


def test_a_code_is_good_once(guarded, browser, clinician, services):
    account, login = clinician
    secret = pyotp.random_base32()
    accounts.shelf(services).change(account["id"], {"totp": secret, "totp_step": 0})
    code = pyotp.TOTP(secret).now()
    browser.sign_in(login, PASSWORD)
    assert browser.submit("/second-factor", follow=False, code=code).status_code == 303
    with Browser(guarded.root) as other:
        other.sign_in(login, PASSWORD)
        assert other.submit("/second-factor", code=code).status_code == 401


def test_without_the_second_factor_staff_are_not_signed_in(browser, clinician):
    browser.sign_in(clinician[1], PASSWORD)
    assert browser.open("/second-factor").status_code == 200
    assert "/sign-out" not in browser.forms()


def test_a_session_gets_a_new_name_when_factors_change(browser, clinician, services):
    account, login = clinician
    secret = pyotp.random_base32()
    accounts.shelf(services).change(account["id"], {"totp": secret, "totp_step": 0})
    browser.sign_in(login, PASSWORD)
    before = browser.session.cookies["tongkang-session"]
    browser.submit("/second-factor", follow=False, code=pyotp.TOTP(secret).now())
    assert browser.session.cookies["tongkang-session"] != before
    assert Sessions(services).current(before) is None


@pytest.mark.parametrize(
    "target",
    ["//evil.test", "/\\evil.test", "https:evil.test", "https://evil.test", "javascript:x",
     "/%0d%0aSet-Cookie:a=b", "\\\\evil.test", "evil.test", "/\tevil", "http:///evil.test",
     "/\t/[", "/\\["],
)  # fmt: skip
def test_signing_in_leads_nowhere_else(browser, resident, target):
    browser.open("/sign-in", follow=True)
    form = {**browser.forms()["/sign-in"], "login": resident[1], "password": PASSWORD}
    answer = browser.post("/sign-in", {**form, "next": target}, follow=False)
    assert answer.status_code == 303
    assert answer.headers["Location"] in ("/me", target if target.startswith("/%") else "/me")
    assert "\n" not in answer.headers["Location"]


@pytest.mark.parametrize("csrf", ["", "x", "甲"])
def test_a_forged_form_signs_nobody_in(browser, resident, csrf):
    browser.open("/sign-in")
    form = {"csrf": csrf, "login": resident[1], "password": PASSWORD, "next": ""}
    assert browser.post("/sign-in", form).status_code == 403


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site", "Origin": "null"}]
)
def test_a_form_from_another_site_is_refused(browser, resident, headers):
    browser.open("/sign-in")
    refused = browser.submit(
        "/sign-in", login=resident[1], password=PASSWORD, headers=headers, follow=False
    )
    assert refused.status_code == 403


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browser, resident):
    browser.open("/sign-in")
    form = {**browser.forms()["/sign-in"], "login": resident[1], "password": PASSWORD}
    answer = browser.post("/sign-in", form, follow=False)
    (cookie,) = [value for value in answer.raw.headers.getlist("Set-Cookie") if "session" in value]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie


def test_a_closed_account_is_out_at_once(browser, resident, services):
    account, number = resident
    browser.sign_in(number, PASSWORD)
    cookie = browser.session.cookies["tongkang-session"]
    assert Sessions(services).current(cookie)
    accounts.shelf(services).change(account["id"], {"status": "closed"})
    assert Sessions(services).current(cookie) is None
    assert browser.sign_in(number, PASSWORD).status_code == 401


def test_nothing_of_a_person_is_in_what_is_kept_of_a_login(services, resident):
    account, number = resident
    kept = str(services.store.shelf(shelves.ACCOUNTS).find(account["id"]))
    assert number not in kept
    assert PASSWORD not in kept


PAGES = ["/sign-in", "/register-account", "/second-factor", "/me/persons", "/me/security",
         "/admin/accounts", "/admin/alarms", "/set-up/x", "/guardians"]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_no_page_of_accounts_is_framed_scripted_or_kept(browser, path):
    """T6, AUT-19."""
    answer = browser.open(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "<script" not in answer.text


@pytest.mark.parametrize("path", [path for path in PAGES if path.startswith(("/me", "/admin"))])
def test_who_is_not_signed_in_is_sent_to_do_so_and_comes_back(browser, path):
    answer = browser.open(path, follow=False)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/sign-in?next={path}"
