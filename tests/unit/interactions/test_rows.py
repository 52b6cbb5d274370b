"""The rows of a page that come from several types, on a real MongoDB."""

from dataclasses import dataclass

import orjson
import pytest
from pymongo import MongoClient

from server.access.policy import OPEN
from server.context import Context
from server.door import perform
from server.interactions import rows
from server.interactions.call import Call
from server.interactions.rows import Search
from server.search.paging import Cursors
from server.services import Interpreters, Services
from server.settings import Settings
from server.store.database import Store
from tests.builders import encounter, observation, patient

TYPES = ("Encounter", "Observation", "Patient")
LONG_AGO = 0.0


@pytest.fixture(scope="module")
def context(mongodb_url, database):
    interpreters = Interpreters.of(Settings())
    with MongoClient(mongodb_url, tz_aware=True) as client:
        store = Store.open(client, database.name, interpreters.indexes.indexes, interpreters.zone)
        yield Context.of(Services(interpreters, store, Cursors(store.secret), bytes), OPEN, "zh")


@pytest.fixture(scope="module")
def stored(context):
    """The keys of resources of three types, in the order in which they were stored."""
    made = [build() for _ in range(7) for build in (patient, observation, encounter)]
    return [created(context, one) for one in made]


def created(context, resource):
    type = resource["resourceType"]
    body = orjson.dumps(resource)
    answer = perform(context, Call(interaction="create", type=type, body=body)).body
    return type, orjson.loads(answer)["id"]


def legs(context, query=(), types=TYPES, sieves=()):
    compiler = context.interpreters.queries
    ready = [compiler.ready(compiler.compile(type, query), context.resources) for type in types]
    return [type(leg)(leg.type, leg.condition, sieves, leg.order) for leg in ready]


def pages(search, limit):
    """Every page; each search may be another one, as it is in another request."""
    place = None
    while True:
        page = search().page(limit, place)
        yield [(row.type, row.document["_id"]) for row in page.found]
        if page.end is None:
            return
        place = orjson.loads(orjson.dumps(page.end))


@dataclass(frozen=True)
class Named:
    """A sieve that lets through what is named."""

    ids: frozenset
    fields = ()

    def kept(self, documents, _lookup):
        return [one for one in documents if one["_id"] in self.ids]


@pytest.mark.parametrize("limit", [1, 2, 5, 30])
def test_types_in_one_order_come_complete_even_if_a_sieve_lets_nothing_pass_in_time(
    context, stored, monkeypatch, limit
):
    monkeypatch.setattr(rows, "_SMALLEST_BATCH", 2)
    passing = Named(frozenset(id for type, id in stored if type == "Patient"))
    ready = legs(context, [("_sort", "_lastUpdated")], sieves=(passing,))
    search = lambda: Search(context, context.resources, ready, merged=True, _deadline=LONG_AGO)  # noqa: E731
    found = [key for page in pages(search, limit) for key in page]
    assert found == [key for key in stored if key[0] == "Patient"]


@pytest.mark.parametrize("limit", [1, 2, 5, 7, 30])
def test_types_one_after_the_other_come_complete_even_if_a_sieve_lets_nothing_pass_in_time(
    context, stored, monkeypatch, limit
):
    monkeypatch.setattr(rows, "_SMALLEST_BATCH", 2)
    passing = Named(frozenset(id for type, id in stored if type != "Observation"))
    ready = legs(context, sieves=(passing,))
    search = lambda: Search(context, context.resources, ready, _deadline=LONG_AGO)  # noqa: E731
    found = [key for page in pages(search, limit) for key in page]
    assert sorted(found) == sorted(key for key in stored if key[0] != "Observation")
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("merged", [True, False])
def test_a_page_of_several_types_ends_where_its_rows_are_large(
    context, stored, monkeypatch, merged
):
    monkeypatch.setattr(rows, "PAGE_BYTES", 1)
    ready = legs(context, [("_sort", "-_lastUpdated")] if merged else ())
    found = list(pages(lambda: Search(context, context.resources, ready, merged=merged), 30))
    assert sorted(key for page in found for key in page) == sorted(stored)
    assert not merged or all(len(page) == 1 for page in found)


@dataclass(frozen=True)
class Meddling:
    """A sieve that lets all pass; somebody writes while it is asked the first time."""

    writes: list
    fields = ()

    def kept(self, documents, _lookup):
        while self.writes:
            self.writes.pop()()
        return documents


def test_types_in_one_order_are_of_one_moment_though_somebody_writes_between_two_of_them(
    context, stored
):
    def write():
        body = orjson.dumps(patient(id=id, gender="male"))
        perform(context, Call(interaction="update", type=type, id=id, body=body))

    type, id = next(key for key in stored if key[0] == "Patient")
    sieves = (Meddling([write]),)
    ready = legs(context, [("_sort", "-_lastUpdated")], sieves=sieves)
    found = list(pages(lambda: Search(context, context.resources, ready, merged=True), 3))
    assert not sieves[0].writes
    assert [key for page in found for key in page] == stored[::-1]
    stored.append(stored.pop(stored.index((type, id))))


@pytest.mark.parametrize("merged", [True, False])
@pytest.mark.parametrize("new", ["Basic", "Specimen"])
def test_pages_go_on_when_another_type_is_stored_meanwhile(context, stored, merged, new):
    sort = [("_sort", "_id")] if merged else ()
    few, more = legs(context, sort), legs(context, sort, sorted((*TYPES, new)))
    searches = iter([few, *[more] * 30])
    found = [
        key
        for page in pages(
            lambda: Search(context, context.resources, next(searches), merged=merged), 4
        )
        for key in page
    ]
    assert sorted(found) == sorted(stored)


def test_a_cursor_of_all_types_is_good_when_another_type_is_stored_meanwhile(context, stored):
    def answer(*query):
        call = Call(interaction="search-system", query=(("_count", "4"), *query))
        return orjson.loads(perform(context, call).body)

    first = answer()
    following = next(link["url"] for link in first["link"] if link["relation"] == "next")
    created(context, {"resourceType": "Basic", "code": {"text": "x"}})
    second = answer(("_cursor", following.partition("_cursor=")[2]))
    seen = [entry["resource"]["id"] for page in (first, second) for entry in page["entry"]]
    assert len(set(seen)) == 8
