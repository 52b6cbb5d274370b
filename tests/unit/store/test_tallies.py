"""What is sent in parts is counted once, whoever counts it and however often.

Spec: https://www.mongodb.com/docs/manual/reference/operator/update/inc/
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from server.store.tallies import Count
from tests.builders import fresh


@pytest.fixture
def tallies(store):
    return store.tallies()


def count(id, **more):
    return Count(id, {"reporter": {}}, "2026-03-01", more)


def summed(tallies, id):
    return next(one.sum for one in tallies.waiting(10_000) if one.id == id)


def test_a_part_that_comes_again_is_not_counted_again(tallies):
    tally, submission = fresh(), fresh()
    for through in (100, 100, 200, 100, 200):
        tallies.add_part([count(tally, submitted=100)], submission, through)
    assert summed(tallies, tally) == {"submitted": 200}


def test_what_comes_alone_and_in_parts_at_once_is_all_counted(tallies):
    tally = fresh()
    tallies.add([count(tally, submitted=0)])
    with ThreadPoolExecutor(4) as pool:
        parts = [
            pool.submit(tallies.add_part, [count(tally, submitted=1)], fresh(), 1)
            for _ in range(12)
        ]
        alone = [pool.submit(tallies.add, [count(tally, submitted=1)]) for _ in range(12)]
        for one in (*parts, *alone):
            one.result()
    assert summed(tallies, tally) == {"submitted": 24}


def test_a_tally_that_two_begin_at_once_is_one(tallies):
    tally = fresh()
    with ThreadPoolExecutor(4) as pool:
        for one in [pool.submit(tallies.add_part, [count(tally, submitted=1)], fresh(), 1)
                    for _ in range(4)]:  # fmt: skip
            one.result()
    assert summed(tallies, tally) == {"submitted": 4}
