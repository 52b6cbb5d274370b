"""Joins: the parts of a condition that only the database can answer.

In a condition a join stands as ``{"$join": <Join>}``. Before the query runs, `resolved` puts a
condition on fields of the document itself in its place. A join that stands alone, beside other
conditions, and is fulfilled by too many to name them becomes a sieve: it is asked about
the rows of each page as they come.

Spec: https://hl7.org/fhir/R4/search.html#chaining
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from server.search.conditions import Condition

JOIN = "$join"
Document = dict[str, Any]


class Lookup(Protocol):
    """What a join may ask of the database, as the caller sees it."""

    def rows(
        self, type: str, condition: Condition, fields: Sequence[str], limit: int
    ) -> list[Document]:
        """Return at most `limit` resources of `type`: `_id` and `fields` of each, in no order."""


class Join(Protocol):
    """A part of a condition that the database has to be asked for."""

    def condition(self, lookup: Lookup) -> Condition:
        """Return the condition that holds where this join does.

        Raises TooCostly if it would have to name too many resources.
        """


@runtime_checkable
class Sieve(Join, Protocol):
    """A join that can also be asked row by row."""

    @property
    def fields(self) -> Sequence[str]:
        """The fields of a row that `kept` needs."""

    def named(self, lookup: Lookup) -> Condition | None:
        """Return the condition if few fulfil it, else None."""

    def kept(self, rows: Sequence[Document], lookup: Lookup) -> list[Document]:
        """Return those of `rows` that fulfil this join, in their order."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A condition without joins, and the sieves that its rows have to pass."""

    condition: Condition
    sieves: tuple[Sieve, ...] = ()


def join(one: Join) -> Condition:
    """Return the condition that stands for the join `one`."""
    return {JOIN: one}


def resolved(condition: Condition, lookup: Lookup) -> Resolved:
    """Return `condition` with its joins answered."""
    if not has_join(condition):
        return Resolved(condition)
    parts: list[Condition] = []
    sieves: list[Sieve] = []
    for part in _conjuncts(condition):
        match part:
            case {"$join": Sieve() as sieve} if len(part) == 1:
                named = sieve.named(lookup)
                if named is None:
                    sieves.append(sieve)
                else:
                    parts.append(named)
            case _:
                parts.append(_answered(part, lookup))
    return Resolved(
        parts[0] if len(parts) == 1 else {"$and": parts} if parts else {}, tuple(sieves)
    )


def _conjuncts(condition: Condition) -> list[Condition]:
    found: list[Condition] = []
    for key, value in condition.items():
        if key == "$and":
            found += [inner for part in value for inner in _conjuncts(part)]
        else:
            found.append({key: value})
    return found


def _answered(condition: Any, lookup: Lookup) -> Any:  # noqa: ANN401  # any part of a condition
    if isinstance(condition, list):
        return [_answered(part, lookup) for part in condition]
    if not isinstance(condition, dict) or not has_join(condition):
        return condition
    parts = [
        value.condition(lookup) if key == JOIN else {key: _answered(value, lookup)}
        for key, value in condition.items()
    ]
    return parts[0] if len(parts) == 1 else {"$and": parts}


def has_join(condition: Any) -> bool:  # noqa: ANN401  # any part of a condition
    """Tell whether a part of `condition` is a join."""
    if isinstance(condition, dict):
        return JOIN in condition or any(map(has_join, condition.values()))
    return isinstance(condition, list) and any(map(has_join, condition))
