"""``_list``: the resources that a List names.

Spec: https://hl7.org/fhir/R4/search.html#list
"""

from dataclasses import dataclass
from typing import Any

import orjson

from server.fhir.outcome import BadRequest
from server.fhir.reference import is_id, parse
from server.search.conditions import NOTHING, Condition
from server.search.joins import Lookup
from server.search.values import shown, unescaped


@dataclass(frozen=True, slots=True)
class InList:
    """Resources of `type` that the List with `id` has as items that are not marked deleted."""

    type: str
    id: str
    base_url: str

    @classmethod
    def named(cls, type: str, text: str, base_url: str) -> "InList":
        """Return the join for `text`, a List's id.

        Raises BadRequest if it is none; lists that a server works out (``$current-problems``)
        there are none of.
        """
        id = unescaped(text).removeprefix("List/")
        if not is_id(id):
            raise BadRequest.because("search-list-invalid", value=shown(id))
        return cls(type, id, base_url)

    def condition(self, lookup: Lookup) -> Condition:
        """Return the condition that names the items."""
        found = lookup.rows("List", {"_id": self.id}, ("raw",), 1)
        ids = [id for row in found for id in self._ids(orjson.loads(row["raw"]))]
        return {"_id": {"$in": sorted(set(ids))}} if ids else NOTHING

    def _ids(self, resource: dict[str, Any]) -> list[str]:
        items = (
            entry.get("item", {}).get("reference", "")
            for entry in resource.get("entry", ())
            if entry.get("deleted") is not True
        )
        targets = (parse(text, self.base_url) for text in items if text)
        return [
            target.id
            for target in targets
            if target.local and target.type == self.type and target.id is not None
        ]
