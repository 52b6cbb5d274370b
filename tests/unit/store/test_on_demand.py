"""Indexes on demand: built once however many ask, while writes go on, and not too many of them."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from server.access.visibility import EVERYTHING
from server.fhir.outcome import TooCostly, Unavailable
from server.store.database import Store
from server.store.documents import Draft
from server.store.on_demand import MOST_SORTING, IndexesOnDemand
from tests.unit.store.conftest import Spec

PLENTY = 60_000


def sorting(code):
    return Spec(f"sort_o.{code}_id", ((f"o.{code}", 1), ("_id", 1)))


def names(store, type):
    return set(store.engine.collections.current(type).index_information())


@pytest.fixture
def type(resources):
    """A type of one resource."""
    name = f"T{uuid4().hex[:8]}"
    resources.create(Draft(name, "one", b"{}", {"o": {"family": "a"}}))
    return name


def test_an_index_is_there_when_prepare_returns(store, resources, type):
    assert "sort_o.family_id" not in names(store, type)
    resources.prepare(type, [sorting("family"), Spec("g_id", (("g", 1), ("_id", 1)))])
    assert {"sort_o.family_id", "g_id"} <= names(store, type)
    assert store.engine.collections.builds() == []


def test_many_processes_may_ask_at_once(store, type):
    others = [IndexesOnDemand(store.engine.collections.database) for _ in range(4)]
    with ThreadPoolExecutor(16) as pool:
        asked = [
            pool.submit(others[n % 4].prepare, type, [sorting("family")], 0) for n in range(32)
        ]
    assert [one.result() for one in asked] == [None] * 32
    assert "sort_o.family_id" in names(store, type)


def test_of_a_type_of_which_nothing_was_stored_nothing_is_made(store, resources):
    resources.prepare("Nothing", [sorting("family")])
    assert "Nothing" not in store.engine.collections.database.list_collection_names()
    resources.create(Draft("Nothing", "one", b"{}", {}))
    resources.prepare("Nothing", [sorting("family")])
    assert "sort_o.family_id" in names(store, "Nothing")


def test_there_are_only_so_many_indexes_to_sort_by(store, resources, type):
    resources.prepare(type, [sorting(f"c{number}") for number in range(MOST_SORTING)])
    with pytest.raises(TooCostly) as refused:
        resources.prepare(type, [sorting("family")])
    assert refused.value.issues[0].message == "search-sort-indexes-too-many"
    resources.prepare(type, [sorting("c0"), Spec("w_id", (("w", 1), ("_id", 1)))])
    assert "w_id" in names(store, type)


def test_an_index_that_cannot_be_built_is_tried_again(resources, type):
    impossible = Spec("a_b", (("a", "nonsense"),))
    for _ in range(2):
        with pytest.raises(Unavailable) as refused:
            resources.prepare(type, [impossible])
        assert refused.value.headers["Retry-After"]


@pytest.fixture
def slow_to_build(store, mongodb, type):
    """A type whose index takes longer than a request waits."""
    collection = mongodb[store.engine.collections.database.name][type]
    long = "x" * 900
    for start in range(0, PLENTY, 10_000):
        collection.insert_many(
            {"_id": f"{n}", "o": {"family": [f"{n % 977}{part}{long}" for part in range(4)]}}
            for n in range(start, start + 10_000)
        )
    return type


def test_who_would_wait_long_is_told_how_far_it_is_and_writes_go_on(
    store, resources, slow_to_build
):
    hasty = IndexesOnDemand(store.engine.collections.database, patience=0.05)
    type, refusals, writes = slow_to_build, [], []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            hasty.prepare(type, [sorting("family")], 0)
        except Unavailable as refusal:
            refusals.append(refusal)
        else:
            break
        begun = time.monotonic()
        resources.create(Draft(type, str(uuid4()), b"{}", {"o": {"family": "b"}}))
        writes.append(time.monotonic() - begun)
    assert refusals
    issues = [refusal.issues[0] for refusal in refusals]
    assert {one.message for one in issues} <= {"search-index-begun", "search-index-building"}
    assert any(0 < one.arguments.get("percent", 0) <= 100 for one in issues)
    assert all(refusal.headers["Retry-After"] for refusal in refusals)
    assert max(writes) < 2
    assert "sort_o.family_id" in names(store, type)


def test_who_comes_after_a_process_that_died_waits_for_the_same_build(store, slow_to_build):
    database = store.engine.collections.database
    first, second = (IndexesOnDemand(database, patience) for patience in (0.01, 60))
    with pytest.raises(Unavailable):
        first.prepare(slow_to_build, [sorting("family")], 0)
    second.prepare(slow_to_build, [sorting("family")], 0)
    assert "sort_o.family_id" in names(store, slow_to_build)


def test_a_store_that_was_opened_later_sees_what_is_there(mongodb, store, resources, type):
    resources.prepare(type, [sorting("family")])
    name = store.engine.collections.database.name
    later = Store.open(mongodb, name, lambda _: (), ZoneInfo("UTC"))
    later.resources(EVERYTHING).prepare(type, [sorting("family")])
    assert len(names(store, type) & {"sort_o.family_id"}) == 1
