"""A job is had by one process at a time, and by another when that one has died."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from server.store import queue
from server.store.queue import Job, Queue


@pytest.fixture
def two(database):
    """The queue as two processes have it, empty."""
    database[queue.QUEUE].delete_many({})
    return Queue(database), Queue(database)


@pytest.fixture
def short(monkeypatch):
    """A lease that is over soon."""
    monkeypatch.setattr(queue, "LEASE_SECONDS", 0.2)


def job(id, **values):
    now = datetime.now(UTC)
    known = {
        "client": "app",
        "account": "someone",
        "token": None,
        "interaction": "search-type",
        "type": "Patient",
        "request": "GET Patient",
        "address": None,
        "language": "zh",
        "created": now,
        "expires_at": now + timedelta(minutes=1),
    }
    return Job(id=id, **(known | values))


def offered(one, *ids, **values):
    for id in ids:
        one.add(job(id, **values))
        one.offer(id)


def test_a_job_is_taken_once(two):
    one, other = two
    offered(one, "a")
    assert (one.take(), other.take(), one.take()) == ("a", None, None)


def test_the_oldest_is_taken_first(two):
    one, _ = two
    now = datetime.now(UTC)
    for id, age in (("young", 1), ("old", 3), ("middle", 2)):
        offered(one, id, created=now - timedelta(seconds=age))
    assert [one.take() for _ in range(3)] == ["old", "middle", "young"]


def test_what_is_not_offered_yet_is_not_taken(two):
    one, _ = two
    one.add(job("a"))
    assert one.take() is None
    assert one.find("a").is_open


def test_who_is_silent_for_a_lease_loses_it(two, short):
    one, other = two
    offered(one, "a")
    assert one.take() == "a"
    time.sleep(0.3)
    assert other.take() == "a"
    assert other.find("a").attempts == 2
    assert not one.keep("a", 1, 2)
    assert not one.finish("a", queue.DONE, datetime.now(UTC) + timedelta(minutes=1))
    assert not one.postpone("a", 0)
    assert other.keep("a", 1, 2)


def test_who_keeps_it_has_it(two, short):
    one, other = two
    offered(one, "a")
    one.take()
    for step in range(6):
        time.sleep(0.1)
        assert one.keep("a", step, 6)
        assert other.take() is None
    assert (one.find("a").done, one.find("a").total) == (5, 6)


def test_what_is_given_back_is_free_at_once_and_counts_as_not_begun(two):
    one, other = two
    offered(one, "a")
    one.take()
    assert one.give_back("a")
    assert (other.find("a").state, other.find("a").attempts) == (queue.QUEUED, 0)
    assert other.take() == "a"


def test_what_is_postponed_is_free_later(two):
    one, other = two
    offered(one, "a")
    one.take()
    assert one.postpone("a", 0.3)
    assert other.take() is None
    time.sleep(0.4)
    assert other.take() == "a"


def test_what_is_done_is_not_taken_again(two, short):
    one, other = two
    offered(one, "a")
    one.take()
    ends = datetime.now(UTC) + timedelta(minutes=1)
    assert one.finish("a", queue.DONE, ends, "rights")
    time.sleep(0.3)
    assert other.take() is None
    done = other.find("a")
    assert (done.is_open, done.rights, done.ended is not None) == (False, "rights", True)


def test_what_is_removed_is_gone_for_who_does_it(two):
    one, other = two
    offered(one, "a")
    one.take()
    assert other.remove("a").id == "a"
    assert other.remove("a") is None
    assert not one.keep("a", 0, 0)


def test_what_has_expired_is_not_there(two):
    one, _ = two
    offered(one, "a", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert one.take() is None
    assert one.find("a") is None
    assert list(one.all()) == []
    assert one.count_open("app", "someone") == 0


def test_open_jobs_are_counted_by_whose_they_are(two):
    one, _ = two
    offered(one, "a", "b")
    offered(one, "c", account=None)
    offered(one, "d", client="another")
    one.take()
    assert one.count_open("app", "someone") == 2
    assert one.count_open("app", None) == 1


def test_a_job_comes_back_as_it_was(two):
    one, _ = two
    made = job("a", address="10.0.0.1", token="delegated:a")
    one.add(made)
    # MongoDB keeps milliseconds.
    known = one.find("a")
    assert replace(known, created=made.created, expires_at=made.expires_at) == made
