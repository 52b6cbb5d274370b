"""The field ``whom`` of records of the trail: who acted, and on what, with an index of its own.

These terms are among ``t``, too, like those of all types. But each key of an index costs every
request, and of a record only these few select: so conditions on them go to this field.
"""

from collections.abc import Mapping
from typing import Any

from server.store.lanes import TYPE

FIELD = "whom"
_STARTS = ("agent=", "entity=")
_VERSION = "/_history/"


def terms(fields: Mapping[str, Any]) -> list[str]:
    """Return what the field is for a record with these index entries."""
    # Without a call for each of them, of which every request has a score.
    return [
        term for term in fields.get("t", ()) if term.startswith(_STARTS) and _VERSION not in term
    ]


def condition(type: str, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the condition `wanted` of resources of `type`, asked of the field where it can be."""
    return _asked(wanted) if type == TYPE else wanted


def _asked(wanted: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in wanted.items():
        if key in ("$and", "$or", "$nor"):
            found[key] = [_asked(each) for each in value]
        else:
            found[FIELD if key == "t" and _is_about_whom(value) else key] = value
    return found


def _is_about_whom(value: object) -> bool:
    match value:
        case str():
            return _is_whom(value)
        case {"$in": [*several], **rest} if not rest:
            return all(isinstance(one, str) and _is_whom(one) for one in several)
    return False


def _is_whom(term: str) -> bool:
    return bool(terms({"t": [term]}))
