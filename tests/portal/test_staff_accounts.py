"""R5.1, R5.3: pages of administrators and security officers, each for their own work."""

import json
import re

import pyotp
import pytest
import requests

from server.auth.development import Wanted, token
from server.auth.shelves import TOKENS
from server.identity import accounts
from server.identity.sessions import Sessions
from tests.builders import fresh
from tests.portal.browser import Browser
from tests.portal.people import PASSWORD, lives_in

pytestmark = pytest.mark.usefixtures("forgiving")
NUMBER = "350602199001011234"


@pytest.fixture
def as_staff(guarded, services):
    """Return a function that gives a browser with somebody of a role signed in."""
    opened = []

    def as_staff(role, division="3506"):
        details = {"name": "王丁卯", "role": role, "division": division}
        account = accounts.add_staff(services, fresh(), details)
        opened.append(Browser(guarded.root))
        cookie = Sessions(services).begin(account, ("pwd", "otp"))
        opened[-1].session.cookies.set("tongkang-session", cookie)
        opened[-1].account = account
        opened[-1].open("/admin/accounts")
        return opened[-1]

    yield as_staff
    for browser in opened:
        browser.session.close()


@pytest.fixture
def member(services):
    def member(role="clinician", division="350602"):
        details = {"name": "李乙丑", "role": role, "division": division}
        account = accounts.add_staff(services, fresh(), details)
        accounts.set_password(services, account, PASSWORD)
        return account

    return member


def status(services, account):
    return accounts.shelf(services).find(account["id"])["status"]


def new(**given):
    login = fresh().replace("t-", "s")
    return {"login": login, "name": "赵戊辰", "role": "clinician", "division": "350602", **given}


def test_an_account_is_for_the_division_of_the_administrator(as_staff):
    browser = as_staff("administrator")
    assert browser.submit("/admin/accounts", **new(division="3502")).status_code == 422
    assert "This is no code of a division that is yours." in browser.text()
    assert "/set-up/" in browser.submit("/admin/accounts", **new(division="350602")).text


def test_accounts_elsewhere_are_neither_listed_nor_changed(as_staff, member, services):
    far = member(division="3502")
    for role, path, form in (
        ("administrator", "invite", {}),
        ("security", "status", {"status": "locked"}),
    ):
        browser = as_staff(role)
        assert far["shown"] not in browser.text()
        csrf = browser.forms()["/sign-out"]["csrf"]
        url = f"/admin/accounts/{far['id']}/{path}"
        assert browser.post(url, {"csrf": csrf, **form}).status_code == 404
    assert status(services, far) == "active"


def test_one_person_does_not_watch_over_themselves(as_staff):
    browser = as_staff("administrator")
    name = fresh()
    browser.submit("/admin/accounts", **new(role="administrator", name=name))
    browser.open("/admin/accounts")
    answer = browser.submit("/admin/accounts", **new(role="auditor", name=name))
    assert answer.status_code == 422
    assert "excludes this one" in browser.text()


def test_the_administrator_neither_locks_nor_closes(as_staff, member, services):
    browser, account = as_staff("administrator"), member()
    csrf = browser.forms()["/sign-out"]["csrf"]
    for wanted in ("locked", "closed", "active", "free", "factor"):
        url = f"/admin/accounts/{account['id']}/status"
        assert browser.post(url, {"csrf": csrf, "status": wanted}).status_code == 403
    assert (
        browser.post("/admin/accounts/resident", {"csrf": csrf, "number": "1"}).status_code == 403
    )
    assert status(services, account) == "active"


def test_the_officer_neither_opens_nor_invites(as_staff, member):
    browser, account = as_staff("security"), member()
    csrf = browser.forms()["/sign-out"]["csrf"]
    assert browser.post("/admin/accounts", {"csrf": csrf, **new()}).status_code == 403
    assert (
        browser.post(f"/admin/accounts/{account['id']}/invite", {"csrf": csrf}).status_code == 403
    )


def test_the_officer_locks_unlocks_and_closes_for_good(as_staff, member, services):
    account = member()
    browser, url = as_staff("security"), f"/admin/accounts/{account['id']}/status"
    for wanted in ("locked", "active", "closed"):
        browser.submit(url, status=wanted)
        assert status(services, account) == wanted
    assert url not in browser.forms()
    csrf = browser.forms()["/sign-out"]["csrf"]
    assert browser.post(url, {"csrf": csrf, "status": "active"}).status_code == 409
    assert browser.post(url, {"csrf": csrf, "status": "emperor"}).status_code == 404


def test_whose_device_is_lost_sets_up_another(guarded, as_staff, member, services):
    account, officer = member(), as_staff("security")
    values = {"totp": pyotp.random_base32(), "totp_step": 0}
    accounts.shelf(services).change(account["id"], values)
    officer.open("/admin/accounts")
    officer.submit(f"/admin/accounts/{account['id']}/status", status="factor")
    with Browser(guarded.root) as browser:
        browser.sign_in(account["shown"], PASSWORD)
        assert "data:image/svg" in browser.answer.text


def test_closing_an_account_ends_its_tokens_at_once(guarded, as_staff, member, services):
    bearer = {"Authorization": f"Bearer {token(services, Wanted(scope='user/Patient.rs'))}"}
    assert requests.get(f"{guarded.base}/Patient", headers=bearer, timeout=20).status_code == 200
    account = member()
    issued = services.store.shelf(TOKENS).all({}, newest="issued", limit=1)[0]
    services.store.shelf(TOKENS).change(issued["id"], {"account": account["id"]})
    officer = as_staff("security")
    officer.submit(f"/admin/accounts/{account['id']}/status", status="closed")
    assert requests.get(f"{guarded.base}/Patient", headers=bearer, timeout=20).status_code == 401


def test_a_resident_who_lost_their_telephone_is_locked_by_number(as_staff, services):
    number = f"35060219900101{fresh()[-4:]}".upper()
    number = re.sub(r"[^0-9]", "7", number[:-1]) + "X"
    account = accounts.add_bound(
        services, accounts.resident_login(number), "陈甲子", f"Patient/{fresh()}"
    )
    officer = as_staff("security")
    officer.submit("/admin/accounts/resident", number=number)
    assert "陈甲子" in officer.text()
    assert number not in officer.answer.url
    officer.submit(f"/admin/accounts/{account['id']}/status", status="locked")
    assert status(services, account) == "locked"


@pytest.mark.parametrize(("number", "said"), [("1", "18 characters"), (NUMBER, "no such account")])
def test_who_has_no_account_is_not_found(as_staff, number, said):
    officer = as_staff("security")
    assert officer.submit("/admin/accounts/resident", number=number).status_code == 422
    assert said in officer.text()


def test_what_they_do_is_recorded(guarded, as_staff, member, services):
    account, officer = member(), as_staff("security")
    officer.submit(f"/admin/accounts/{account['id']}/status", status="locked")
    bearer = token(services, Wanted(scope="user/AuditEvent.rs", role="auditor", division="35"))
    query = {"subtype": "110137", "_sort": "-date", "_count": "20"}
    headers = {"Authorization": f"Bearer {bearer}"}
    found = requests.get(f"{guarded.base}/AuditEvent", query, headers=headers, timeout=20).json()
    events = [json.dumps(entry["resource"]) for entry in found["entry"]]
    (event,) = [one for one in events if account["id"] in one]
    assert officer.account["id"] in event
    assert '"locked"' in event


def test_a_link_to_set_up_is_not_recorded_as_it_is(guarded, as_staff, services):
    browser = as_staff("administrator")
    link = re.search(r"/set-up/[\w-]+", browser.submit("/admin/accounts", **new()).text)[0]
    with Browser(guarded.root) as other:
        other.open(link)
        (action,) = other.forms()
        form = {**other.forms()[action], "password": PASSWORD}
        assert other.post(link, form).status_code == 200
    secret = link.rpartition("/")[2]
    assert secret not in guarded.log.read_text()
    names = services.store.engine.collections.database.list_collection_names()
    for name in names:
        for document in services.store.engine.collections.database[name].find():
            assert secret not in str(document)


def test_an_administrator_opens_an_account_and_never_knows_its_password(guarded, browser, staff):
    staff(browser, "administrator")
    login = fresh().replace("t-", "s")[:20]
    browser.open("/admin/accounts")
    browser.submit(
        "/admin/accounts", login=login, name="赵戊辰", role="clinician", division="350602"
    )
    link = re.search(r"/set-up/[\w-]+", browser.answer.text)[0]
    with Browser(guarded.root) as other:
        other.open(link)
        (action,) = other.forms()
        form = {**other.forms()[action], "password": PASSWORD}
        assert other.post(link, form).status_code == 200
        other.sign_in(login, PASSWORD)
        assert other.answer.url.endswith("/second-factor")
        assert other.open(link).status_code == 404


@pytest.mark.parametrize("role", ["clinician", "registrar", "auditor", "quality"])
def test_others_do_not_see_accounts(browser, staff, role):
    staff(browser, role)
    assert browser.open("/admin/accounts").status_code == 403


def test_the_security_officer_locks_and_the_administrator_does_not(
    guarded, browser, staff, services
):
    staff(browser, "administrator")
    csrf = browser.open("/admin/accounts") and browser.forms()["/admin/accounts"]["csrf"]
    with Browser(guarded.root) as other:
        victim = staff(other, "clinician")
        status = f"/admin/accounts/{victim['id']}/status"
        assert browser.post(status, {"csrf": csrf, "status": "locked"}).status_code == 403
        with Browser(guarded.root) as officer:
            own = staff(officer, "security")
            officer.open("/admin/accounts")
            assert officer.submit(status, status="locked").status_code == 200
            csrf = officer.forms()[status]["csrf"]
            mine = f"/admin/accounts/{own['id']}/status"
            assert officer.post(mine, {"csrf": csrf, "status": "locked"}).status_code == 403
        other.open("/me/security")
        assert other.answer.url.split("?")[0].endswith("/sign-in")
    assert accounts.shelf(services).find(victim["id"])["status"] == "locked"


def test_a_resident_who_lives_elsewhere_is_not_for_this_officer(as_staff, resident, services):
    number, name, _, id = resident(address=[lives_in("350602")])
    login = accounts.resident_login(number)
    account = accounts.add_bound(services, login, name, f"Patient/{id}")
    url = f"/admin/accounts/{account['id']}/status"
    for division, found in (("3502", 422), ("3506", 200)):
        officer = as_staff("security", division)
        sent = officer.submit("/admin/accounts/resident", number=number)
        assert sent.status_code == found
        csrf = officer.forms()["/sign-out"]["csrf"]
        answer = officer.post(url, {"csrf": csrf, "status": "free"}, follow=False)
        assert answer.status_code == (303 if found == 200 else 404)


def test_staff_do_not_change_their_own_account_as_patients(as_staff, services):
    officer = as_staff("security")
    officer.open("/me/security")
    officer.submit("/me/security/sign-out-elsewhere")
    bearer = token(services, Wanted(scope="user/AuditEvent.rs", role="auditor", division="35"))
    query = {"subtype": "110137", "_sort": "-date", "_count": "20"}
    url, headers = officer.root + "/fhir/AuditEvent", {"Authorization": f"Bearer {bearer}"}
    found = requests.get(url, query, headers=headers, timeout=20).json()
    events = [json.dumps(entry["resource"]) for entry in found["entry"]]
    (event,) = [one for one in events if officer.account["id"] in one]
    assert "HSYSADMIN" in event
    assert "PATRQT" not in event
