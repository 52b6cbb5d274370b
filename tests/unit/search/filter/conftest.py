"""Filters, compiled with nothing but the kinds of parameters, and what they find."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from server.fhir.date import microseconds
from server.fhir.outcome import BadRequest
from server.search import filter as filters
from server.search import terminology
from server.search.conditions import all_of, any_of
from server.search.joins import join, resolved
from server.search.kinds import KINDS
from server.search.parameter import Asked
from server.search.presence import missing
from server.search.values import split

LOINC = "http://loinc.org"
NOW = microseconds(datetime(2024, 6, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Pointing:
    """Resources whose reference `code` points at what a condition holds of, by type."""

    code: str
    targets: dict

    def condition(self, lookup):
        rows = [
            (type, row["_id"])
            for type, inner in self.targets.items()
            for row in lookup.rows(type, resolved(inner, lookup).condition, ("_id",), 1000)
        ]
        texts = [f"{type}/{id}" for type, id in rows]
        named = [f"{self.code}={text}" for text in texts]
        return any_of([{"t": {"$in": named}}, {"pt": {"$in": texts}}])


class Compiler:
    """Compiles single parameters and chains with nothing but the kinds of parameters."""

    def __init__(self, plans):
        self.plans = plans

    def kind(self, type, code):
        plan = self.plans[type]
        if code in plan.composites:
            return "composite"
        if code not in plan.parameters:
            raise BadRequest.because("search-parameter-unknown", type=type, parameter=code)
        return plan.parameters[code].type

    def condition(self, type, name, value):
        code, _, modifier = name.partition(":")
        if code in self.plans[type].composites:
            return self.composite(self.plans[type].composites[code], value)
        parameter = self.plans[type].parameters[code]
        if modifier == "missing":
            return missing(parameter, value)
        if code == "_id":
            return {"_id": value}
        kind = KINDS[parameter.type]
        if modifier == "not-in":
            return {"$nor": [self.compared(type, code, terminology.MODIFIERS["in"], value)]}
        known = {**kind.modifiers, **terminology.MODIFIERS}
        return self.compared(type, code, known[modifier] if modifier else kind.condition, value)

    def composite(self, composite, value):
        parts = zip(composite.members, split(value, "$"), strict=True)
        compared = [
            KINDS[one.type].condition(one, text, self.plans.environment, Asked(NOW, few=False))
            for one, text in parts
        ]
        return {"k": {"$elemMatch": all_of([{"p": composite.code}, *compared])}}

    def compared(self, type, code, compare, text):
        def found(parameter):
            for source in parameter.sources:
                yield from found(source)
            if not parameter.sources:
                yield compare(parameter, text, self.plans.environment, Asked(NOW, few=False))

        return any_of(found(self.plans[type].parameters[code]))

    def chained(self, type, code, inner):
        self.kind(type, code)
        targets = {}
        for target in self.plans[type].parameters[code].targets:
            try:
                targets[target] = inner(target)
            except BadRequest:
                continue
        return join(Pointing(code, targets))


class Rows:
    """What a database has, as a join asks for it."""

    def __init__(self, database):
        self.database = database

    def rows(self, type, condition, fields, limit):
        return list(self.database[type].find(condition, dict.fromkeys(fields, 1)).limit(limit))


@pytest.fixture
def compiler(index):
    return Compiler(index.plans)


@pytest.fixture
def filtered(store, database, compiler):
    """Returns a function from resources and a filter to the positions of those it finds."""

    def filtered(resources, text):
        filled = [{"id": str(n), **one} for n, one in enumerate(resources)]
        collection = store(*filled)
        return matching(collection, text)

    def matching(collection, text):
        condition = filters.compile(text, collection.name, compiler)
        condition = resolved(condition, Rows(database)).condition
        return sorted(int(one["_id"]) for one in collection.find(condition))

    filtered.matching = matching
    return filtered


def concept(system, code):
    return {"coding": [{"system": system, "code": code}]}
