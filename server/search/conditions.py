"""Conditions of MongoDB, put together from smaller ones.

User text stands in them as a value to compare with and nowhere else.

Spec: https://www.mongodb.com/docs/manual/reference/operator/query/
"""

from collections.abc import Iterable, Sequence
from typing import Any

Condition = dict[str, Any]
NOTHING: Condition = {"_id": {"$in": []}}
_LAST_CHARACTER = "\U0010ffff"
_MOST_COPIED = 100_000
_OVERHEAD = 8


def all_of(conditions: Sequence[Condition]) -> Condition:
    """Return the condition that holds where all `conditions` do."""
    merged: Condition = {}
    for condition in conditions:
        if merged.keys() & condition.keys():
            return {"$and": list(conditions)}
        merged |= condition
    return merged


def any_of(conditions: Iterable[Condition]) -> Condition:
    """Return the condition that holds where one of `conditions` does.

    Equalities of one field become a single ``$in``, which MongoDB answers from one index.
    """
    given = list(conditions)
    if len(given) == 1:
        return given[0]
    equal: dict[str, list[str]] = {}
    others: list[Condition] = []
    for condition in given:
        match list(condition.items()):
            case [(field, str(value))]:
                equal.setdefault(field, []).append(value)
            case [("$or", inner)]:
                # Nested, they take MongoDB longer to plan.
                others += inner
            case _ if condition != NOTHING:
                others.append(condition)
    for field, values in equal.items():
        different = list(dict.fromkeys(values))
        only = len(different) == 1
        others.append({field: different[0] if only else {"$in": different}})
    if not others:
        return NOTHING
    return others[0] if len(others) == 1 else {"$or": others}


def spread(condition: Condition) -> Condition:
    """Return `condition` with all of it in every alternative of its ``$or``, if it has one.

    MongoDB looks for an index for each alternative by itself, and would not see the rest. Where
    the rest is so large that its copies would make a query of more than 100 kB, it stays apart.
    """
    if "$or" not in condition:
        return condition
    rest = {key: value for key, value in condition.items() if key != "$or"}
    alternatives = condition["$or"]
    if not rest or len(alternatives) * weight(rest) > _MOST_COPIED:
        return condition
    return {"$or": [all_of([rest, one]) for one in alternatives]}


def fields(condition: Condition) -> set[str]:
    """Return the fields that `condition` is about and could be looked up by; negations are not."""
    found: set[str] = set()
    for key, value in condition.items():
        if key in ("$and", "$or"):
            found.update(*(fields(inner) for inner in value))
        elif key != "$nor":
            found.add(key)
    return found


def terms(condition: Any) -> int:  # noqa: ANN401  # any part of a condition
    """Return how many values `condition` compares with."""
    if isinstance(condition, dict):
        return sum(map(terms, condition.values()))
    return sum(map(terms, condition)) if isinstance(condition, list) else 1


def weight(condition: Any) -> int:  # noqa: ANN401  # any part of a condition
    """Return about how many bytes `condition` takes in a query."""
    if isinstance(condition, dict):
        return sum(_OVERHEAD + weight(value) for value in condition.values())
    if isinstance(condition, list):
        return sum(_OVERHEAD + weight(value) for value in condition)
    return len(condition.encode()) if isinstance(condition, str) else 8


def starts_with(field: str, prefix: str) -> Condition:
    """Return the condition that a string of the list `field` starts with `prefix`."""
    return {field: {"$elemMatch": {"$gte": prefix, "$lt": prefix + _LAST_CHARACTER}}}
