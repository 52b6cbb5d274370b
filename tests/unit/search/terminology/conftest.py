"""Resources of any types with value sets and hierarchies, and what is found of them by those."""

import json

import pytest

from server.fhir.outcome import BadRequest, TooCostly
from server.search import hierarchy, terminology
from server.search.conditions import any_of
from server.search.joins import resolved
from server.search.parameter import Asked
from server.terminology.library import TYPES, Fixed
from server.terminology.service import NothingLoaded

S, OTHER = "http://example.org/s", "http://example.org/other"
NOBODY = Asked(0, few=False)


class Rows:
    """What a database has, as a join asks for it; counts how often."""

    def __init__(self, database):
        self.database = database
        self.asked = 0

    def rows(self, type, condition, fields, limit):
        self.asked += 1
        return list(self.database[type].find(condition, dict.fromkeys(fields, 1)).limit(limit))


@pytest.fixture
def rows(database):
    return Rows(database)


@pytest.fixture
def stored(database, index):
    """Returns a function that stores resources of any types, and nothing else."""

    def stored(*resources):
        for name in database.list_collection_names():
            database[name].delete_many({})
        wholes = [{"id": f"r{n}", **one} for n, one in enumerate(resources)]
        bodies = [json.dumps(one).encode() for one in wholes if one["resourceType"] in TYPES]
        index.plans.environment.terminology.open(Fixed.of(bodies), NothingLoaded())
        for whole in wholes:
            database[whole["resourceType"]].insert_one(
                {"_id": whole["id"], "raw": json.dumps(whole).encode(), **index.entries(whole)}
            )

    return stored


@pytest.fixture
def asked(index, rows):
    """Returns a function from a type, a parameter, a modifier and a value to a condition."""

    def asked(type, name, value):
        code, _, modifier = name.partition(":")
        parameter = index.plans[type].parameters[code]
        known = hierarchy if parameter.type == "reference" else terminology
        compare = known.MODIFIERS[modifier.removeprefix("not-")]
        leaves = parameter.sources or (parameter,)
        condition = any_of(compare(leaf, value, index.plans.environment, NOBODY) for leaf in leaves)
        if modifier.startswith("not-"):
            condition = {"$nor": [condition]}
        return resolved(condition, rows).condition

    return asked


@pytest.fixture
def found(database, asked):
    """Returns a function from a type, a parameter, a modifier and a value to the ids found."""

    def found(type, name, value):
        return sorted(one["_id"] for one in database[type].find(asked(type, name, value)))

    return found


def refused(call, *arguments):
    with pytest.raises((BadRequest, TooCostly)) as refusal:
        call(*arguments)
    (issue,) = refusal.value.issues
    assert "{" not in issue.text("zh") + issue.text("en")
    return issue.message


def observation(id, *codings):
    listed = [dict(zip(("system", "code"), one, strict=True)) for one in codings]
    return {"resourceType": "Observation", "id": id, "code": {"coding": listed}}


def value_set(url="http://example.org/vs", **elements):
    return {"resourceType": "ValueSet", "url": url, "status": "active", **elements}


def composed(*include, exclude=(), **elements):
    compose = {"include": list(include), **({"exclude": list(exclude)} if exclude else {})}
    return value_set(compose=compose, **elements)


def listing(system, *codes):
    return {"system": system, "concept": [{"code": code} for code in codes]}


ANIMALS = {
    "resourceType": "CodeSystem",
    "url": S,
    "status": "active",
    "content": "complete",
    "concept": [
        {"code": "animal", "concept": [{"code": "dog", "concept": [{"code": "pug"}]}]},
        {"code": "plant"},
    ],
}
OBSERVATIONS = [
    observation("animal", (S, "animal")),
    observation("dog", (S, "dog")),
    observation("pug", (OTHER, "z"), (S, "pug")),
    observation("plant", (S, "plant")),
    observation("other", (OTHER, "dog")),
    {"resourceType": "Observation", "id": "bare", "code": {"coding": [{"code": "dog"}]}},
    {"resourceType": "Observation", "id": "system", "code": {"coding": [{"system": S}]}},
    {"resourceType": "Observation", "id": "none", "code": {"text": "dog"}},
]
