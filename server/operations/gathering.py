"""What belongs into a document: the resources that a Composition refers to, and what those do.

Spec: https://hl7.org/fhir/R4/documents.html#content
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from server.context import Context
from server.fhir import json
from server.fhir.outcome import Issue, TooCostly, Unprocessable
from server.operations import following
from server.operations.following import FIELDS, Found, Pointer
from server.store.documents import PAGE_BYTES
from server.store.unions import Part

_MOST = 1000
# A document that this one replaces stays a document of its own.
_NOT_CONTENT = ("relatesTo",)


@dataclass(slots=True)
class _Gathered:
    """What was gathered so far; the `known` are not asked for again."""

    context: Context
    known: set[Pointer]
    found: list[Found] = field(default_factory=list)
    size: int = 0

    def take(self, wanted: Iterable[Pointer], *conditions: dict[str, Any]) -> list[Found]:
        """Return those `wanted` that are new and fulfil the `conditions`. Raises TooCostly."""
        new = set(wanted) - self.known
        self.known |= new
        start = len(self.found)
        parts = list(_readable(self.context, following.parts(new, *conditions)))
        for row in self.context.resources.union(parts, FIELDS, letters="r"):
            self.found.append(row)
            self.size += len(row[1]["raw"])
            if len(self.found) > _MOST or self.size > PAGE_BYTES:
                raise TooCostly.because("document-too-large", limit=_MOST)
        return sorted(self.found[start:], key=_place)


def _place(found: Found) -> tuple[str, str]:
    return found[0], found[1]["_id"]


def _readable(context: Context, parts: Iterable[Part]) -> Iterator[Part]:
    return (part for part in parts if context.access.has(part.type, "r"))


def gathered(
    context: Context, own: Pointer, composition: bytes, patients: Sequence[str]
) -> list[Found]:
    """Return all that the Composition `own` refers to, and what that refers to, and so on.

    What it does not refer to itself is about nobody, or about its `patients`.

    Raises Unprocessable if something that it refers to itself is not to be had here, TooCostly if
    that is more than one document holds.
    """
    content = _content(composition)
    wanted = dict.fromkeys(following.pointers(context, content))
    wanted.pop(own, None)
    walk = _Gathered(context, {own})
    frontier = walk.take(wanted)
    there = {Pointer(type, row["_id"]) for type, row in frontier}
    missing = [f"{one.type}/{one.id}" for one in wanted if one not in there]
    missing += following.elsewhere(context, content)
    if missing:
        raise Unprocessable(*map(_missing, missing))
    while frontier:
        bodies = (following.shown(context, found) for found in frontier)
        ahead = {pointer for body in bodies for pointer in following.pointers(context, body)}
        frontier = walk.take(ahead, following.about(patients))
    return sorted(walk.found, key=_place)


def _content(composition: bytes) -> bytes:
    parsed: Mapping[str, Any] = orjson.loads(composition)
    return json.dumps({name: one for name, one in parsed.items() if name not in _NOT_CONTENT})


def _missing(reference: str) -> Issue:
    return Issue("not-found", "document-reference-missing", {"reference": reference[:80]})
