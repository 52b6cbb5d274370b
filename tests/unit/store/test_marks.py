"""A mark is there exactly if what it says was done is stored."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from server.fhir.outcome import Conflict
from server.store.marks import DoneElsewhere
from tests.builders import fresh

LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
def marks(store):
    return store.marks()


@pytest.fixture
def job(marks):
    name = fresh()
    assert marks.of(name) == {}
    return name


def test_a_create_and_its_mark_are_stored_together(marks, job, resources, new):
    id = fresh()
    with marks.putting(job, "1", LATER) as mark:
        mark.note = b"so it was"
        resources.create(new(id))
    assert mark.is_put
    assert marks.of(job) == {"1": b"so it was"}
    assert resources.read("Patient", id).version == 1


def test_what_is_marked_is_not_done_again(marks, job, resources, new):
    first, second = fresh(), fresh()
    with marks.putting(job, "1", LATER):
        resources.create(new(first))
    with pytest.raises(DoneElsewhere), marks.putting(job, "1", LATER):
        resources.create(new(second))
    assert resources.find("Patient", second) is None


def test_what_is_refused_leaves_no_mark(marks, job, resources, new):
    id = fresh()
    resources.create(new(id))
    with pytest.raises(Conflict), marks.putting(job, "1", LATER) as mark:
        resources.create(new(id))
    assert not mark.is_put
    assert marks.of(job) == {}


def test_only_the_first_transaction_puts_it(marks, job, resources, new):
    id = fresh()
    with marks.putting(job, "1", LATER):
        stored = resources.create(new(id))
        assert resources.replace(new(id, "b", b'{"resourceType":"Patient"}'), stored).version == 2
    assert list(marks.of(job)) == ["1"]


def test_nothing_is_marked_outside(marks, job, resources, new):
    with marks.putting(job, "1", LATER):
        pass
    resources.create(new(fresh()))
    assert marks.of(job) == {}


def test_of_two_who_do_the_same_one_does_it(marks, job, resources, new):
    ids, ready = [fresh(), fresh()], Barrier(2)

    def do(id):
        ready.wait()
        try:
            with marks.putting(job, "1", LATER):
                resources.create(new(id))
        except DoneElsewhere:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(do, ids))
    stored = [resources.find("Patient", id) is not None for id in ids]
    assert sorted(done) == [False, True]
    assert stored == done


def test_marks_are_removed_with_their_job(marks, job, resources, new):
    with marks.putting(job, "1", LATER):
        resources.create(new(fresh()))
    marks.remove(job)
    assert marks.of(job) == {}
