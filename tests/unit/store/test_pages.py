"""Pages: rows without order, numbers of rows, few and many."""

from uuid import uuid4

import pytest

from server.access.visibility import Visibility
from server.fhir.outcome import TooCostly
from server.store.pages import FEW, MOST_SORTED
from tests.unit.store.conftest import BY_ID, By, Spec


def _even(type, letters):
    return {"even": True}


EVEN = Visibility("even", _even, _even)
SORTING = Spec("sort_n", (("n", 1), ("_id", 1)))


@pytest.fixture
def numbered(store, mongodb):
    """Return a function that stores so many resources of a new type, and returns the type."""

    def numbered(count):
        type = f"T{uuid4().hex[:8]}"
        store.engine.collections.ensure(type)
        mongodb[store.engine.collections.database.name][type].insert_many(
            {"_id": f"{n:06}", "n": -n, "raw": b"{}", "lu": n, "even": n % 2 == 0}
            for n in range(count)
        )
        return type

    return numbered


def ids(documents):
    return [one["_id"] for one in documents]


def all_pages(resources, type, order, limit):
    found, place, more = [], None, True
    while more:
        page, more = resources.search(type, {}, order, limit, place)
        found += page
        place = order.place(page[-1]) if page else None
    return found


def test_rows_have_the_fields_that_were_asked_for_and_no_more(resources, numbered):
    found = resources.rows(numbered(5), {"n": {"$lte": -3}}, ("n",), 10)
    assert sorted(found, key=lambda one: one["_id"]) == [
        {"_id": "000003", "n": -3},
        {"_id": "000004", "n": -4},
    ]


def test_rows_are_at_most_as_many_as_asked_for_and_what_the_caller_may_see(store, numbered):
    type = numbered(9)
    found = store.resources(EVEN).rows(type, {}, (), 100)
    assert sorted(ids(found)) == ["000000", "000002", "000004", "000006", "000008"]
    assert len(store.resources(EVEN).rows(type, {}, (), 3)) == 3


def test_a_count_ends_where_it_is_told_to(store, resources, numbered):
    type = numbered(30)
    assert resources.count(type, {}) == 30
    assert resources.count(type, {}, 11) == 11
    assert resources.count(type, {}, 31) == 30
    assert store.resources(EVEN).count(type, {}, 31) == 15


def test_an_estimate_is_exact_where_there_are_few(store, resources, numbered):
    type = numbered(300)
    assert resources.estimate(type, {}) == 300
    assert resources.estimate(type, {"n": {"$lt": -290}}) == 9
    assert store.resources(EVEN).estimate(type, {}) == 150


def test_an_estimate_of_many_is_about_right_and_counts_what_the_caller_may_see(store, numbered):
    type = numbered(40_000)
    assert store.resources(EVEN).estimate(type, {}) == pytest.approx(20_000, rel=0.25)


@pytest.mark.parametrize("count", [FEW - 1, FEW, FEW + 1, FEW + 200])
def test_few_and_many_come_in_one_order(store, resources, numbered, count):
    type, order = numbered(count), By("n", needs=(SORTING,))
    found = all_pages(resources, type, order, 300)
    assert ids(found) == [f"{n:06}" for n in reversed(range(count))]
    built = set(store.engine.collections.current(type).index_information())
    assert ("sort_n" in built) == (count > FEW)


def test_too_many_to_sort_without_an_index_are_refused(store, resources, numbered):
    type, order = numbered(2 * MOST_SORTED + 1), By("n", by_index=False)
    with pytest.raises(TooCostly) as refused:
        resources.search(type, {}, order, 10)
    (issue,) = refused.value.issues
    assert issue.message == "search-sort-too-costly"
    assert issue.arguments == {"order": "n", "limit": MOST_SORTED}
    found, more = store.resources(EVEN).search(type, {"n": {"$lt": 0}}, order, 2)
    assert (ids(found), more) == (["100000", "099998"], True)


def test_a_document_has_the_fields_that_were_asked_for(resources, numbered):
    found, _ = resources.search(numbered(3), {}, BY_ID, 1, fields=("n", "even"))
    assert found == [{"_id": "000000", "raw": b"{}", "n": 0, "even": True}]
