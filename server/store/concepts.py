"""A code system with many concepts, which answers from a collection of its own.

A concept is ``{_id: its code, n: its place, r: its JSON, p: parents, a: all above and itself,
h: has children, i: is inactive, d: display, v: ["property=value"], w: spellings,
y: [{f: valid from, t: to}]}``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.collection import Collection

from server.fhir.json import spelled
from server.fhir.outcome import TooCostly
from server.store.documents import Document
from server.store.failures import refused
from server.terminology import expressions as e
from server.terminology.concepts import Concept
from server.terminology.systems import About, concept

LONGEST_VALUE = 200
"""Of the value of a property, no more is compared."""
_MOST_MATCHED = 50_000
_LAST = "\U0010ffff"
_READ = {"r": 1, "p": 1, "a": 1, "h": 1}
Query = Mapping[str, Any]
_NOTHING: Query = {"_id": {"$in": []}}


@dataclass(frozen=True, slots=True)
class LoadedSystem:
    """One edition of a code system, in a collection; a `System`."""

    about: About
    size: int
    collection: Collection[Document]

    def concepts(self, codes: Iterable[str]) -> Mapping[str, Concept]:
        """Return those of `codes` that it has, by the code that was asked for; in one query."""
        with refused():
            found = self.collection.find({"_id": {"$in": list(codes)}}, _READ)
            return {one["_id"]: _concept(one) for one in found}

    def children(self, code: str) -> Sequence[str]:
        """Return the codes directly beneath `code`."""
        with refused():
            found = self.collection.find({"p": code}, {"_id": 1}).sort("n", 1)
            return [one["_id"] for one in found]

    def count(self, wanted: e.Expression) -> int:
        """Return how many of its concepts are meant."""
        query = self._query(wanted)
        with refused():
            return self.collection.count_documents(query) if query else self.size

    def chosen(self, wanted: e.Expression, offset: int, limit: int) -> Sequence[Concept]:
        """Return those that are meant, in order, without the first `offset`, at most `limit`."""
        if limit <= 0:
            return ()
        query = self._query(wanted)
        if not query:
            # Its place says which ones those are, without counting up to them.
            query, offset = {"n": {"$gte": offset}}, 0
        with refused():
            found = self.collection.find(query, _READ).sort("n", 1).skip(offset).limit(limit)
            return [_concept(one) for one in found]

    def _query(self, wanted: e.Expression) -> Query:
        return query_of(wanted, self._matching)

    def _matching(self, property: str, pattern: str) -> list[str]:
        """Return the codes of concepts whose `property` is matched; MongoDB's engine may not be.

        Raises TooCostly if they are more than 50,000.
        """
        matches = e.compiled(pattern).fullmatch
        field = {"code": "_id", "concept": "_id", "display": "d"}.get(property, "v")
        start = f"{property}=" if field == "v" else ""
        found: list[str] = []
        with refused():
            for one in self.collection.find({}, {field: 1}):
                held = one.get(field, ())
                values = [held] if isinstance(held, str) else held
                if any(v.startswith(start) and matches(v[len(start) :]) for v in values):
                    found.append(one["_id"])
                if len(found) > _MOST_MATCHED:
                    raise TooCostly.because("value-set-too-large", limit=_MOST_MATCHED)
        return found


Match = Callable[[str, str], list[str]]


def query_of(wanted: e.Expression, matching: Match) -> Query:
    """Return the query for what is meant; `matching` tells the codes that a pattern matches."""
    return _QUERIES[type(wanted)](wanted, matching)


def _any(wanted: e.AnyOf, matching: Match) -> Query:
    found = [query_of(part, matching) for part in wanted.parts]
    return {} if {} in found else {"$or": found} if found else _NOTHING


def _not(wanted: e.Not, matching: Match) -> Query:
    inner = query_of(wanted.part, matching)
    return {"$nor": [inner]} if inner else _NOTHING


def _invalid(day: str) -> Query:
    valid = {"y": {"$elemMatch": {"f": {"$lte": day}, "t": {"$gte": day}}}}
    return {"y": {"$exists": True}, "$nor": [valid]}


def _starting(word: str) -> Query:
    return {"w": {"$elemMatch": {"$gte": word, "$lt": word + _LAST}}}


def _every(queries: Iterable[Query]) -> Query:
    found = [one for one in queries if one]
    return found[0] if len(found) == 1 else {"$and": found} if found else {}


def _having(property: str, values: frozenset[str] | None) -> Query:
    field = {"parent": "p", "display": "d", "code": "_id", "concept": "_id"}.get(property)
    if field is not None:
        return {field: {"$exists": True} if values is None else {"$in": sorted(values)}}
    if values is None:
        return {"v": {"$elemMatch": {"$gte": f"{property}=", "$lt": f"{property}>"}}}
    return {"v": {"$in": sorted(f"{property}={value}"[:LONGEST_VALUE] for value in values)}}


_QUERIES: Mapping[type, Callable[[Any, Match], Query]] = {
    e.Listed: lambda one, _: {"_id": {"$in": list(one.codes)}},
    e.Beneath: lambda one, _: {"a": one.code},
    e.Having: lambda one, _: _having(one.property, one.values),
    e.Matching: lambda one, matching: {"_id": {"$in": matching(one.property, one.pattern)}},
    e.Parents: lambda _, __: {"h": True},
    e.Inactive: lambda _, __: {"i": True},
    e.Invalid: lambda one, _: _invalid(one.on.isoformat()),
    e.Called: lambda one, _: _every(map(_starting, one.words)),
    e.AllOf: lambda one, matching: _every(query_of(part, matching) for part in one.parts),
    e.AnyOf: _any,
    e.Not: _not,
}


def _concept(document: Document) -> Concept:
    return concept(
        spelled(document["r"]),
        tuple(document.get("p", ())),
        frozenset(document["a"]),
        has_children=document.get("h", False),
    )
