"""AUT-23, T9, LAW 5.4-02 and -12: guessing over HTTP is slow, seen and told of."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
import requests

from server.auth.development import Wanted, token
from server.identity import accounts, alarms, shelves
from server.identity.throttle import LIMITS
from tests.builders import fresh
from tests.portal.browser import Browser
from tests.portal.people import PASSWORD

pytestmark = pytest.mark.usefixtures("forgiving")


@pytest.fixture
def member(services):
    """Return a function that opens an account of staff; it has the second factor `secret`."""

    def member(role="clinician", secret=None):
        details = {"name": "李乙丑", "role": role, "division": "350602"}
        account = accounts.add_staff(services, fresh(), details)
        accounts.set_password(services, account, PASSWORD)
        if secret:
            accounts.shelf(services).change(account["id"], {"totp": secret, "totp_step": 0})
        return account

    return member


def guess(root, login, address="10.0.0.1", password="wrong"):
    """Try to sign in as a program does, and return the status."""
    with Browser(root) as opened:
        opened.open("/sign-in")
        form = {**opened.forms()["/sign-in"], "login": login, "password": password}
        headers = {"X-Forwarded-For": address}
        return opened.post("/sign-in", form, follow=False, headers=headers).status_code


def test_eight_wrong_guesses_at_once_count_eight(guarded, member):
    login = member()["shown"]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: guess(guarded.root, login), range(8)))
    free = LIMITS["login"].free
    assert sorted(found) == [401] * free + [429] * (8 - free)


def test_the_right_password_is_not_tried_while_guessing_is_refused(guarded, member, services):
    account = member()
    for _ in range(LIMITS["login"].free):
        guess(guarded.root, account["shown"])
    assert guess(guarded.root, account["shown"], password=PASSWORD) == 429
    assert services.store.shelf(shelves.SESSIONS).all({"account": account["id"]}) == []


def test_a_login_that_nobody_has_is_locked_alike(guarded):
    found = [guess(guarded.root, "nobody-at-all") for _ in range(LIMITS["login"].free + 1)]
    assert found == [401] * LIMITS["login"].free + [429]


def test_many_accounts_from_one_address_are_guesses_too(guarded, services):
    limit = LIMITS["address"]
    with ThreadPoolExecutor(4) as pool:
        tried = [f"nobody-{number}" for number in range(limit.free + 10)]
        found = list(pool.map(lambda one: guess(guarded.root, one, "10.9.9.9"), tried))
    assert found.count(401) == limit.free
    assert found.count(429) == 10
    assert guess(guarded.root, "nobody-else", "10.9.9.8") == 401


def test_going_on_is_an_alarm_that_the_officer_sees(guarded, browser, member, services):
    login = member()["shown"]
    before = guarded.log.read_text().count("tongkang.alarm")
    for _ in range(LIMITS["login"].alarm + 3):
        guess(guarded.root, login)
    lines = guarded.log.read_text().splitlines()
    (line,) = [json.loads(one) for one in lines if "tongkang.alarm" in one][before:]
    assert (line["message"], line["what"]) == ("alarm: guessing goes on", "login")
    assert login not in json.dumps(line)
    assert re.search(
        r'tongkang_alarms_total\{what="login"\} [1-9]', requests.get(f"{guarded.root}/metrics").text
    )
    assert alarms.newest(services, {"division": "35"}).records[0]["name"] == login
    secret = pyotp.random_base32()
    browser.sign_in(member("security", secret)["shown"], PASSWORD)
    browser.submit("/second-factor", code=pyotp.TOTP(secret).now())
    browser.open("/admin/alarms")
    assert login in browser.text()
    assert "The password of one account" in browser.text()


@pytest.mark.parametrize("role", ["administrator", "auditor", "clinician"])
def test_alarms_are_for_the_security_officer(browser, member, role):
    secret = pyotp.random_base32()
    browser.sign_in(member(role, secret)["shown"], PASSWORD)
    browser.submit("/second-factor", code=pyotp.TOTP(secret).now())
    assert browser.open("/admin/alarms").status_code == 403


def test_codes_of_the_second_factor_are_guessed_five_times(browser, member):
    browser.sign_in(member(secret=pyotp.random_base32())["shown"], PASSWORD)
    found = [browser.submit("/second-factor", code="000000").status_code for _ in range(5)]
    assert found == [401] * 5
    form = browser.forms()["/second-factor"]
    assert browser.post("/second-factor", {**form, "code": "000000"}).status_code == 429


@pytest.fixture
def trail(guarded, services):
    """Return a function that reads what is recorded of an account, as an auditor does."""
    bearer = token(services, Wanted(scope="user/AuditEvent.rs", role="auditor", division="35"))

    def trail(account, **query):
        url = f"{guarded.base}/AuditEvent"
        query = {"_sort": "-date", "_count": "100", "_total": "none", **query}
        headers = {"Authorization": f"Bearer {bearer}"}
        bundle = requests.get(url, query, headers=headers, timeout=20).json()
        events = [entry["resource"] for entry in bundle["entry"]]
        return [one for one in events if account["id"] in json.dumps(one)]

    return trail


def test_signing_in_and_out_and_failing_to_are_recorded(browser, member, trail):
    secret = pyotp.random_base32()
    account = member(secret=secret)
    browser.sign_in(account["shown"], "wrong")
    browser.sign_in(account["shown"], PASSWORD)
    browser.submit("/second-factor", code="000000")
    browser.submit("/second-factor", code=pyotp.TOTP(secret).now())
    browser.submit("/sign-out")
    told = [
        (one["subtype"][0]["code"], one["outcome"], one.get("outcomeDesc"))
        for one in reversed(trail(account))
    ]
    assert told == [
        ("110122", "4", "sign-in-wrong"),
        ("110122", "4", "second-factor-wrong"),
        ("110122", "0", None),
        ("110123", "0", None),
    ]


def test_who_failed_to_sign_in_is_not_said_to_be_the_accounts_person(browser, member, trail):
    account = member()
    browser.sign_in(account["shown"], "wrong")
    (event,) = trail(account)
    assert "李乙丑" not in json.dumps(event, ensure_ascii=False)


def test_nothing_of_a_person_gets_into_the_log(guarded, browser, member):
    account = member()
    browser.sign_in(account["shown"], "a-wrong-pass-word")
    browser.sign_in("350602199001011234", "a-wrong-pass-word")
    browser.sign_in(account["shown"], PASSWORD)
    log = guarded.log.read_text()
    for secret in (account["shown"], account["login"], "a-wrong-pass", "350602199001011234",
                   PASSWORD, "李乙丑"):  # fmt: skip
        assert secret not in log


HOSTILE = [
    "", "\0", "甲" * 500, "a" * 30_000, "' OR 1=1 --", "{'$gt': ''}", "%00%0d%0a", "\r\nX: y",
    "<script>alert(1)</script>", "{{7*7}}", "../../etc/passwd", "１２３", "\u202e\u200b", "😀",
]  # fmt: skip


@pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("field", ["login", "password", "next"])
def test_whatever_is_typed_in_is_answered(browser, field, said):
    browser.open("/sign-in")
    form = {**browser.forms()["/sign-in"], "login": "x", "password": "x", field: said}
    answer = browser.post("/sign-in", form)
    assert answer.status_code == 401
    assert "<script>alert" not in answer.text
    assert "49" not in browser.text() or "{{" not in said
    assert "X" not in answer.headers


@pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_is_typed_in_to_register_is_answered(browser, said, services):
    for field in ("number", "name", "born"):
        services.store.shelf(shelves.ATTEMPTS).remove({})
        browser.open("/register-account")
        good = {"number": "350602199001011234", "name": "陈甲子", "born": "1990-01-01"}
        answer = browser.submit("/register-account", **{**good, field: said})
        assert answer.status_code in (200, 422)
        assert "<script>alert" not in answer.text
    browser.open("/register-account")
    browser.submit("/register-account", **good)
    for field in ("id", "code", "password"):
        form = {**browser.forms()["/register-account/confirm"], "code": "1", "password": "x"}
        answer = browser.post("/register-account/confirm", {**form, field: said})
        assert answer.status_code == 422


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/second-factor", "/register-account"])
def test_pages_are_got_and_posted_only(guarded, method, path):
    assert requests.request(method, f"{guarded.root}{path}", timeout=20).status_code == 405


def test_signing_out_is_posted_with_the_sessions_secret(guarded, browser, member):
    secret = pyotp.random_base32()
    browser.sign_in(member(secret=secret)["shown"], PASSWORD)
    browser.submit("/second-factor", code=pyotp.TOTP(secret).now())
    assert browser.open("/sign-out").status_code == 405
    assert browser.post("/sign-out", {"csrf": "x"}).status_code == 403
    browser.open("/me/security")
    good = browser.forms()["/sign-out"]
    elsewhere = {"Origin": "https://evil.test"}
    assert browser.post("/sign-out", good, headers=elsewhere).status_code == 403
    assert browser.post("/sign-out", good, follow=False).status_code == 303
    assert browser.open("/me/security", follow=False).status_code == 303


def test_signing_in_again_ends_the_session_before(browser, member, services):
    first, second = member(), member()
    browser.sign_in(first["shown"], PASSWORD)
    browser.sign_in(second["shown"], PASSWORD)
    assert services.store.shelf(shelves.SESSIONS).all({"account": first["id"]}) == []


def test_a_session_that_was_planted_is_not_taken_over(browser, member, services):
    planted = "a" * 43
    browser.session.cookies.set("tongkang-session", planted, domain="127.0.0.1", path="/")
    browser.sign_in(member()["shown"], PASSWORD)
    cookies = {one.value for one in browser.session.cookies if one.name == "tongkang-session"}
    assert cookies - {planted}


def test_the_second_factor_is_not_asked_twice(browser, member):
    secret = pyotp.random_base32()
    account = member(secret=secret)
    browser.sign_in(account["shown"], PASSWORD)
    form = browser.forms()["/second-factor"]
    browser.submit("/second-factor", code=pyotp.TOTP(secret).now())
    assert browser.post("/second-factor", {**form, "code": "1"}, follow=False).status_code == 303


def test_no_form_brings_a_second_factor_of_its_own(browser, member, services):
    account, own = member(), pyotp.random_base32()
    browser.sign_in(account["shown"], PASSWORD)
    form = {**browser.forms()["/second-factor"], "secret": own}
    answer = browser.post("/second-factor", {**form, "code": pyotp.TOTP(own).now()})
    assert answer.status_code == 401
    assert not accounts.shelf(services).find(account["id"]).get("totp")
