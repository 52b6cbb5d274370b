"""The profiles that callers have stored, compiled as this process needs them.

They are in force for every process within a second of being stored: at most that often each looks
whether a StructureDefinition was written, and then forgets what it had compiled.
"""

from threading import RLock
from time import monotonic

import orjson

from server.fhir.json import Resource
from server.profiles.conformance import Compiled
from server.profiles.guide import Guide
from server.store.engine import Engine
from server.store.failures import refused

TYPE = "StructureDefinition"
_PAUSE_SECONDS = 1.0
_MOST_OF_ONE_URL = 50


class StoredProfiles:
    """Finds profiles, first those of `beneath`, which come with the server. Any thread may ask."""

    def __init__(self, engine: Engine, beneath: Guide) -> None:
        self._collection = engine.collections.current(TYPE)
        self._beneath = beneath
        self._lock = RLock()
        self._seen: tuple[int, str] | None = None
        self._looked = float("-inf")
        self._guide = self._new()

    def find(self, canonical: str) -> Compiled | None:
        """Return the profile `canonical`, a URL with or without ``|version``; None if not known.

        Raises Unprocessable if it is at fault itself, Unavailable if the database does not answer.
        """
        known = self._beneath.find(canonical)
        if known is not None:
            return known
        with self._lock, refused():
            if monotonic() - self._looked > _PAUSE_SECONDS:
                self._look()
            return self._guide.find(canonical)

    def draft(self) -> Guide:
        """Return a guide that compiles what is not stored yet, and keeps nothing."""
        return self._new()

    def _new(self) -> Guide:
        return self._beneath.above(self._stored)

    def _look(self) -> None:
        newest = list(self._collection.find({}, {"lu": 1}).sort("lu", -1).limit(1))
        seen = (newest[0]["lu"], newest[0]["_id"]) if newest else None
        if seen != self._seen:
            self._seen, self._guide = seen, self._new()
        self._looked = monotonic()

    def _stored(self, canonical: str) -> Resource | None:
        """Return the StructureDefinition that has the URL and version; the newest if several do."""
        shipped = self._beneath.snapshots.definition(canonical)
        if shipped is not None:
            return shipped
        url, _, version = canonical.partition("|")
        rows = self._collection.find({"t": f"url={url}"}, {"raw": 1}).sort("lu", -1)
        found = [orjson.loads(row["raw"]) for row in rows.limit(_MOST_OF_ONE_URL)]
        fitting = [one for one in found if not version or one.get("version") == version]
        fitting.sort(key=lambda one: one.get("status") == "retired")
        return fitting[0] if fitting else None
