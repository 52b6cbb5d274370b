"""The CodeSystems, ValueSets and ConceptMaps that users have stored, followed as they change.

It is looked at once a second, and at once after this process has stored one. A version is found by
its lastUpdated, which its writer takes before it is stored: so what is up to two minutes older than
the last look is looked at again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from threading import Lock
from time import monotonic, time_ns
from typing import Any

import msgspec

from server.fhir.json import spelled
from server.fhir.outcome import NotFound
from server.store.documents import Document
from server.store.engine import Engine
from server.store.failures import refused
from server.terminology.library import TYPES, Definition, Head

_OVERLAP = 120_000_000
_FRESH_SECONDS = 1.0
_TOO_SOON_SECONDS = 0.05
_HEAD = msgspec.json.Decoder(Head)


class StoredDefinitions:
    """What is stored, but for what comes with the server. Any thread may ask."""

    def __init__(self, engine: Engine, is_shipped: Callable[[str, str], bool]) -> None:
        self._engine = engine
        self._is_shipped = is_shipped
        self._lock = Lock()
        self._looked = float("-inf")
        self._is_stale = True
        self._seen: dict[str, int] = {}
        self._known: dict[tuple[str, str], tuple[int, Definition | None]] = {}
        self._by_url: Mapping[tuple[str, str], Sequence[Definition]] = {}
        self._number = 0

    @property
    def edition(self) -> int:
        """Return a number that is another one when anything has changed. Raises Unavailable."""
        self._look()
        return self._number

    def find(self, type: str, url: str) -> Sequence[Definition]:
        """Return all definitions of `type` with this URL. Raises Unavailable."""
        self._look()
        return self._by_url.get((type, url), ())

    def implying(self, value_set: str) -> Sequence[Definition]:
        """Return the CodeSystems that say that this value set has all their concepts."""
        return [one for one in self.all("CodeSystem") if one.head.valueSet == value_set]

    def all(self, type: str) -> Iterable[Definition]:
        """Return all definitions of `type`. Raises Unavailable."""
        self._look()
        return [one for (kind, _), found in self._by_url.items() if kind == type for one in found]

    def changed(self) -> None:
        """Look again as soon as anybody asks."""
        self._is_stale = True

    def _look(self) -> None:
        if self._is_fresh():
            return
        with self._lock, refused():
            if self._is_fresh():
                return
            # What changes from here on is looked at by whoever asks next.
            self._is_stale, begun = False, monotonic()
            news = [type for type in TYPES if self._news(type)]
            if news:
                found: dict[tuple[str, str], list[Definition]] = defaultdict(list)
                for (type, _), (_, one) in sorted(self._known.items()):
                    if one is not None and one.head.url:
                        found[type, one.head.url].append(one)
                self._by_url = found
                self._number += 1
            self._looked = begun

    def refresh(self) -> None:
        """Look anew, unless that was done just now: something was not found."""
        if monotonic() - self._looked > _TOO_SOON_SECONDS:
            self._is_stale = True
            self._look()

    def _is_fresh(self) -> bool:
        return not self._is_stale and monotonic() - self._looked < _FRESH_SECONDS

    def _news(self, type: str) -> bool:
        """Read what was written of `type` since the last look; tell whether anything was."""
        where: Document = {}
        if type in self._seen:
            where["lu"] = {"$gte": self._seen[type] - _OVERLAP}
        begun = time_ns() // 1000
        collection = self._engine.collections.current(type)
        found = list(collection.find(where, {"v": 1, "lu": 1}))
        stale = [
            row["_id"]
            for row in found
            if not self._is_shipped(type, row["_id"])
            and self._known.get((type, row["_id"]), (0,))[0] != row["v"]
        ]
        self._seen[type] = begun
        for document in collection.find({"_id": {"$in": stale}}) if stale else ():
            self._note(type, document)
        return bool(stale)

    def _note(self, type: str, document: Document) -> None:
        id, version = document["_id"], document["v"]
        definition = None
        if not document.get("del"):
            head = _HEAD.decode(document["raw"])
            read = partial(self._read, type, id)
            definition = Definition(head, f"{type}/{id}/{version}", read)
        self._known[type, id] = version, definition

    def _read(self, type: str, id: str) -> Any:  # noqa: ANN401  # any JSON
        with refused():
            found = self._engine.collections.current(type).find_one({"_id": id}, {"raw": 1})
        if found is None or "raw" not in found:
            raise NotFound.because("resource-unknown", type=type, id=id)
        return spelled(found["raw"])
