"""Residents by their real names, guardians, proxies, and staff: R1.8b, R1.18, R3.8, R5.1, R5.3."""

import json
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pyotp
import pytest
import requests

from server.auth.development import Wanted, token
from server.identity import accounts, bonds, people, senders, shelves
from tests.builders import ID_CARD, fresh
from tests.portal.browser import Browser
from tests.processes import wait_until

PASSWORD = "correct horse battery 9"
CODED = "http://hl7.org/fhir/StructureDefinition/iso21090-SC-coding"
PHONE = {"system": "phone", "value": "10000000000", "use": "mobile"}
_used = iter(range(1000, 9999))


def today():
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


def lives_in(division):
    coded = {"url": CODED, "valueCoding": {"code": division}}
    return {"use": "home", "district": "芗城区", "_district": {"extension": [coded]}}


def number_of(born):
    return f"350602{born.replace('-', '')}{next(_used)}"


@pytest.fixture(autouse=True)
def forgiving(services):
    services.store.shelf(shelves.ATTEMPTS).remove({})


@pytest.fixture(scope="session")
def put(guarded, services):
    """Return a function that stores a resource as a system does."""
    bearer = {"Authorization": f"Bearer {token(services, Wanted(scope='system/*.cruds'))}"}

    def put(resource):
        url = f"{guarded.base}/{resource['resourceType']}/{resource['id']}"
        answer = requests.put(url, json=resource, headers=bearer, timeout=20)
        assert answer.status_code in (200, 201), answer.text
        return resource

    return put


@pytest.fixture
def resident(put):
    """Return a function that stores a resident, and gives (ID number, name, born, id)."""

    def resident(born="1990-01-31", name="陈甲子", **more):
        number, id = number_of(born), fresh()
        put(
            {
                "resourceType": "Patient",
                "id": id,
                "identifier": [{"system": "urn:oid:2.16.156.10011.1.3", "value": number}],
                "name": [{"text": name}],
                "birthDate": born,
                "telecom": [PHONE],
                **more,
            }
        )
        return number, name, born, id

    return resident


@pytest.fixture
def code_of(guarded):
    """Return a function that waits for the next code in the server's log."""
    seen = len(codes(guarded))

    def code_of():
        nonlocal seen
        wait_until(lambda: len(codes(guarded)) > seen)
        seen = len(codes(guarded))
        return codes(guarded)[-1]

    return code_of


def codes(guarded):
    lines = [line for line in guarded.log.read_text().splitlines() if "one-time code" in line]
    return [json.loads(line)["code"] for line in lines]


def describe(browser, number, name, born):
    browser.open("/register-account")
    return browser.submit("/register-account", number=number, name=name, born=born)


@pytest.fixture
def registered(browser, resident, code_of):
    """Return a function that registers a resident and leaves the browser signed in."""

    def registered(opened=browser, **who):
        number, name, born, id = resident(**who)
        describe(opened, number, name, born)
        opened.submit("/register-account/confirm", code=code_of(), password=PASSWORD)
        assert opened.answer.status_code == 200, opened.text()
        return number, name, id

    return registered


def test_a_resident_registers_by_their_real_name(browser, registered, services):
    number, name, id = registered()
    assert "/sign-out" in browser.forms()
    account = accounts.shelf(services).first({"login": accounts.resident_login(number)})
    assert (account["person"], account["name"]) == (f"Patient/{id}", name)
    assert number not in str(account)
    browser.submit("/sign-out")
    browser.sign_in(number, PASSWORD)
    assert "/sign-out" in browser.forms()


def test_the_page_says_where_the_code_is(browser, resident):
    number, name, born, _ = resident()
    describe(browser, number, name, born)
    assert "written to its log" in browser.text()


@pytest.mark.parametrize(
    "wrong", [{"name": "李乙丑"}, {"born": "1990-02-01"}, {"number": "350602199001319999"}]
)
def test_who_is_not_so_described_hears_the_same_and_gets_no_account(
    guarded, browser, resident, services, wrong
):
    number, name, born, _ = resident()
    before = len(codes(guarded))
    right = describe(browser, number, name, born).text
    wait_until(lambda: len(codes(guarded)) > before)
    before = len(codes(guarded))
    with Browser(guarded.root) as other:
        told = describe(other, **{"number": number, "name": name, "born": born, **wrong}).text
        hide = re.compile(r'value="[^"]*"')
        assert hide.sub("", told) == hide.sub("", right)
        for code in ("000000", "123456"):
            other.submit("/register-account/confirm", code=code, password=PASSWORD)
            assert other.answer.status_code == 422
    assert len(codes(guarded)) == before
    assert accounts.shelf(services).first({"login": accounts.resident_login(number)}) is None


def test_a_code_may_be_guessed_five_times(browser, resident, code_of):
    number, name, born, _ = resident()
    describe(browser, number, name, born)
    code = code_of()
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(5):
        browser.submit("/register-account/confirm", code=wrong, password=PASSWORD)
    browser.submit("/register-account/confirm", code=code, password=PASSWORD)
    assert browser.answer.status_code == 422


def test_nobody_registers_twice(guarded, browser, registered, code_of):
    number, name, _ = registered()
    before = guarded.log.read_text().count("one-time code")
    with Browser(guarded.root) as other:
        describe(other, number, name, "1990-01-31")
        assert other.answer.status_code == 200
    assert guarded.log.read_text().count("one-time code") == before


@pytest.mark.parametrize(
    "password", ["short", "password1234", "陈甲子陈甲子陈甲子陈甲子", "aaaaaaaaaaaa"]
)
def test_a_password_that_is_guessed_is_refused(browser, resident, code_of, password):
    number, name, born, _ = resident()
    describe(browser, number, name, born)
    code = code_of()
    browser.submit("/register-account/confirm", code=code, password=password)
    assert browser.answer.status_code == 422
    browser.submit("/register-account/confirm", code=code, password=PASSWORD)
    assert "/sign-out" in browser.forms()


@pytest.mark.parametrize(
    "wrong",
    [{"number": "1"}, {"number": "甲"}, {"name": ""}, {"name": "x" * 101}, {"born": "1990-02-30"},
     {"born": "x"}, {"born": ""}],
)  # fmt: skip
def test_a_form_that_cannot_be_says_why(browser, wrong):
    given = {"number": "350602199001311000", "name": "陈甲子", "born": "1990-01-31", **wrong}
    assert describe(browser, **given).status_code == 422
    assert 'aria-invalid="true"' in browser.answer.text


def test_there_is_no_log_for_codes_in_production(services):
    class Settings:
        mode, code_sender = "production", "log"

    with pytest.raises(Exception, match="no channel"):
        senders.chosen(Settings())


@pytest.fixture
def child(put, resident):
    """Return a function that stores a child, with a guardian in the record if one is named."""

    def child(guardian=None, born=None, home=None, **more):
        born = born or (today() - timedelta(days=8 * 366)).isoformat()
        lives = {"address": [lives_in(home)]} if home else {}
        number, name, born, id = resident(born=born, name="陈小丙", **lives)
        if guardian:
            code = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "GUARD"}
            put(
                {
                    "resourceType": "RelatedPerson",
                    "id": fresh(),
                    "patient": {"reference": f"Patient/{id}"},
                    "relationship": [{"coding": [code]}],
                    "name": [{"text": guardian}],
                    **{
                        name: one
                        for name, one in ({"telecom": [PHONE]} | more).items()
                        if one != []
                    },
                }
            )
        return number, name, born, id

    return child


def ask_for(browser, number, name, born):
    browser.open("/me/persons")
    return browser.submit("/me/persons/child", number=number, name=name, born=born)


def persons(services, number):
    account = accounts.shelf(services).first({"login": accounts.resident_login(number)})
    return people.persons(services, account)


def test_a_guardian_in_the_childs_record_acts_for_the_child(browser, registered, child, services):
    number, name, id = registered()
    *who, kid = child(guardian=name)
    assert ask_for(browser, *who).status_code == 200
    assert persons(services, number) == (f"Patient/{id}", f"Patient/{kid}")


def test_another_waits_for_a_registrar(browser, registered, child, services):
    number, _, id = registered()
    *who, kid = child(guardian="王丁卯")
    ask_for(browser, *who)
    assert "Waits for a registrar" in browser.text()
    assert persons(services, number) == (f"Patient/{id}",)
    (bond,) = services.store.shelf(shelves.BONDS).all({"patient": f"Patient/{kid}"})
    bonds.decide(services, bond["id"], "active", {"id": "a registrar"})
    assert persons(services, number) == (f"Patient/{id}", f"Patient/{kid}")


@pytest.mark.parametrize(
    "record",
    [
        {"telecom": []},
        {"telecom": [{**PHONE, "value": "10000000001"}]},
        {"identifier": [{"system": ID_CARD, "value": "110101199001011234"}]},
        {"active": False},
        {"period": {"end": "2020-01"}},
        {"relationship": [{"coding": [{"system": "urn:x", "code": "GUARD"}]}]},
    ],
    ids=["no phone", "other phone", "other number", "inactive", "over", "other system"],
)
def test_a_name_that_is_the_guardians_is_not_enough(browser, registered, child, services, record):
    number, name, id = registered()
    *who, _ = child(guardian=name, **record)
    assert ask_for(browser, *who).status_code == 200
    assert persons(services, number) == (f"Patient/{id}",)


def test_a_guardian_is_known_by_the_id_number(browser, registered, child, services):
    number, name, id = registered()
    numbers = [{"system": ID_CARD, "value": number}]
    *who, kid = child(guardian=name, telecom=[], identifier=numbers)
    ask_for(browser, *who)
    assert persons(services, number) == (f"Patient/{id}", f"Patient/{kid}")


@pytest.fixture
def asked(browser, registered, child):
    """A resident who wants to be guardian of a child: (browser, ID number, id, id of the child)."""
    number, _, id = registered()
    *who, kid = child(guardian="王丁卯", home="350602")
    ask_for(browser, *who)
    return browser, number, id, kid


@pytest.mark.parametrize(("division", "sees"), [("350602", True), ("3506", True), ("3502", False)])
def test_a_registrar_decides_on_children_of_their_own_division(
    asked, staff, services, division, sees
):
    browser, number, id, kid = asked
    (bond,) = services.store.shelf(shelves.BONDS).all({"patient": f"Patient/{kid}"})
    with Browser(browser.root) as other:
        staff(other, "registrar", division)
        other.open("/guardians")
        form = f"/guardians/{bond['id']}"
        assert (form in other.forms()) is sees
        csrf = other.forms()["/sign-out"]["csrf"]
        answer = other.post(form, {"csrf": csrf, "verdict": "active"}, follow=False)
        assert answer.status_code == (303 if sees else 404)
    kids = (f"Patient/{kid}",) if sees else ()
    assert persons(services, number) == (f"Patient/{id}", *kids)


def test_a_bond_ends_when_the_child_is_14(browser, registered, child, services):
    number, name, id = registered()
    *who, kid = child(guardian=name)
    ask_for(browser, *who)
    (bond,) = services.store.shelf(shelves.BONDS).all({"patient": f"Patient/{kid}"})
    fourteen = today().replace(year=today().year - 14, day=1)
    services.store.shelf(shelves.BONDS).change(bond["id"], {"born": fourteen.isoformat()})
    assert persons(services, number) == (f"Patient/{id}",)


def test_who_is_14_is_no_child(browser, registered, child):
    _, name, _ = registered()
    *who, _ = child(guardian=name, born="2000-01-01")
    assert ask_for(browser, *who).status_code == 422


def test_a_proxy_is_given_and_taken_back(guarded, browser, registered, services):
    number, _, id = registered(name="李乙丑")
    with Browser(guarded.root) as other:
        _, _, mine = registered(other, name="陈甲子")
        other.open("/me/persons")
        until = (today() + timedelta(days=30)).isoformat()
        other.submit("/me/persons/proxy", number=number, name="李乙丑", until=until)
        assert other.answer.status_code == 200, other.text()
        assert persons(services, number) == (f"Patient/{id}", f"Patient/{mine}")
        (end,) = [action for action in other.forms() if action.endswith("/end")]
        other.submit(end)
    assert persons(services, number) == (f"Patient/{id}",)


@pytest.mark.parametrize("days", [-1, 400])
def test_a_proxy_lasts_for_a_year_at_most(guarded, browser, registered, days):
    number, *_ = registered(name="李乙丑")
    with Browser(guarded.root) as other:
        registered(other)
        other.open("/me/persons")
        until = (today() + timedelta(days=days)).isoformat()
        other.submit("/me/persons/proxy", number=number, name="李乙丑", until=until)
        assert other.answer.status_code == 422


def test_a_bond_of_others_cannot_be_ended(guarded, browser, registered, child):
    _, name, _ = registered()
    *who, _ = child(guardian=name)
    ask_for(browser, *who)
    (end,) = [action for action in browser.forms() if action.endswith("/end")]
    with Browser(guarded.root) as other:
        registered(other)
        other.open("/me/persons")
        csrf = other.forms()["/me/persons/child"]["csrf"]
        assert other.post(end, {"csrf": csrf}).status_code == 404


def test_a_password_is_changed_and_others_are_signed_out(guarded, browser, registered):
    number, *_ = registered()
    with Browser(guarded.root) as other:
        other.sign_in(number, PASSWORD)
        browser.open("/me/security")
        browser.submit("/me/security/password", old="wrong", new="another horse 77")
        assert browser.answer.status_code == 422
        browser.submit("/me/security/password", old=PASSWORD, new="another horse 77")
        assert browser.answer.status_code == 200
        other.open("/me/security")
        assert other.answer.url.split("?")[0].endswith("/sign-in")
        assert other.sign_in(number, PASSWORD).status_code == 401


@pytest.fixture
def staff(services):
    """Return a function that signs a browser in as staff of a role."""

    def staff(browser, role, division="3506"):
        login = fresh()
        details = {"name": "王丁卯", "role": role, "division": division}
        account = accounts.add_staff(services, login, details)
        accounts.set_password(services, account, PASSWORD)
        secret = pyotp.random_base32()
        accounts.shelf(services).change(account["id"], {"totp": secret, "totp_step": 0})
        browser.sign_in(login, PASSWORD)
        browser.submit("/second-factor", code=pyotp.TOTP(secret).now())
        return account

    return staff


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


@pytest.mark.parametrize(
    "path", ["/me/persons/child", "/me/persons/proxy", "/me/security/password", "/admin/accounts"]
)
def test_forged_forms_do_nothing(browser, registered, path):
    registered()
    assert browser.post(path, {"csrf": "forged"}).status_code == 403
