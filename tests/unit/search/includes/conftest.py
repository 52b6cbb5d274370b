"""Resources that refer to one another, and what comes with those that match a search."""

import json
from dataclasses import dataclass

import pytest

from server.interactions import including
from server.search import includes

BASE = "http://localhost/fhir"
URL = "http://example.org/definition"


@pytest.fixture(scope="module")
def plans(index):
    return index.plans


@dataclass(frozen=True)
class Stored:
    """What is stored in `database`, and what was asked of it."""

    database: object
    asked: list

    def rows(self, type, condition, fields, limit):
        self.asked.append(type)
        return list(self.database[type].find(condition, dict.fromkeys(fields, 1)).limit(limit))

    def matches(self, type, ids, fields):
        found = self.database[type].find({"_id": {"$in": ids}}, dict.fromkeys(("raw", *fields), 1))
        return [(type, document) for document in found]


@pytest.fixture
def stored(database, index):
    """Returns a function that stores resources, and nothing else, and gives what looks them up."""

    def stored(*resources):
        for name in database.list_collection_names():
            database[name].delete_many({})
        by_type = {}
        for one in resources:
            raw = json.dumps(one).encode()
            document = {"_id": one["id"], "raw": raw, **index.entries(one)}
            by_type.setdefault(one["resourceType"], []).append(document)
        for type, documents in by_type.items():
            database[type].insert_many(documents)
        return Stored(database, [])

    return stored


@pytest.fixture
def found(stored, plans):
    """Returns a function from resources and a search to the Type/id of what comes with it.

    The search is the matches, as Type/id, and the includes, as in a URL.
    """

    def found(resources, matches, *parameters, lenient=False):
        lookup = stored(*resources)
        pairs = [tuple(one.split("=", 1)) for one in parameters]
        type = matches[0].partition("/")[0]
        asked = includes.parse(plans, [type], pairs, lenient=lenient)
        ids = [one.partition("/")[2] for one in matches]
        page = including.page(lookup, asked, lookup.matches(type, ids, asked.fields))
        assert page.matches == len(matches)
        return [f"{type}/{document['_id']}" for type, document in page.included]

    return found


def resource(path, **elements):
    type, _, id = path.partition("/")
    return {"resourceType": type, "id": id, **elements}


def to(*references):
    several = [{"reference": each} for each in references]
    return several[0] if len(several) == 1 else several
