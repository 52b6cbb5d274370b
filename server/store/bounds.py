"""What a caller may see and change, as a part of every question to the database.

Spec: https://www.mongodb.com/docs/manual/reference/operator/aggregation/documents/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.access.visibility import Visibility
from server.fhir.outcome import Forbidden
from server.store import whom
from server.store.collections import Collections
from server.store.documents import Document, Draft
from server.store.failures import refused
from server.store.matching import holds

_LARGE = ("g", "w")
"""Entries that nobody's rights depend on."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Conditions as they are asked for a caller with this `visibility`."""

    collections: Collections
    visibility: Visibility

    def of(self, named: Document, type: str, letter: str) -> Document:
        """Return the condition `named`, of what the caller has the right `letter` to."""
        seen = self.visibility.of(type, letter)
        return {"$and": [named, dict(seen)]} if seen else named

    def where(self, type: str, letters: str, *conditions: Mapping[str, Any]) -> Document:
        """Return all `conditions` on what is not deleted and the caller has all `letters` to."""
        seen = self.visibility.of(type, letters)
        parts = [dict(whom.condition(type, part)) for part in (*conditions, seen) if part]
        parts.append({"del": None})
        root = next((part for part in parts if set(part) == {"$or"}), None)
        if root is None:
            return {"$and": parts}
        # MongoDB plans each alternative by itself only if the $or is at the root.
        others = [part for part in parts if part is not root]
        return {"$or": [{"$and": [one, *others]} for one in root["$or"]]}

    def require_within(self, draft: Draft, letter: str) -> None:
        """Raise Forbidden unless `draft` is what the caller has the right `letter` to.

        MongoDB itself compares what is not plain, so that it means what it means in every query.
        """
        condition = self.visibility.of(draft.type, letter)
        if not condition:
            return
        entries = {name: draft.entries[name] for name in draft.entries if name not in _LARGE}
        document = {"_id": draft.id, **entries, **draft.marks}
        known = holds(condition, document)
        if known is not None:
            if not known:
                raise Forbidden.because("content-forbidden", type=draft.type)
            return
        stages: list[Document] = [
            {"$documents": [{"$literal": document}]},
            {"$match": dict(condition)},
        ]
        with refused(), self.collections.database.aggregate(stages) as found:
            if not list(found):
                raise Forbidden.because("content-forbidden", type=draft.type)
