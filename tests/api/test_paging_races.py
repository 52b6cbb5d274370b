"""Pages while others write: what there was at the first one, nothing twice and nothing missed.

``EXAMPLES=50`` tries more than the usual run.

Spec: https://hl7.org/fhir/R4/http.html#paging
"""

import os
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient

from server.access.policy import OPEN
from server.context import Context
from server.door import perform
from server.interactions import rows
from server.interactions.call import Call
from server.search import chains
from server.search.paging import Cursors
from server.services import Interpreters, Services
from server.settings import Settings
from server.store.database import Store
from server.store.pages import FEW
from tests.api.test_search_sort import put
from tests.builders import fresh, observation, patient

FAMILIES = ("An", "Bai", "Cao")
DAYS = ("2024-01-01", "2024-01-02", "2024-01-03")
GENDERS = ("female", "male")
ORDERS = ("family", "-family", "gender,-family", "family,-birthdate")
"""Orders that an index is built for when there are many."""
QUESTIONS = (
    *(f"Patient?_tag={{mark}}&_sort={order}" for order in ORDERS),
    "Patient?_tag={mark}&_sort=birthdate",
    "Patient?_tag={mark}&_sort=-birthdate",
    "Patient?_tag={mark}&_sort=family,birthdate,gender",
    "Patient?_tag={mark}&_sort=_lastUpdated",
    "Patient?_tag={mark}&_sort=-_lastUpdated",
    "Observation?patient=Patient/{mark}",
    "Observation?patient.identifier={mark}",
    "Observation?subject:Patient.identifier={mark}&_sort=date",
    "Observation?_tag={mark}&_sort=-status,date",
    "Patient/{mark}/Observation",
    "Patient/{mark}/Observation?_sort=date",
    "Patient/{mark}/*?_sort=-_lastUpdated",
    "?_type=Patient,Observation&_tag={mark}&_sort=_lastUpdated",
    "?_type=Patient,Observation&_tag={mark}&_sort=-_lastUpdated",
)
LOOSE_QUESTIONS = (
    "Patient?_tag={mark}",
    "Patient?_tag={mark}&_sort=-_id",
    "Patient/{mark}/*",
    "?_type=Patient,Observation&_tag={mark}",
    "?_type=Patient,Observation&_tag={mark}&_sort=_id",
)
"""By id, which never changes, or type after type, each of which is of a moment of its own."""
EXAMPLES = int(os.environ.get("EXAMPLES", "3"))
PROPERTY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module", params=["few", "many"])
def context(request, mongodb_url, database):
    """A context in which orders are given in memory, or by indexes, which many asked for."""
    name = f"{database.name}_{request.param}"
    interpreters = Interpreters.of(Settings())
    with MongoClient(mongodb_url, tz_aware=True) as client:
        store = Store.open(client, name, interpreters.indexes.indexes, interpreters.zone)
        context = Context.of(Services(interpreters, store, Cursors(store.secret), b""), OPEN, "zh")
        if request.param == "many":
            put(context, [patient(id=f"many-{number}") for number in range(FEW + 1)])
            for order in ORDERS:
                answer(context, f"Patient?_sort={order}&_count=1")
        yield context
        client.drop_database(name)


def answer(context, path):
    """Return the Bundle that is found at `path`, below the base."""
    parts = urlsplit(path)
    query = tuple(parse_qsl(parts.query))
    match parts.path.split("/"):
        case [""]:
            call = Call(interaction="search-system", query=query)
        case [type]:
            call = Call(interaction="search-type", type=type, query=query)
        case [owner, id, within]:
            type = None if within == "*" else within
            call = Call(
                interaction="search-compartment", owner=owner, id=id, type=type, query=query
            )
    return orjson.loads(perform(context, call).body)


def pages(context, path):
    """Yield the resources of each page, the next one when it is asked for."""
    base = context.interpreters.settings.base_url
    while True:
        bundle = answer(context, path)
        yield [entry["resource"] for entry in bundle.get("entry", [])]
        following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        if not following:
            return
        path = following[0].removeprefix(base).removeprefix("/")


class World:
    """Seven Patients, seven Observations of another one, and writes to them."""

    def __init__(self, context):
        self.context, self.mark = context, fresh()
        self.there = set()
        owner = patient(id=self.mark, identifier=[{"value": self.mark}])
        put(context, [owner])
        for number in range(7):
            self.move(number, number)
            self.there |= {self.key(type, number) for type in ("Patient", "Observation")}

    def key(self, type, number):
        return type, f"{self.mark}-{number}"

    def resource(self, type, number, to):
        """Return a resource as write `to` leaves it: 0 without a family, or a date."""
        known = {"id": self.key(type, number)[1], "meta": {"tag": [{"code": self.mark}]}}
        day = DAYS[to // 3 % 3]
        if type == "Patient":
            name = [{"family": FAMILIES[to % 3]}] if to else [{"text": "x"}]
            return patient(**known, name=name, birthDate=day, gender=GENDERS[to % 2])
        made = observation(**known, subject={"reference": f"Patient/{self.mark}"})
        made["status"] = ("final", "amended")[to % 2]
        made["effectiveDateTime"] = day
        return made if to else {name: made[name] for name in made if name != "effectiveDateTime"}

    def move(self, number, to):
        """Give the resources other values."""
        for type in ("Patient", "Observation"):
            one = self.resource(type, number, to)
            body = orjson.dumps(one)
            perform(self.context, Call(interaction="update", type=type, id=one["id"], body=body))

    def delete(self, number, _to=0):
        for type in ("Patient", "Observation"):
            key = self.key(type, number)
            perform(self.context, Call(interaction="delete", type=type, id=key[1]))
            self.there.discard(key)

    def recreate(self, number, to):
        self.delete(number)
        self.move(number, to)

    def create(self, number, to):
        self.move(number + 10, to)

    def read(self, question, count, between):
        """Return the resources of all pages; after each page the writes of `between` are done."""
        path = question.format(mark=self.mark)
        found = []
        for page in pages(self.context, f"{path}{'&' if '?' in path else '?'}_count={count}"):
            found += page
            for write, number, to in next(between, ()):
                write(self, number, to)
        return found

    def at_once(self, question):
        """Return the resources on one page."""
        return self.read(question, 100, iter(()))


WRITE = st.tuples(
    st.sampled_from([World.move, World.move, World.delete, World.recreate, World.create]),
    st.integers(0, 6),
    st.integers(0, 8),
)
BETWEEN = st.lists(st.lists(WRITE, max_size=4), max_size=8)


def key_of(resource):
    return resource["resourceType"], resource["id"]


def check_that_pages_are_one(context, question, count, between):
    world = World(context)
    expected = world.at_once(question)
    assert len(expected) >= 7
    assert world.read(question, count, iter(between)) == expected


def check_that_what_stays_comes_once(context, question, count, between):
    world = World(context)
    expected = {key_of(one) for one in world.at_once(question)}
    assert len(expected) >= 7
    found = [key_of(one) for one in world.read(question, count, iter(between))]
    assert len(found) == len(set(found))
    assert expected & world.there <= set(found)


@pytest.mark.parametrize("question", QUESTIONS)
@given(count=st.integers(1, 6), between=BETWEEN)
@PROPERTY
def test_pages_are_what_one_page_would_have_been(context, question, count, between):
    check_that_pages_are_one(context, question, count, between)


@pytest.mark.parametrize("question", LOOSE_QUESTIONS)
@given(count=st.integers(1, 6), between=BETWEEN)
@PROPERTY
def test_what_stays_comes_once(context, question, count, between):
    check_that_what_stays_comes_once(context, question, count, between)


@pytest.fixture
def wide(monkeypatch):
    """Chains that are asked page by page, a few rows at a time."""
    monkeypatch.setattr(chains, "_FEW", 0)
    monkeypatch.setattr(rows, "_SMALLEST_BATCH", 3)


@pytest.mark.parametrize("order", ["date", "-date", "status,-date", "_lastUpdated"])
@given(count=st.integers(1, 6), between=BETWEEN)
@PROPERTY
def test_so_it_is_through_a_wide_chain(context, wide, order, count, between):
    question = f"Observation?patient.identifier={{mark}}&_sort={order}"
    check_that_pages_are_one(context, question, count, between)


@given(count=st.integers(1, 6), between=BETWEEN)
@PROPERTY
def test_so_it_is_through_a_wide_chain_without_an_order(context, wide, count, between):
    check_that_what_stays_comes_once(
        context, "Observation?patient.identifier={mark}", count, between
    )


@pytest.mark.parametrize("few", [(500, 0), (0, 500)])
def test_pages_go_on_in_their_order_when_a_chain_becomes_wide_or_narrow(context, monkeypatch, few):
    """The default order is by date where the patients of a chain can be named, else by id."""
    before, after = few
    world = World(context)
    monkeypatch.setattr(chains, "_FEW", before)
    question = f"Observation?patient.identifier={world.mark}"
    expected = world.at_once(question)
    reading = pages(context, f"{question}&_count=3")
    found = next(reading)
    monkeypatch.setattr(chains, "_FEW", after)
    assert found + [one for page in reading for one in page] == expected


def test_an_index_built_between_two_pages_changes_nothing(context):
    """It comes when a thousand more have been stored, and somebody sorts them."""
    world = World(context)
    question = "Patient?_tag={mark}&_sort=-gender"
    expected = world.at_once(question)

    def many_come():
        put(context, [patient(id=f"come-{number}") for number in range(FEW + 1)])
        world.move(0, 8)
        answer(context, "Patient?_sort=-gender&_count=1")

    found = []
    for page in pages(context, question.format(mark=world.mark) + "&_count=2"):
        if not found:
            many_come()
        found += page
    assert found == expected
