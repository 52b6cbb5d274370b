"""AUT-23, T9: guesses are counted before they are looked at, refused, and an alarm."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from server.fhir.outcome import TooMany
from server.identity import alarms, shelves, throttle
from server.identity.throttle import LIMITS, LONGEST, Throttle
from server.portal.staff import _GUESSED
from tests.builders import fresh

pytestmark = pytest.mark.usefixtures("forgotten")


def refused(throttled, what, key):
    try:
        throttled.attempt(what, key)
    except TooMany as refusal:
        return int(refusal.headers["Retry-After"])
    return 0


def let_pass(services, what, key):
    """Let the time pass for which attempts at `key` are refused."""
    past = {"expires_at": datetime.now(UTC) - timedelta(seconds=1)}
    services.store.shelf(shelves.ATTEMPTS).change(throttle._name(what, key), past)


def test_eight_wrong_guesses_at_once_count_eight(services):
    key, throttled = fresh(), Throttle(services)
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: refused(throttled, "login", key), range(8)))
    free = LIMITS["login"].free
    assert sorted(wait > 0 for wait in waits) == [False] * free + [True] * (8 - free)


def test_each_lock_is_twice_as_long_as_the_last_up_to_a_limit(services):
    key, throttled, waits = fresh(), Throttle(services), []
    for _ in range(8):
        for _ in range(LIMITS["login"].free):
            assert not refused(throttled, "login", key)
        waits.append(refused(throttled, "login", key))
        let_pass(services, "login", key)
    quarter = LIMITS["login"].window.total_seconds()
    assert waits[:4] == [quarter, 2 * quarter, 4 * quarter, 8 * quarter]
    assert waits[-1] == LONGEST.total_seconds()


def test_going_on_makes_a_lock_no_longer(services):
    key, throttled = fresh(), Throttle(services)
    waits = [refused(throttled, "login", key) for _ in range(20)]
    assert max(waits) == LIMITS["login"].window.total_seconds()


def test_success_forgets_the_guesses_and_the_locks(services):
    key, throttled = fresh(), Throttle(services)
    for _ in range(2):
        for _ in range(LIMITS["login"].free + 1):
            refused(throttled, "login", key)
        let_pass(services, "login", key)
    throttled.forget("login", key)
    for _ in range(LIMITS["login"].free):
        assert not refused(throttled, "login", key)
    assert refused(throttled, "login", key) == LIMITS["login"].window.total_seconds()


def test_who_signs_in_is_no_guess_of_their_address(services):
    throttled = Throttle(services)
    for _ in range(2 * LIMITS["address"].free):
        assert not refused(throttled, "address", "10.1.2.3")
        throttled.spare("address", "10.1.2.3")


def test_a_thousand_guesses_are_one_alarm_each_way(services, monkeypatch):
    key, throttled, lines = fresh(), Throttle(services), []
    heard = logging.Handler()
    heard.emit = lines.append
    # Its own handler: who else listens, and where lines go on to, is up to other tests.
    monkeypatch.setattr(logging.getLogger("tongkang.alarm"), "handlers", [heard])
    passed = [refused(throttled, "login", key) == 0 for _ in range(1000)]
    assert sum(passed) == LIMITS["login"].free
    (line,) = lines
    assert (line.message, line.what) == ("alarm: guessing goes on", "login")
    assert key not in str(vars(line))
    (alarm,) = alarms.newest(services, OFFICER).records
    assert alarm["what"] == "login"


def test_an_alarm_tells_the_officer_whose_account_it_is(services, member):
    account = member()
    for _ in range(LIMITS["login"].alarm):
        refused(Throttle(services), "login", account["login"])
    (alarm,) = alarms.newest(services, OFFICER).records
    assert (alarm["account"], alarm["name"]) == (account["id"], account["shown"])
    assert alarms.newest(services, {"division": "3502"}).records == []


def test_guesses_from_everywhere_at_many_accounts_are_an_alarm_but_lock_nobody_out(services):
    throttled = Throttle(services)
    assert not any(refused(throttled, "everybody", "") for _ in range(LIMITS["everybody"].alarm))
    (alarm,) = alarms.newest(services, OFFICER).records
    assert alarm["what"] == "everybody"
    assert alarms.newest(services, {"division": "65"}).records == [alarm]


def test_what_many_share_is_not_locked_for_longer_each_time(services):
    throttled = Throttle(services)
    for _ in range(2):
        waits = [refused(throttled, "client", "10.1.2.3 app") for _ in range(40)]
        assert max(waits) == LIMITS["client"].window.total_seconds()
        let_pass(services, "client", "10.1.2.3 app")


OFFICER = {"division": "3506"}


@pytest.mark.parametrize("what", LIMITS)
def test_every_alarm_is_worded(what):
    assert what in _GUESSED


@pytest.mark.parametrize("key", ["", "甲", "\ud800", "$where", "a" * 100_000, "\0"])
def test_any_key_can_be_counted(services, key):
    assert not refused(Throttle(services), "code", key)
