"""The search on a real MongoDB: resources go in with their entries, queries give ids."""

from zoneinfo import ZoneInfo

import pytest
from pymongo import IndexModel

from server import content
from server.profiles import definitions, models, own_parameters
from server.search.index import SearchIndex
from server.search.indexes import IndexTable
from server.search.query import QueryCompiler

BASE = "http://localhost/fhir"
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture(scope="session")
def facts():
    return definitions.load(content.PROFILES / "r4")


@pytest.fixture(scope="session")
def all_facts(facts):
    """Those of R4, and of the types that our models add."""
    known = own_parameters.load(content.PROFILES / "SearchParameter")
    return models.added(facts, models.load(content.PROFILES), known)


@pytest.fixture(scope="session")
def index(facts):
    return SearchIndex(facts, ZONE, BASE)


@pytest.fixture(scope="session")
def queries(facts, index):
    return QueryCompiler(facts, ZONE, BASE, plans=index.plans)


@pytest.fixture(scope="session")
def ready(queries):
    """Returns a function that compiles a query which needs to ask the database for nothing."""

    def ready(type, pairs, **settings):
        return queries.ready(queries.compile(type, pairs, **settings), None)

    return ready


@pytest.fixture(scope="session")
def index_table(facts, index):
    return IndexTable(facts, index.plans)


@pytest.fixture
def store(database, index, index_table):
    """Returns a function that stores resources of one type, and nothing else, with its indexes."""

    def store(*resources):
        type = resources[0]["resourceType"]
        if not database[type].delete_many({}).deleted_count:
            models = [
                IndexModel(list(one.keys), name=one.name, **one.options)
                for one in index_table.indexes(type)
            ]
            database[type].create_indexes(models)
        database[type].insert_many(
            {"_id": one["id"], "lu": position, **index.entries(one)}
            for position, one in enumerate(resources)
        )
        return database[type]

    return store


def in_both_ways(collection, query):
    """Return the ids that `query` finds, in its order, which is the same in memory and by index."""
    by_index = None
    if query.order.by_index:
        steps = query.order.steps()
        cursors = [
            collection.find({"$and": [query.condition, step.condition]}).sort(list(step.sort))
            for step in steps
        ]
        by_index = [document["_id"] for cursor in cursors for document in cursor]
    step = query.order.sorted()
    pipeline = [
        {"$match": query.condition},
        *([{"$addFields": step.computed}] if step.computed else []),
        {"$sort": dict(step.sort)},
    ]
    in_memory = [document["_id"] for document in collection.aggregate(pipeline)]
    assert by_index in (None, in_memory)
    return in_memory


@pytest.fixture
def found(store, ready):
    """Returns a function from resources, in which an id is filled in, to the ids a query finds."""

    def found(resources, **parameters):
        filled = [{"id": str(n), **one} for n, one in enumerate(resources)]
        collection = store(*filled)
        pairs = [(name.replace("__", "-"), text) for name, text in parameters.items()]
        query = ready(filled[0]["resourceType"], pairs)
        return in_both_ways(collection, query)

    return found
