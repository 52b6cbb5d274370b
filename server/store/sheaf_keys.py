"""What a sheaf is found by: numbers made of what its records will be searched by, and its period.

A number stands for a term of an index entry, such as ``agent=Practitioner/p1``, or for whose a
record is: ``=div=3502``, or ``=div=`` if it is of no division. Two terms may have the same number,
so a sheaf can be looked into for nothing; it is never passed over if it has what is asked for.

Spec: https://www.mongodb.com/docs/manual/core/index-multikey/
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from zlib import crc32

from server.store.documents import Document

SOUGHT = tuple(
    f"{name}="
    for name in (
        "action", "agent", "agent-role", "altid", "entity", "entity-role", "outcome", "policy",
        "site", "subtype", "type",
    )
)  # fmt: skip
"""The beginnings of those terms of a record that have numbers."""
MARKS = ("div", "own")
"""The fields that have numbers besides, also if they are missing; no parameter begins like that."""
_BEGINNINGS = (*SOUGHT, *(f"={name}=" for name in MARKS))
_HALF = 1 << 31
_VERSION = "/_history/"
_EARLIER, _LATER = frozenset(("$lt", "$lte")), frozenset(("$gt", "$gte"))
_LASTS_US = 1000


def numbers(terms: Iterable[str]) -> list[int]:
    """Return the numbers of those `terms` that have one, in order."""
    return sorted({_number(term) for term in terms if term.startswith(_BEGINNINGS)})


def possible(where: Mapping[str, Any]) -> Document | None:
    """Return a condition on sheaves that may have records which fulfil `where`.

    None if none can: a record that is known by its id is not in a sheaf.
    """
    parts: list[Document] = []
    for name, value in where.items():
        if name == "$and":
            parts += [possible(one) for one in value]  # type: ignore[misc]  # None is looked for
        elif name == "$or":
            some = [one for one in map(possible, value) if one is not None]
            parts.append(None if not some else {} if {} in some else {"$or": some})  # type: ignore[arg-type]
        elif name == "_id" and _texts(value) is not None:
            return None
        else:
            parts.append(_possible(name, value))
    if any(part is None for part in parts):
        return None
    told = [part for part in parts if part]
    return {"$and": told} if told else {}


def _possible(name: str, value: Any) -> Document:  # noqa: ANN401  # any condition
    if name in ("ds", "de"):
        return dict(_period(value)) if isinstance(value, Mapping) else {}
    terms = list(_terms(name, value))
    return {"keys": {"$in": numbers(terms)}} if terms else {}


def _terms(name: str, value: Any) -> Iterator[str]:  # noqa: ANN401  # any condition
    """Yield terms one of which a record has if its field `name` is as `value` says.

    There are none if that cannot be told.
    """
    if name in MARKS:
        yield from (f"={name}={one}" for one in ([""] if value is None else _texts(value) or ()))
    elif name == "comp":
        yield from (f"entity={one}" for one in _texts(value) or ())
    elif name in ("t", "whom"):
        texts = _texts(value) or ()
        if all(one.startswith(SOUGHT) for one in texts):
            yield from texts


def _period(bounds: Mapping[str, Any], *, is_not: bool = False) -> Iterator[tuple[str, Document]]:
    """Yield what the period of a sheaf has to fulfil if a moment in it is within `bounds`."""
    for operator, moment in bounds.items():
        if operator == "$not":
            yield from _period(moment, is_not=not is_not)
        elif operator in (_LATER if is_not else _EARLIER):
            yield "first", {"$lte": moment}
        elif operator in (_EARLIER if is_not else _LATER):
            # A search may ask for what has been since before there were any numbers.
            yield "last", {"$gte": max(moment - _LASTS_US, 0)}


def _texts(value: Any) -> list[str] | None:  # noqa: ANN401  # any condition
    """Return what a field has to have one of; None if that is not told so."""
    match value:
        case str():
            return [value]
        case {"$in": [*several], **rest} if not rest and all(isinstance(x, str) for x in several):
            return several
    return None


def _number(term: str) -> int:
    # Of all versions there is one number, for each would have one more otherwise.
    name = term.partition(_VERSION)[0]
    return crc32(name.encode("utf-8", "surrogatepass")) - _HALF
