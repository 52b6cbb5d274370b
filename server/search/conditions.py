"""Conditions of MongoDB, put together from smaller ones.

User text stands in them as a value to compare with and nowhere else.

Spec: https://www.mongodb.com/docs/manual/reference/operator/query/
"""

from collections.abc import Iterable, Sequence
from typing import Any

Condition = dict[str, Any]
NOTHING: Condition = {"_id": {"$in": []}}
_LAST_CHARACTER = "\U0010ffff"


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
    equal: dict[str, list[str]] = {}
    others: list[Condition] = []
    for condition in conditions:
        match list(condition.items()):
            case [(field, str(value))]:
                equal.setdefault(field, []).append(value)
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

    MongoDB looks for an index for each alternative by itself, and would not see the rest.
    """
    if "$or" not in condition:
        return condition
    rest = {key: value for key, value in condition.items() if key != "$or"}
    return {"$or": [all_of([rest, one]) for one in condition["$or"]]} if rest else condition


def starts_with(field: str, prefix: str) -> Condition:
    """Return the condition that a string of the list `field` starts with `prefix`."""
    return {field: {"$elemMatch": {"$gte": prefix, "$lt": prefix + _LAST_CHARACTER}}}
