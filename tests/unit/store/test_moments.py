"""Pages of one moment: what they hold while others write, and when it cannot be read any more."""

from uuid import uuid4

import pytest
from pymongo import MongoClient

from server.access.visibility import EVERYTHING
from server.fhir.outcome import Gone
from server.store import moments
from server.store.database import Store, milliseconds_now
from server.store.documents import Draft
from tests.api.test_search_index_explain import Heard, explained
from tests.forgetting import forgetting
from tests.unit.store.conftest import By

BY_TIME = By("lu")
MINUTE = 60_000_000
LATER = 3 * MINUTE
"""So long after the first page that clocks of servers cannot explain it."""


@pytest.fixture
def type():
    return f"T{uuid4().hex[:8]}"


@pytest.fixture
def at(store):
    """Return a function of a number of microseconds: what a server stores by, so much from now."""
    return lambda shift: Store(store.engine, lambda: milliseconds_now() + shift).resources(
        EVERYTHING
    )


@pytest.fixture
def forget(mongodb):
    with forgetting(mongodb) as forget:
        yield forget


@pytest.fixture
def timed(at, type):
    for number in range(6):
        put(at(-LATER), type, f"{number:06}")
    return type


def put(resources, type, id):
    draft = Draft(type, id, b"{}", {})
    old = resources.find(type, id)
    return resources.replace(draft, old) if old else resources.create(draft)


def delete(resources, type, id):
    return resources.delete(resources.find(type, id))


def ids(documents):
    return [one["_id"] for one in documents]


def first_page(resources, type):
    page, more = resources.search(type, {}, BY_TIME, 2)
    assert (ids(page), more) == (["000000", "000001"], True)
    return BY_TIME.place(page[-1])


def test_later_pages_are_of_the_moment_of_the_first(resources, timed):
    place = first_page(resources, timed)
    for id in ("000000", "000003", "new"):
        put(resources, timed, id)
    delete(resources, timed, "000002")
    page, more = resources.search(timed, {}, BY_TIME, 10, place)
    assert (ids(page), more) == (["000002", "000003", "000004", "000005"], False)
    again, _ = resources.search(timed, {}, BY_TIME, 10)
    assert ids(again) == ["000001", "000004", "000005", "000000", "000003", "new"]


def test_of_what_never_was_stored_there_is_no_page_of_any_moment(resources, type):
    assert resources.search(type, {}, BY_TIME, 2) == ([], False)
    assert resources.search(type, {}, BY_TIME, 2, [[]]) == ([], False)


def test_what_is_of_the_first_moment_can_be_read_from_the_start(resources, timed):
    moment, *_ = first_page(resources, timed)
    put(resources, timed, "000000")
    page, _ = resources.search(timed, {}, BY_TIME, 2, [moment])
    assert ids(page) == ["000000", "000001"]


def test_what_is_forgotten_is_read_as_it_is_while_nothing_was_changed(resources, at, timed, forget):
    moment, *_ = place = first_page(resources, timed)
    put(at(LATER), timed, "new")
    forget(moment)
    page, more = resources.search(timed, {}, BY_TIME, 3, place)
    assert (ids(page), more) == (["000002", "000003", "000004"], True)
    page, more = resources.search(timed, {}, BY_TIME, 3, BY_TIME.place(page[-1]))
    assert (ids(page), more) == (["000005"], False)


def test_what_two_servers_store_at_one_time_is_missed_by_neither(resources, at, timed, forget):
    """The clock of one server is ahead of the other's, and of the database's."""
    put(at(MINUTE // 2), timed, "000006")
    moment, *_ = place = first_page(resources, timed)
    forget(moment)
    page, _ = resources.search(timed, {}, BY_TIME, 9, place)
    assert ids(page) == ["000002", "000003", "000004", "000005", "000006"]


def recreate(resources, type, id):
    delete(resources, type, id)
    put(resources, type, id)


CHANGED = [("000000", 0), ("000003", -MINUTE // 2), ("000005", LATER)]


@pytest.mark.parametrize("change", [put, delete, recreate])
@pytest.mark.parametrize(
    ("id", "shift"), [("000000", 0), ("000003", -MINUTE // 2), ("000005", LATER)]
)
def test_what_is_forgotten_is_gone_when_something_was_changed(at, timed, forget, change, id, shift):  # noqa: PLR0917
    """Wherever it stood, and by whichever clock; what may have been under way counts, too."""
    resources = at(0)
    moment, *_ = place = first_page(resources, timed)
    change(at(shift), timed, id)
    forget(moment)
    with pytest.raises(Gone) as refused:
        resources.search(timed, {}, BY_TIME, 10, place)
    (issue,) = refused.value.issues
    assert issue.message == "search-moment-lost"
    assert issue.arguments["moment"].endswith("+00:00")


def test_what_was_changed_long_before_the_first_page_does_not_count(resources, at, type, forget):
    for number in range(6):
        put(at(-2 * LATER), type, f"{number:06}")
    put(at(-LATER), type, "000001")
    delete(at(-LATER), type, "000002")
    page, _ = resources.search(type, {}, BY_TIME, 2)
    moment, *_ = place = BY_TIME.place(page[-1])
    forget(moment)
    page, _ = resources.search(type, {}, BY_TIME, 9, place)
    assert ids(page) == ["000004", "000005", "000001"]


def test_who_comes_back_had_not_been_there(resources, at, timed, forget):
    delete(at(-2 * MINUTE), timed, "000003")
    moment, *_ = place = first_page(resources, timed)
    put(at(LATER), timed, "000003")
    forget(moment)
    page, _ = resources.search(timed, {}, BY_TIME, 9, place)
    assert ids(page) == ["000002", "000004", "000005"]


def test_what_began_after_the_first_page_may_change(resources, at, timed, forget, monkeypatch):
    moment, *_ = place = first_page(resources, timed)
    for _ in range(4):
        put(at(LATER), timed, "new")
    forget(moment)
    page, _ = resources.search(timed, {}, BY_TIME, 9, place)
    assert ids(page) == ["000002", "000003", "000004", "000005"]
    monkeypatch.setattr(moments, "MOST_SUPERSEDED", 3)
    with pytest.raises(Gone):
        resources.search(timed, {}, BY_TIME, 9, place)


def test_a_collection_made_since_is_read_as_it_is(resources, timed, type):
    moment, *_ = first_page(resources, timed)
    other = f"{type}b"
    put(resources, other, "a")
    page, more = resources.search(other, {}, BY_TIME, 2, [moment])
    assert (ids(page), more) == (["a"], False)
    assert page[0]["at"] == moment
    put(resources, other, "a")
    with pytest.raises(Gone):
        resources.search(other, {}, BY_TIME, 2, [moment])


def test_an_index_made_since_takes_nothing_away(store, resources, timed):
    place = first_page(resources, timed)
    put(resources, timed, "000003")
    store.engine.collections.current(timed).create_index([("lu", 1), ("_id", 1)], name="made")
    page, _ = resources.search(timed, {}, BY_TIME, 9, place)
    assert ids(page) == ["000002", "000003", "000004", "000005"]


def test_whether_something_was_changed_is_found_by_the_index_on_the_end(
    mongodb_url, store, resources, timed, forget
):
    database = store.engine.collections.database
    moment, *_ = place = first_page(resources, timed)
    now = milliseconds_now()
    store.engine.collections.history(timed).insert_many(
        {"_id": f"x/{n}", "rid": "x", "lu": now + LATER + n, "until": now + 2 * LATER + n, "v": n}
        for n in range(20_000)
    )
    forget(moment)
    heard = Heard()
    with MongoClient(mongodb_url, event_listeners=[heard]) as client:
        other = Store.open(client, database.name, lambda _: [], None).resources(EVERYTHING)
        with pytest.raises(Gone):
            other.search(timed, {}, BY_TIME, 9, place)
    (asked,) = [one for one in heard.commands if one.get("aggregate") == f"{timed}_history"]
    read = explained(database, asked)
    stats = (read["stages"][0]["$cursor"] if "stages" in read else read)["executionStats"]
    assert stats["totalKeysExamined"] <= moments.MOST_SUPERSEDED + 1
    assert stats["totalDocsExamined"] == 0


def test_a_page_of_one_moment_that_is_too_large_for_a_batch_is_whole(resources, type):
    large = b'{"a":"%s"}' % (b"x" * 6_000_000)
    for number in range(4):
        resources.create(Draft(type, str(number), large, {}))
    page, more = resources.search(type, {}, BY_TIME, 4)
    assert (ids(page), more) == (["0", "1", "2", "3"], False)
    assert page[0]["at"][0] > 0
