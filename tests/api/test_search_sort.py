"""_sort over many resources: every page in the order, from an index where one can give it.

Spec: https://hl7.org/fhir/R4/search.html#sort
"""

import itertools
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from pymongo import MongoClient

from server.access.policy import OPEN
from server.context import Context
from server.door import perform
from server.interactions.call import Call
from server.interactions.writing import draft, parsed
from server.search.paging import Cursors
from server.services import Interpreters, Services
from server.settings import Settings
from server.store.database import Store
from tests.api.test_search_index_explain import Heard, explained, most_sorted, scans

MANY = 1600
FAMILIES = ("An", "Bai", "Cao", "Deng", "王", "李", "赵")
GENDERS = ("female", "male", "other", None)


@pytest.fixture(scope="module")
def heard():
    return Heard()


@pytest.fixture(scope="module")
def services(mongodb_url, database, heard):
    interpreters = Interpreters.of(Settings())
    with MongoClient(mongodb_url, tz_aware=True, event_listeners=[heard]) as client:
        store = Store.open(client, database.name, interpreters.indexes.indexes, interpreters.zone)
        yield Services(interpreters, store, Cursors(store.secret), b"")


@pytest.fixture(scope="module")
def context(services):
    return Context.of(services, OPEN, "zh")


def person(chance, number):
    families = chance.sample(FAMILIES, chance.randint(0, 3))
    gender, day = chance.choice(GENDERS), chance.choice((None, *range(1, 29)))
    return {
        "resourceType": "Patient",
        "id": f"p{number:05}",
        "active": True,
        "name": [{"family": family} for family in families],
        **({"gender": gender} if gender else {}),
        **({"birthDate": f"1980-02-{day:02}"} if day else {}),
    }


def without_empty(resource):
    return {name: value for name, value in resource.items() if value != []}


@pytest.fixture(scope="module")
def people(context):
    chance = random.Random(7)
    made = [without_empty(person(chance, number)) for number in range(MANY)]
    put(context, made)
    return made


def put(context, resources):
    drafts = []
    for one in resources:
        call = Call(interaction="update", type=one["resourceType"], body=orjson.dumps(one))
        drafts.append(draft(context, call.type, one["id"], *parsed(context, call)))
    assert context.resources.create_many(drafts) == len(drafts)


def answer(context, path):
    type, _, query = path.partition("?")
    call = Call(interaction="search-type", type=type, query=tuple(parse_qsl(query)))
    return orjson.loads(perform(context, call).body)


def pages(context, path):
    """Yield the resources of each page."""
    while True:
        bundle = answer(context, path)
        yield [entry["resource"] for entry in bundle.get("entry", [])]
        following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        if not following:
            return
        parts = urlsplit(following[0])
        path = f"{parts.path.rpartition('/')[2]}?{parts.query}"


def ids(context, path):
    return [one["id"] for page in pages(context, path) for one in page]


def value(code, one, *, descending):
    """Return what `one` is sorted by, worked out from the resource itself."""
    values = {
        "family": [name["family"].lower() for name in one.get("name", [])],
        "gender": [one["gender"]] if "gender" in one else [],
        "birthdate": [one["birthDate"]] if "birthDate" in one else [],
        "active": ["true"],
        "_id": [one["id"]],
        "link": [],
    }[code]
    if not values:
        return None
    return max(values) if descending else min(values)


def in_order(resources, sort, *, last_descends):
    """Return the ids of `resources` as `sort` has them, by sorting once for each key."""
    found = sorted((one["id"] for one in resources), reverse=last_descends)
    by_id = {one["id"]: one for one in resources}
    for text in reversed(sort.split(",")):
        code, descending = text.removeprefix("-"), text.startswith("-")
        keys = {id: value(code, by_id[id], descending=descending) for id in found}
        there = [id for id in found if keys[id] is not None]
        missing = [id for id in found if keys[id] is None]
        there.sort(key=keys.__getitem__, reverse=descending)
        found = there + missing
    return found


SORTS = {
    "family": False,
    "-family": True,
    "gender": False,
    "-gender": True,
    "link": False,
    "-link": True,
    "birthdate": True,
    "-birthdate": False,
    "active": False,
    "gender,-birthdate": False,
    "-gender,-family": True,
    "family,-gender,_id": False,
    "gender,-_id": True,
    "-birthdate,-family": True,
    "family,gender": False,
    "-family,birthdate": True,
    "gender,family,-birthdate": False,
}


@pytest.mark.parametrize("condition", ["active=true", "gender=other", "birthdate=1980-02-03"])
@pytest.mark.parametrize("sort", SORTS)
def test_pages_follow_the_order_and_hold_everything_once(context, people, sort, condition):
    """Of many, by an index or the first of all; of few, in memory: the order is the same."""
    name, _, wanted = condition.partition("=")
    matching = [one for one in people if value(name, one, descending=False) == wanted]
    expected = in_order(matching, sort, last_descends=SORTS[sort])
    assert ids(context, f"Patient?{condition}&_sort={sort}&_count=217") == expected


def ready(interpreters, resources, sort):
    queries = interpreters.queries
    return queries.ready(queries.compile("Patient", [("_sort", sort)]), resources)


BY_INDEX = [
    sort
    for sort in SORTS
    if sort not in ("family,gender", "-family,birthdate", "gender,family,-birthdate")
]


@pytest.mark.parametrize("sort", BY_INDEX)
def test_many_are_read_in_order_from_an_index_and_none_is_sorted_in_memory(
    context, heard, database, people, sort
):
    assert ready(context.interpreters, context.resources, sort).order.by_index
    heard.commands.clear()
    read = list(itertools.islice(pages(context, f"Patient?_sort={sort}"), 3))
    assert len(read) == 3
    searches = [one for one in heard.commands if not _is_count(one) and _is_of_patients(one)]
    assert len(searches) >= 3
    for command in searches:
        explanation = explained(database, command)
        assert not scans(explanation), command
        assert most_sorted(explanation) == 0, command


def _is_of_patients(command):
    return "Patient" in (command.get("find"), command.get("aggregate"))


def _is_count(command):
    return any("$group" in stage for stage in command.get("pipeline", ()))


def test_a_later_page_by_an_index_on_demand_costs_no_more_than_the_first(
    context, heard, database, people
):
    for sort in ("family", "-family", "gender", "gender,-birthdate"):
        for number, _ in enumerate(pages(context, f"Patient?_sort={sort}&_count=100")):
            if number > 2:
                command = [one for one in heard.commands if one.get("find") == "Patient"][-1]
                stats = explained(database, command)["executionStats"]
                assert stats["totalDocsExamined"] <= 202, (sort, number)


class Writers:
    """Create, change and delete resources of one kind while somebody reads."""

    def __init__(self, context, mark, untouched, changed):
        self.context, self.mark = context, mark
        self.untouched, self.changed = untouched, changed
        self.done = threading.Event()

    def person(self, id, number):
        return {
            "resourceType": "Patient",
            "id": id,
            "identifier": [{"system": "urn:test:mark", "value": self.mark}],
            "name": [{"family": f"F{(sum(map(ord, id)) + number) % 7}"}],
            "telecom": [{"system": "phone", "value": str(number)}],
            "birthDate": f"1970-01-{1 + (sum(map(ord, id)) + number) % 28:02}",
        }

    def write(self, seed):
        chance = random.Random(seed)
        for number in range(100_000):
            if self.done.is_set():
                return
            match chance.randrange(4):
                case 0:
                    put(self.context, [self.person(f"{self.mark}-new-{seed}-{number}", number)])
                case _:
                    self.change(chance.choice(self.changed), number)

    def change(self, id, number):
        one = self.person(id, number)
        call = Call(interaction="update", type="Patient", body=orjson.dumps(one))
        old = self.context.resources.find("Patient", id)
        self.context.resources.replace(
            draft(self.context, "Patient", id, *parsed(self.context, call)), old
        )


@pytest.mark.parametrize(
    "sort",
    [
        "_lastUpdated",
        "-_lastUpdated",
        "family,_lastUpdated",
        "_id",
        "family",
        "-family,-birthdate",
        "birthdate",
        "family,birthdate",
    ],
)
def test_while_others_write_nothing_comes_twice_and_nothing_is_missed(context, sort):
    mark = f"w{random.getrandbits(40):x}"
    untouched = [f"{mark}-{number}" for number in range(60)]
    changed = [f"{mark}-x{number}" for number in range(40)]
    writers = Writers(context, mark, untouched, changed)
    everyone = [*untouched, *changed]
    random.Random(mark).shuffle(everyone)
    put(context, [writers.person(id, 0) for id in everyone])
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(writers.write, seed) for seed in range(4)]
        try:
            reads = [
                ids(context, f"Patient?identifier={mark}&_sort={sort}&_count=7") for _ in range(3)
            ]
        finally:
            writers.done.set()
        assert all(one.result() is None for one in running)
    for found in reads:
        assert len(found) == len(set(found))
        assert set(everyone) <= set(found)


@pytest.mark.parametrize(("sort", "moved"), [("_lastUpdated", 0), ("-_lastUpdated", 700)])
def test_an_order_by_time_is_of_one_moment(context, people, sort, moved):
    path = f"Patient?_sort={sort}&active=true&_count=500"
    everyone = ids(context, path)
    assert sorted(everyone) == [one["id"] for one in people]
    reading = pages(context, path)
    begun = [one["id"] for one in next(reading)]
    id = everyone[moved]
    changed = {**next(one for one in people if one["id"] == id), "gender": "unknown"}
    call = Call(interaction="update", type="Patient", body=orjson.dumps(changed))
    old = context.resources.find("Patient", id)
    context.resources.replace(draft(context, "Patient", id, *parsed(context, call)), old)
    assert begun + [one["id"] for page in reading for one in page] == everyone
    assert ids(context, path)[0 if sort.startswith("-") else -1] == id
