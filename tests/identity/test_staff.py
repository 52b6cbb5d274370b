"""R5.1, R5.3, GB/T 22239 8.1.4.2: who opens accounts of staff, and who ends them."""

from datetime import UTC, datetime

import pytest

from server.fhir.outcome import Conflict, Forbidden
from server.identity import accounts, alarms, invitations, shelves, staff
from server.identity.access import caller_of, region_of
from server.identity.sessions import Sessions
from server.identity.throttle import LIMITS, Throttle
from tests.builders import fresh
from tests.identity.conftest import PASSWORD


def form(**given):
    login = fresh().replace("t-", "s")
    who = {"login": login, "name": "赵戊辰", "role": "clinician", "division": "350602"}
    return {**dict.fromkeys(staff.FIELDS, ""), **who, **given}


ADMINISTRATOR = {"id": "a", "division": "3506"}


def test_a_good_form_opens_an_account(services):
    given = form(organization="Organization/h", organization_name="医院", person="Practitioner/p")
    assert staff.wrong(services, given, ADMINISTRATOR) == []
    account = staff.opened(services, given, "a")
    assert account["opened_by"] == "a"
    caller = caller_of(account, "TREAT")
    assert (caller.person.name, caller.organization.name) == ("赵戊辰", "医院")
    assert (caller.role, caller.division) == ("clinician", "350602")
    assert region_of(account).organizations == ("Organization/h",)
    with pytest.raises(Conflict):
        staff.opened(services, given, "a")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("login", ""), ("login", "350602199001311234"), ("login", "甲甲甲"), ("login", "a b"),
        ("name", ""), ("name", "x" * 101), ("name", "a\nb"), ("name", "a\u202eb"),
        ("role", ""), ("role", "resident"), ("role", "system"), ("role", "emperor"),
        ("division", ""), ("division", "35"), ("division", "3502"), ("division", "x"),
        ("division", "35060"), ("organization", "Patient/x"), ("organization", "Organization/"),
        ("organization", "https://a.test/Organization/x"), ("person", "Patient/x"),
        ("person", "Practitioner/../x"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(services, field, value):
    assert staff.wrong(services, form(**{field: value}), ADMINISTRATOR) == [field]


@pytest.mark.parametrize("division", ["3506", "350600", "350602", "350602001"])
def test_an_administrator_opens_accounts_of_their_division_and_below(services, division):
    assert staff.wrong(services, form(division=division), ADMINISTRATOR) == []


def test_the_first_administrator_may_be_of_any_division(services):
    assert staff.wrong(services, form(division="11"), None) == []


@pytest.mark.parametrize("first", staff.EXCLUSIVE)
@pytest.mark.parametrize("second", staff.EXCLUSIVE)
@pytest.mark.parametrize("by", ["resource", "name"])
def test_nobody_watches_over_themselves(services, first, second, by):
    who = {"person": f"Practitioner/{fresh()}"} if by == "resource" else {"name": fresh()}
    staff.opened(services, form(role=first, **who), "a")
    if first == second:
        staff.opened(services, form(role=second, **who), "a")
        return
    with pytest.raises(Forbidden):
        staff.opened(services, form(role=second, **who), "a")
    staff.opened(services, form(role="clinician", **who), "a")


def test_accounts_of_other_divisions_are_not_listed(services, member):
    near, far = member(division="350602"), member(division="1101")
    listed = {one["id"] for one in staff.within(services, ADMINISTRATOR).records}
    assert near["id"] in listed
    assert far["id"] not in listed


def test_however_many_work_elsewhere_those_here_are_listed(services, member):
    near = {member(division="140321")["id"] for _ in range(2)}
    for _ in range(101):
        accounts.add_staff(services, fresh(), {"name": "李乙丑", "division": "1403"})
    listed, after = set(), None
    for _ in range(2):
        page = staff.within(services, {"division": "140300"}, after)
        listed |= {one["id"] for one in page.records}
        after = page.after
    assert near < listed
    assert len(listed) == 103
    assert after is None
    assert {one["id"] for one in staff.within(services, {"division": "140321"}).records} == near


@pytest.mark.parametrize(
    ("before", "after", "can"),
    [
        ("active", "locked", True), ("active", "closed", True), ("locked", "active", True),
        ("locked", "closed", True), ("closed", "active", False), ("closed", "locked", False),
        ("active", "active", False), ("locked", "locked", False),
    ],
)  # fmt: skip
def test_what_an_account_can_become(services, member, before, after, can):
    account = member()
    accounts.shelf(services).change(account["id"], {"status": before})
    assert (staff.change(services, account, after) is not None) is can


@pytest.mark.parametrize("status", ["locked", "closed"])
def test_who_is_locked_out_is_signed_out(services, member, status):
    account, sessions = member(), Sessions(services)
    cookie = sessions.begin(account, ("pwd", "otp"))
    staff.change(services, account, status)
    assert sessions.current(cookie) is None
    assert accounts.authenticated(services, account["login"], PASSWORD) is None


def test_unlocking_forgets_the_guesses(services, member):
    account, throttle = member(), Throttle(services)
    staff.change(services, account, "locked")
    for _ in range(LIMITS["login"].free):
        throttle.attempt("login", account["login"])
    staff.change(services, account, "active")
    throttle.attempt("login", account["login"])


def test_a_lost_second_factor_is_set_up_anew(services, member):
    account, sessions = member(), Sessions(services)
    values = {"totp": "A" * 32, "totp_step": 0, "recovery": ["x"]}
    accounts.shelf(services).change(account["id"], values)
    cookie = sessions.begin(account, ("pwd", "otp"))
    staff.forget_factor(services, account)
    assert sessions.current(cookie) is None
    assert not accounts.shelf(services).find(account["id"])["totp"]


def test_an_invitation_is_kept_hashed_and_works_once(services, member):
    account = member()
    cookie = Sessions(services).begin(account, ("pwd", "otp"))
    secret = invitations.invite(services, account).rpartition("/")[2]
    assert invitations.accept(services, secret, "another horse 77-Q")["id"] == account["id"]
    assert Sessions(services).current(cookie) is None
    assert invitations.accept(services, secret, "another horse 77-Q") is None
    assert accounts.authenticated(services, account["login"], "another horse 77-Q")


def test_a_new_invitation_ends_the_one_before(services, member):
    account = member()
    one, other = (invitations.invite(services, account).rpartition("/")[2] for _ in range(2))
    assert invitations.invited(services, one) is None
    assert invitations.invited(services, other)["id"] == account["id"]


@pytest.mark.parametrize("status", ["locked", "closed"])
def test_who_is_locked_out_is_not_invited(services, member, status):
    account = member()
    secret = invitations.invite(services, account).rpartition("/")[2]
    staff.change(services, account, status)
    assert invitations.accept(services, secret, PASSWORD) is None


@pytest.mark.parametrize("secret", ["", "x", "\0", "甲", "$ne", "a" * 9999])
def test_what_is_no_invitation_is_none(services, secret):
    assert invitations.invited(services, secret) is None


def test_accounts_opened_before_there_were_divisions_are_listed_where_they_belong(services):
    opened = [staff.opened(services, form(division=one), "a") for one in ("130203", "130303")]
    for account in opened:
        accounts.shelf(services).change(account["id"], {"divisions": None})
    listed = {one["id"] for one in staff.within(services, {"division": "130200"}).records}
    assert opened[0]["id"] in listed
    assert opened[1]["id"] not in listed


def test_an_alarm_raised_before_there_were_divisions_is_heard_by_all(services):
    old = {"kind": "guessing", "what": "login", "attempts": 9, "created": datetime.now(UTC)}
    services.store.shelf(shelves.ALARMS).add(id := fresh(), old)
    for division in ("1302", "3506"):
        heard = alarms.newest(services, {"division": division}).records
        assert id in {one["id"] for one in heard}
