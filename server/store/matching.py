"""Simple conditions answered without the database, as it would answer them.

Most of what decides about a write compares a few fields with plain values. Whatever else there is
in a condition, the database is asked.

Spec: https://www.mongodb.com/docs/manual/reference/operator/query-comparison/
"""

from collections.abc import Mapping, Sequence
from typing import Any

from server.store.documents import Document

PLAIN = (str, bool, int)
"""The values that are compared here as the database compares them."""
_TOKENS = "t"


def holds(condition: Mapping[str, Any], document: Mapping[str, Any]) -> bool | None:
    """Tell whether `document` fulfils `condition`, None if only the database can tell."""
    found = [_part(key, value, document) for key, value in condition.items()]
    if False in found:
        return False
    return None if None in found else True


def sorted_out(
    conditions: Sequence[Mapping[str, Any]], documents: Sequence[Document]
) -> list[list[Document]] | None:
    """Return for each of `conditions` those of `documents` that fulfil it.

    That is None if only the database can tell.
    """
    by_token: dict[object, list[Document]] = {}
    for document in documents:
        for token in document.get(_TOKENS, ()):
            by_token.setdefault(token, []).append(document)
    found: list[list[Document]] = []
    for condition in conditions:
        # Most ask for a token, which few have.
        token = _token(condition)
        candidates = documents if token is None else by_token.get(token, ())
        told = [(holds(condition, one), one) for one in candidates]
        if any(holding is None for holding, _ in told):
            return None
        found.append([one for holding, one in told if holding])
    return found


def _token(condition: Mapping[str, Any]) -> str | None:
    """Return a token that all have which fulfil `condition`, if it says so plainly."""
    for part in (condition, *condition.get("$and", ())):
        value = part.get(_TOKENS)
        if isinstance(value, str):
            return value
    return None


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
    if wanted is None or isinstance(wanted, PLAIN):
        return any(_same(one, wanted) for one in there)
    match wanted:
        case {"$in": list(values)} if len(wanted) == 1 and are_plain(values):
            return any(_same(one, value) for one in there for value in values)
        case {"$nin": list(values)} if len(wanted) == 1 and are_plain(values):
            return not any(_same(one, value) for one in there for value in values)
    return None


def are_plain(values: list[Any]) -> bool:
    """Tell whether all `values` are such."""
    return all(isinstance(value, PLAIN) for value in values)


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401  # any value
    # True is not 1 to MongoDB.
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
