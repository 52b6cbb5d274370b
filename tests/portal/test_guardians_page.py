"""Guardians act for children: R1.18, R5.1."""

from datetime import UTC, datetime, timedelta

import pytest

from server.identity import bonds, shelves
from tests.builders import ID_CARD
from tests.portal.browser import Browser
from tests.portal.people import PHONE, ask_for, persons, today

pytestmark = pytest.mark.usefixtures("forgiving")


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


def test_a_registrar_is_told_what_the_papers_say(asked, staff):
    browser, number, *_ = asked
    with Browser(browser.root) as other:
        staff(other, "registrar", "350602")
        other.open("/guardians")
        told = other.text().partition("陈甲子 asks")[2]
        assert "陈小丙" in told
        assert "王丁卯" in told
        assert (today() - timedelta(days=8 * 366)).isoformat() in told
        # Where the one who asks lives, nobody knows.
        assert number not in told
        assert "not yours to see" in told


def test_who_waits_elsewhere_does_not_hide_who_waits_here(asked, staff, services):
    browser, _, _, kid = asked
    shelf = services.store.shelf(shelves.BONDS)
    (bond,) = shelf.all({"patient": f"Patient/{kid}"})
    now = datetime.now(UTC)
    other = {"name": "别处", "patient": "Patient/elsewhere", "status": "pending", "created": now}
    for number in range(60):
        shelf.add(f"elsewhere-{number}", {**other, "account": "a", "holder": "别人"})
    try:
        with Browser(browser.root) as opened:
            staff(opened, "registrar", "350602")
            opened.open("/guardians")
            assert f"/guardians/{bond['id']}" in opened.forms()
    finally:
        shelf.remove({"patient": "Patient/elsewhere"})
