"""R3.8, PIPL 29-31: guardians until a child is 14, proxies for a year at most."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from server.fhir.outcome import Conflict, NotFound, Unprocessable
from server.identity import access, accounts, bonds, people, shelves
from server.identity.real_name import Claim
from server.identity.sessions import Sessions
from tests import builders

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = datetime.now(ZONE).date()
TOMORROW = TODAY + timedelta(days=1)
HOLDER = ("350602199001311234", "王丁卯")


def years_ago(years, days=0):
    moved = TODAY + timedelta(days=days)
    return moved.replace(year=moved.year - years).isoformat()


@pytest.mark.parametrize(
    ("born", "is_in_force"),
    [(years_ago(13), True), (years_ago(14, days=1), True), (years_ago(14), False)],
    ids=["13", "14 tomorrow", "14 today"],
)
def test_a_guardian_acts_until_the_child_is_14(born, is_in_force):
    bond = {"relation": "guardian", "born": born, "status": "active"}
    assert people.is_in_force(bond, ZONE) is is_in_force


@pytest.mark.parametrize("status", ["pending", "refused"])
def test_who_waits_does_not_act(status):
    assert not people.is_in_force({"relation": "proxy", "status": status}, ZONE)


def persons(services, account):
    return people.persons(services, account)


def test_a_resident_acts_for_themselves_first(services, resident):
    assert persons(services, resident) == (resident["person"],)


def test_a_child_is_found_by_its_real_name(services, store, resident):
    number = "350602201801011234"
    identifier = [{"system": builders.ID_CARD, "value": number}]
    born = years_ago(8)
    child = store(builders.patient(identifier=identifier, birthDate=born))
    bond = bonds.ask_guardian(services, resident, Claim(number, "陈甲子", born), None)
    assert (bond["patient"], bond["status"]) == (f"Patient/{child['id']}", "pending")
    with pytest.raises(Conflict):
        bonds.ask_guardian(services, resident, Claim(number, "陈甲子", born), None)
    bonds.decide(services, bond["id"], "active", {"id": "a registrar"})
    assert persons(services, resident) == (resident["person"], f"Patient/{child['id']}")
    with pytest.raises(NotFound):
        bonds.decide(services, bond["id"], "refused", {"id": "a registrar"})


def test_who_was_refused_may_ask_again(services, store, resident):
    number = "350602201801015678"
    identifier = [{"system": builders.ID_CARD, "value": number}]
    born = years_ago(8)
    store(builders.patient(identifier=identifier, birthDate=born))
    claim = Claim(number, "陈甲子", born)
    bond = bonds.ask_guardian(services, resident, claim, None)
    bonds.decide(services, bond["id"], "refused", {"id": "a registrar"})
    assert bonds.ask_guardian(services, resident, claim, None)["status"] == "pending"


def test_a_grown_child_may_give_a_proxy_to_who_was_their_guardian(
    services, store, resident, number
):
    record = f"Patient/{store(builders.patient())['id']}"
    grown = accounts.add_bound(services, builders.fresh(), "陈小", record)
    bond = {"account": resident["id"], "holder_login": resident["login"], "status": "active",
            "patient": record, "relation": "guardian", "born": years_ago(15)}  # fmt: skip
    services.store.shelf(shelves.BONDS).add(builders.fresh(), bond)
    bonds.give_proxy(services, grown, (number, "陈甲子"), TOMORROW)
    assert persons(services, resident) == (resident["person"], record)


@pytest.mark.parametrize("until", [TODAY - timedelta(days=1), TODAY + timedelta(days=366)])
def test_a_proxy_begins_today_and_lasts_a_year_at_most(services, resident, until):
    with pytest.raises(Unprocessable):
        bonds.give_proxy(services, resident, HOLDER, until)


def test_a_proxy_lasts_to_the_end_of_its_last_day(services, resident):
    bond = bonds.give_proxy(services, resident, HOLDER, TODAY)
    assert bond["expires_at"].astimezone(ZONE).date() == TOMORROW


def test_nobody_is_their_own_proxy(services, resident, number):
    with pytest.raises(Unprocessable):
        bonds.give_proxy(services, resident, (number, "陈甲子"), TOMORROW)


@pytest.fixture
def holder(services, store):
    """Return a function that registers who is to be a proxy: (number, name), or the account."""

    def holder(number, name):
        record = store(builders.patient(name=[{"text": name}]))
        return accounts.add_bound(
            services, accounts.resident_login(number), name, f"Patient/{record['id']}"
        )

    return holder


def test_a_proxy_sees_the_record_until_it_is_taken_back(services, resident, holder):
    number = f"35060219900131{builders.fresh()[-4:]}"
    account = holder(number, "王丁卯")
    bond = bonds.give_proxy(services, resident, (number, "王丁卯"), TOMORROW)
    assert persons(services, account) == (account["person"], resident["person"])
    bonds.end(services, resident, bond["id"])
    assert persons(services, account) == (account["person"],)


def test_an_expired_proxy_sees_nothing(services, resident, holder):
    number = f"35060219900131{builders.fresh()[-4:]}"
    account = holder(number, "王丁卯")
    bond = bonds.give_proxy(services, resident, (number, "王丁卯"), TOMORROW)
    past = {"expires_at": datetime.now(UTC) - timedelta(seconds=1)}
    services.store.shelf(shelves.BONDS).change(bond["id"], past)
    assert persons(services, account) == (account["person"],)


def test_a_proxy_who_registers_later_sees_it_then(services, resident, holder):
    number = f"35060219900131{builders.fresh()[-4:]}"
    bonds.give_proxy(services, resident, (number, "王丁卯"), TOMORROW)
    account = holder(number, "王 丁卯")
    bonds.take_up(services, account)
    assert persons(services, account) == (account["person"], resident["person"])


def test_a_number_of_somebody_else_gives_them_nothing(services, resident, holder):
    number = f"35060219900131{builders.fresh()[-4:]}"
    account = holder(number, "李乙丑")
    bonds.give_proxy(services, resident, (number, "王丁卯"), TOMORROW)
    bonds.take_up(services, account)
    assert persons(services, account) == (account["person"],)


def test_whether_somebody_has_registered_is_not_told(services, resident, holder):
    known = f"35060219900131{builders.fresh()[-4:]}"
    holder(known, "李乙丑")
    for number in (known, "350602199001310000"):
        bonds.give_proxy(services, resident, (number, "王丁卯"), TOMORROW)
    told = [
        {name: one[name] for name in ("holder", "status", "account", "relation")}
        for one in bonds.given(services, resident)
    ]
    assert len(told) == 2
    assert told[0] == told[1]


def test_others_end_nothing(services, resident, member):
    bond = bonds.give_proxy(services, resident, HOLDER, TOMORROW)
    for other in (member(), {"id": "x", "person": None}):
        with pytest.raises(NotFound):
            bonds.end(services, other, bond["id"])


def test_the_access_of_a_resident_is_to_the_persons_of_today(services, resident):
    sessions = Sessions(services)
    born = years_ago(14)
    bond = {"account": resident["id"], "patient": "Patient/kid", "relation": "guardian"}
    services.store.shelf(shelves.BONDS).add(
        builders.fresh(), {**bond, "born": born, "status": "active"}
    )
    session = sessions.current(sessions.begin(resident, ("pwd",)))
    found = access.of(services, session)
    assert found.caller.kind == "resident"
    assert found.has("Patient", "r")
    assert not found.has("AuditEvent", "r")
    assert persons(services, resident) == (resident["person"],)
