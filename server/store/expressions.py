"""Simple conditions as expressions, which say of a fetched document whether it fulfils them.

Who asks for a document by its id alone is given it by the shortest way that MongoDB has, without a
plan; a condition beside the id costs a plan, which is more than to evaluate it. So what a caller
may see is asked in what is to be returned: of what they may not, no content leaves the database.

Spec: https://www.mongodb.com/docs/manual/reference/operator/aggregation/,
https://www.mongodb.com/docs/manual/reference/method/db.collection.find/ (projection)
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument

from server.access.visibility import Visibility
from server.store.documents import VERSION_FIELDS, Document
from server.store.matching import PLAIN, are_plain

_KEPT = 2048
_CONTENT = "raw"
_NONE = True


@lru_cache(_KEPT)
def seen_fields(visibility: Visibility, type: str, letter: str) -> Mapping[str, Any] | None:
    """Return what to ask of a document of `type` whose id is known; None for what has no such form.

    It is `VERSION_FIELDS`; the content comes only if `visibility` has the right `letter` to it, and
    something in its place if there is none: `seen` understands that.
    """
    may_see = expression(visibility.of(type, letter))
    if may_see is None:
        return None
    content = {"$cond": [may_see, {"$ifNull": [f"${_CONTENT}", _NONE]}, "$$REMOVE"]}
    return RawBSONDocument(bson.encode({**VERSION_FIELDS, _CONTENT: content}))


def seen(found: Iterable[Document]) -> list[Document]:
    """Return those documents that were `found` with `seen_fields` which the caller may see."""
    shown = [one for one in found if _CONTENT in one]
    for one in shown:
        if one[_CONTENT] is _NONE:
            del one[_CONTENT]
    return shown


def expression(condition: Mapping[str, Any]) -> Document | None:
    """Return what says of a document whether it fulfils `condition`; None if it is not simple.

    No list in the document has a null in it.
    """
    return _all_of("$and", [_part(key, value) for key, value in condition.items()])


def _all_of(operator: str, parts: Sequence[Document | None]) -> Document | None:
    return None if None in parts else {operator: list(parts)}


def _part(key: str, value: Any) -> Document | None:  # noqa: ANN401  # any condition
    if key in ("$and", "$or"):
        return _all_of(key, [expression(one) for one in value])
    if key.startswith("$") or "." in key:
        return None
    return _compared(f"${key}", value)


def _compared(field: str, wanted: Any) -> Document | None:  # noqa: ANN401  # any value
    """Return what says whether a `field`, or one of it if it is a list, is `wanted`."""
    if wanted is None:
        return {"$lte": [field, None]}
    if isinstance(wanted, PLAIN):
        return _has_any(field, [wanted])
    match wanted:
        case {"$in": list(values)} if len(wanted) == 1 and are_plain(values):
            return _has_any(field, values)
        case {"$nin": list(values)} if len(wanted) == 1 and are_plain(values):
            return {"$not": [_has_any(field, values)]}
        case {"$ne": value} if len(wanted) == 1 and (equal := _compared(field, value)):
            return {"$not": [equal]}
    return None


def _has_any(field: str, values: list[Any]) -> Document:
    several = {"$cond": [{"$isArray": [field]}, field, [field]]}
    return {"$ne": [{"$setIntersection": [several, {"$literal": values}]}, []]}
