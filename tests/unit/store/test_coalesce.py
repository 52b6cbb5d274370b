"""Batches made of many threads' items."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from server.store import coalesce
from server.store.coalesce import Coalescer


def test_each_caller_gets_the_answer_to_its_own_item():
    coalescer = Coalescer(lambda items: [item * 2 for item in items])
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(coalescer.run, range(2000)))
    assert answers == [item * 2 for item in range(2000)]


def test_items_that_arrive_while_one_runs_go_together():
    first_runs, go_on = threading.Event(), threading.Event()
    batches = []

    def operation(items):
        batches.append(list(items))
        if len(batches) == 1:
            first_runs.set()
            assert go_on.wait(10)
        return items

    coalescer = Coalescer(operation)
    with ThreadPoolExecutor(9) as pool:
        lone = pool.submit(coalescer.run, 0)
        assert first_runs.wait(10)
        rest = [pool.submit(coalescer.run, item) for item in range(1, 9)]
        while len(coalescer._queue) < 8:
            pass
        go_on.set()
        assert [future.result(10) for future in (lone, *rest)] == list(range(9))
    assert [sorted(batch) for batch in batches] == [[0], list(range(1, 9))]


def test_a_batch_is_never_larger_than_the_limit():
    sizes = []

    def operation(items):
        sizes.append(len(items))
        return items

    coalescer = Coalescer(operation, limit=3)
    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(coalescer.run, range(200))) == list(range(200))
    assert max(sizes) <= 3
    assert sum(sizes) == 200


def test_a_failed_item_fails_its_owner_alone():
    def operation(items):
        return [ValueError(item) if item % 2 else item for item in items]

    def outcome(item):
        try:
            return coalescer.run(item)
        except ValueError:
            return "refused"

    coalescer = Coalescer(operation)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(outcome, range(100)))
    assert answers == ["refused" if item % 2 else item for item in range(100)]


def test_a_failed_batch_fails_its_owners_and_the_next_one_goes_on():
    fails = [True]

    def operation(items):
        if fails.pop() if fails else False:
            raise ConnectionError
        return items

    coalescer = Coalescer(operation)
    with pytest.raises(ConnectionError):
        coalescer.run(1)
    assert coalescer.run(2) == 2


def test_a_shared_failure_fails_those_who_wait_as_well():
    runs, go_on = threading.Event(), threading.Event()
    attempts = []

    def operation(items):
        attempts.append(items)
        runs.set()
        assert go_on.wait(10)
        raise ConnectionError

    coalescer = Coalescer(operation, shared=(ConnectionError,))
    with ThreadPoolExecutor(4) as pool:
        callers = [pool.submit(coalescer.run, 0)]
        assert runs.wait(10)
        callers += [pool.submit(coalescer.run, item) for item in range(1, 4)]
        while len(coalescer._queue) < 3:
            pass
        go_on.set()
        for caller in callers:
            assert isinstance(caller.exception(10), ConnectionError)
    assert attempts == [[0]]
    with pytest.raises(ConnectionError):
        coalescer.run(4)


def test_a_batch_waits_for_those_who_are_announced(monkeypatch):
    monkeypatch.setattr("server.store.coalesce._MOMENT", 60)
    batches = []

    def operation(items):
        batches.append(sorted(items))
        return items

    coalescer = Coalescer(operation)
    announced = [coalescer.announce() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(coalescer.run, range(4), announced)) == [0, 1, 2, 3]
    assert batches == [[0, 1, 2, 3]]


def test_who_does_not_come_in_time_is_not_waited_for_again(monkeypatch):
    coalescer = Coalescer(lambda items: items)
    coalescer.announce()
    assert coalescer.run(1) == 1
    monkeypatch.setattr("server.store.coalesce._MOMENT", 60)
    assert coalescer.run(2) == 2


def test_who_was_announced_and_does_not_come_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(coalesce, "_MOMENT", 20)
    coalescer = Coalescer(lambda items: items)
    coalescer.withdraw(coalescer.announce())
    started = time.monotonic()
    assert coalescer.run(1) == 1
    assert time.monotonic() - started < 10
