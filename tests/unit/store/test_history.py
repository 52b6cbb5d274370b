"""Listings of versions, newest first."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Event
from uuid import uuid4

import pytest

from server.access.visibility import EVERYTHING
from server.fhir.outcome import NotFound
from server.store.database import Store
from server.store.documents import Draft, superseded
from server.store.history import Window, _stream


@pytest.fixture
def versions(resources, new):
    """Three versions of one resource, the second a deletion."""
    first = resources.create(new(str(uuid4())))
    grave = resources.delete(first)
    return [first, grave, resources.replace(new(first.id, "b"), grave)]


def listed(page):
    versions, _ = page
    return versions


def paged(listing, limit=1, **window):
    """Yield each version of a listing, page by page; `listing` takes a window and a limit."""
    after, more = None, True
    while more:
        versions, more = listing(Window(after=after, **window), limit)
        assert versions or not more
        yield from versions
        if versions:
            last = versions[-1]
            after = (last.last_updated, f"{last.type}/{last.id}")


def test_all_versions_of_an_instance_newest_first(history, versions):
    page = history.of_instance("Patient", versions[0].id, Window(), 10)
    assert listed(page) == versions[::-1]


def test_an_instance_that_never_was_has_no_history(history):
    with pytest.raises(NotFound):
        history.of_instance("Patient", str(uuid4()), Window(), 10)


def test_pages_follow_on_each_other(history, versions):
    listing = partial(history.of_instance, "Patient", versions[0].id)
    assert [*paged(listing)] == versions[::-1]


def test_since_gives_what_was_made_at_or_after_it(history, versions):
    window = Window(since=versions[1].last_updated)
    page = history.of_instance("Patient", versions[0].id, window, 10)
    assert listed(page) == [versions[2], versions[1]]


@pytest.mark.parametrize(("start", "end", "expected"), [(0, 0, [0]), (0, 1, [1, 0]), (2, 2, [2])])
def test_at_gives_what_was_current_then(history, versions, start, end, expected):
    window = Window(at=(versions[start].last_updated, versions[end].last_updated + 1))
    page = history.of_instance("Patient", versions[0].id, window, 10)
    assert listed(page) == [versions[number] for number in expected]


def test_the_history_of_a_type_and_of_the_system_have_all(store, versions):
    history = store.history(EVERYTHING)
    assert listed(history.of_type("Patient", Window(), 3)) == versions[::-1]
    assert listed(history.of_system(Window(), 3)) == versions[::-1]


def test_a_version_keeps_its_place_when_it_is_superseded(store, new):
    """Ids that are prefixes of one another, of two types, all of one moment; each is replaced."""
    ids = ["a", "a-1", "a.1", "a1", "b"]
    moment = 1_000_000_000_000
    resources = Store(store.engine, lambda: moment).resources(EVERYTHING)
    firsts = [
        resources.create(replace(new(id), type=type)) for type in ("Basic", "Group") for id in ids
    ]
    history = store.history(EVERYTHING)
    before = listed(history.of_system(Window(at=(0, moment + 1)), 1000))
    assert before == sorted(firsts, key=lambda each: (each.type, each.id), reverse=True)
    pages = []
    for version in paged(history.of_system, at=(0, moment + 1)):
        pages.append(version)
        resources.replace(replace(new(version.id), type=version.type), version)
    assert pages == before
    assert listed(history.of_system(Window(at=(0, moment + 1)), 1000)) == before


def test_a_listing_beside_a_writer_has_no_version_twice_and_none_missing(resources, history, new):
    first = resources.create(new(str(uuid4())))
    listings, stop = [], Event()

    def listing():
        while not stop.is_set():
            listings.append(listed(history.of_instance("Patient", first.id, Window(), 1000)))

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(listing) for _ in range(3)]
        version = first
        for _ in range(150):
            version = resources.replace(new(first.id), version)
        stop.set()
        for reader in readers:
            reader.result(10)
    for each in listings:
        numbers = [version.version for version in each]
        assert numbers == [*range(len(numbers), 0, -1)]
    assert len(listings[-1]) > 140


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_version_that_comes_from_both_sides_is_listed_once(
    database, history, new, resources, limit
):
    """As it comes when the version is superseded after one side was read, before the other is."""
    first = resources.create(new(str(uuid4())))
    second = resources.replace(new(first.id), first)
    both = superseded(database["Patient"].find_one({"_id": first.id}), second.last_updated + 1000)
    database["Patient_history"].insert_one(both)
    listing = partial(history.of_instance, "Patient", first.id)
    assert [*paged(listing, limit)] == [second, first]


@pytest.fixture(scope="module")
def examined(store, database):
    """Return how many documents one side of a listing looks at, among thousands of versions."""
    versions = [(id, number) for id in range(20) for number in range(1, 101)]
    Store(store.engine, lambda: 0).resources(EVERYTHING).create(Draft("Device", "0", b"{}", {}))
    database["Device_history"].insert_many(
        {"_id": f"{id}/{v}", "rid": f"{id}", "v": v, "lu": v * 1000, "until": (v + 1) * 1000}
        for id, v in versions
    )

    def count(window, where):
        stream = _stream("Device", window, 10, [where], id="rid")
        command = {"aggregate": "Device_history", "pipeline": stream, "cursor": {}}
        found = database.command("explain", command, verbosity="executionStats")
        (source, *_) = found.get("stages", [{"$cursor": found}])
        executed = source["$cursor"]["executionStats"]
        return executed["totalDocsExamined"], "'SORT'" in str(executed)

    return count


@pytest.mark.parametrize(
    ("window", "where", "sorts"),
    [
        (Window(), {}, False),
        (Window(), {"rid": "7"}, False),
        (Window(since=90_000), {}, False),
        (Window(after=(50_000, "Device/7")), {}, False),
        (Window(after=(50_000, "Account/7")), {}, False),
        (Window(after=(50_000, "Device/7")), {"rid": "7"}, False),
        (Window(at=(101_000, 200_000)), {}, True),
        (Window(at=(50_000, 50_001)), {}, False),
    ],
)
def test_a_page_looks_at_few_versions(examined, window, where, sorts):
    documents, sorted_in_memory = examined(window, where)
    assert documents <= 40
    assert sorts or not sorted_in_memory
