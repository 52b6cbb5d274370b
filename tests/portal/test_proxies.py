"""Residents let others see their record, and take it back: R1.18."""

from datetime import timedelta

import pytest

from tests.portal.browser import Browser
from tests.portal.people import ask_for, persons, today

pytestmark = pytest.mark.usefixtures("forgiving")


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
