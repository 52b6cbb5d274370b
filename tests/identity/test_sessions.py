"""T5, T8: sessions are the server's, end by themselves, and with the account."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from server.identity import accounts, shelves
from server.identity.sessions import IDLE, LONGEST, Sessions


@pytest.fixture
def sessions(services):
    return Sessions(services)


@pytest.fixture
def kept(services):
    """Return a function that gives the record of a session by its cookie."""
    shelf = services.store.shelf(shelves.SESSIONS)
    return lambda cookie: shelf.find(sha256(cookie.encode()).hexdigest())


def test_a_cookie_is_random_and_not_kept(sessions, member, kept):
    account = member()
    one, other = (sessions.begin(account, ("pwd",)) for _ in range(2))
    assert one != other
    assert len(one) >= 43  # 256 bits
    assert one not in str(kept(one))


def test_a_session_says_whose_it_is_and_how_they_proved_it(sessions, member):
    account = member()
    session = sessions.current(sessions.begin(account, ("pwd", "otp")))
    assert session.account["id"] == account["id"]
    assert session.factors == ("pwd", "otp")
    assert session.auth_time <= datetime.now(UTC)


def test_staff_may_pause_for_a_quarter_of_an_hour_and_residents_for_half_of_one(
    sessions, member, resident, kept
):
    now = datetime.now(UTC)
    for account, minutes in ((member(), 15), (resident, 30)):
        left = kept(sessions.begin(account, ("pwd",)))["expires_at"] - now
        assert timedelta(minutes=minutes - 1) < left < timedelta(minutes=minutes, seconds=30)


def test_being_there_makes_a_session_go_on_for_eight_hours_at_most(
    services, sessions, member, kept
):
    cookie, shelf = sessions.begin(member(), ("pwd",)), services.store.shelf(shelves.SESSIONS)
    now = datetime.now(UTC)
    ago = now - timedelta(minutes=5)
    shelf.change(kept(cookie)["id"], {"seen": ago, "expires_at": now + timedelta(minutes=1)})
    sessions.current(cookie)
    assert kept(cookie)["expires_at"] > now + IDLE["staff"] - timedelta(minutes=1)
    soon = now + timedelta(minutes=2)
    assert kept(cookie)["until"] <= now + LONGEST
    shelf.change(kept(cookie)["id"], {"seen": ago, "until": soon})
    sessions.current(cookie)
    assert abs(kept(cookie)["expires_at"] - soon) < timedelta(milliseconds=1)


def test_a_session_that_expired_is_over(services, sessions, member, kept):
    cookie = sessions.begin(member(), ("pwd",))
    id = kept(cookie)["id"]
    assert sessions.is_alive(id)
    past = {"expires_at": datetime.now(UTC) - timedelta(seconds=1)}
    services.store.shelf(shelves.SESSIONS).change(id, past)
    assert sessions.current(cookie) is None
    assert not sessions.is_alive(id)


@pytest.mark.parametrize("status", ["locked", "closed"])
def test_sessions_end_with_the_account(services, sessions, member, kept, status):
    account = member()
    cookie = sessions.begin(account, ("pwd", "otp"))
    accounts.shelf(services).change(account["id"], {"status": status})
    assert sessions.current(cookie) is None
    assert not sessions.is_alive(kept(cookie)["id"])


def test_all_sessions_of_an_account_end_but_one(sessions, member):
    account, other = member(), member()
    cookies = [sessions.begin(account, ("pwd",)) for _ in range(3)]
    others = sessions.begin(other, ("pwd",))
    sessions.end_all(account["id"], but=sessions.current(cookies[0]).id)
    alive = [sessions.current(cookie) is not None for cookie in cookies]
    assert alive == [True, False, False]
    assert sessions.current(others)


@pytest.mark.parametrize("cookie", ["", "x" * 43, "甲", "\ud800", "$ne", "a" * 5000])
def test_what_is_no_cookie_of_ours_is_no_session(sessions, cookie):
    assert sessions.current(cookie) is None


def test_a_second_factor_is_offered_by_the_session_alone(sessions, member):
    session = sessions.current(sessions.begin(member(), ("pwd",)))
    other = sessions.current(sessions.begin(member(), ("pwd",)))
    assert sessions.new_secret(session) == sessions.new_secret(session)
    assert sessions.new_secret(session) != sessions.new_secret(other)


def test_all_sessions_end_however_many_there_are(services, sessions, member):
    account = member()
    cookies = [sessions.begin(account, ("pwd",)) for _ in range(120)]
    kept = sessions.current(cookies[0])
    sessions.end_all(account["id"], but=kept.id)
    assert [one for one in cookies if sessions.current(one)] == cookies[:1]
    sessions.end_all(account["id"])
    assert services.store.shelf(shelves.SESSIONS).count({"account": account["id"]}) == 0
