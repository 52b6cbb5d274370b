"""Simple conditions answered without the database, as it would answer them.

Most of what decides about a write compares a few fields with plain values. Whatever else there is
in a condition, the database is asked.

Spec: https://www.mongodb.com/docs/manual/reference/operator/query-comparison/
"""

from collections.abc import Mapping
from typing import Any

_PLAIN = (str, bool, int)


def holds(condition: Mapping[str, Any], document: Mapping[str, Any]) -> bool | None:
    """Tell whether `document` fulfils `condition`, None if only the database can tell."""
    found = [_part(key, value, document) for key, value in condition.items()]
    if False in found:
        return False
    return None if None in found else True


def _part(key: str, value: Any, document: Mapping[str, Any]) -> bool | None:  # noqa: ANN401  # any condition
    match key:
        case "$and":
            inner = [holds(one, document) for one in value]
            return False if False in inner else None if None in inner else True
        case "$or":
            inner = [holds(one, document) for one in value]
            return True if True in inner else None if None in inner else False
    if key.startswith("$") or "." in key:
        return None
    return _compared(document.get(key), value)


def _compared(stored: Any, wanted: Any) -> bool | None:  # noqa: ANN401  # any value
    """Tell whether a field with the value `stored` is `wanted`; a list is if one of it is."""
    there = stored if isinstance(stored, list) else [stored]
    if wanted is None or isinstance(wanted, _PLAIN):
        return any(_same(one, wanted) for one in there)
    match wanted:
        case {"$in": list(values)} if len(wanted) == 1 and _are_plain(values):
            return any(_same(one, value) for one in there for value in values)
        case {"$nin": list(values)} if len(wanted) == 1 and _are_plain(values):
            return not any(_same(one, value) for one in there for value in values)
    return None


def _are_plain(values: list[Any]) -> bool:
    return all(isinstance(value, _PLAIN) for value in values)


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401  # any value
    # True is not 1 to MongoDB.
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
