"""Code systems with many concepts: which there are, and how one comes in.

Each edition is a collection of its own. A new one is written beside the old one, and a record says
which collection counts; so readers see the old or the new one, and never half of either. The old
collection goes a while later, when nobody can be reading it any more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from secrets import token_hex
from threading import Lock
from time import monotonic, sleep
from typing import Any

import orjson
import pymongo
from pymongo.database import Database

from server.store.concepts import LONGEST_VALUE, LoadedSystem
from server.store.documents import Document
from server.store.failures import refused
from server.terminology import spelling
from server.terminology.concepts import Concept, properties
from server.terminology.systems import About

SYSTEMS = "_code_systems"
_FRESH_SECONDS = 1.0
_TOO_SOON_SECONDS = 0.05
_GRACE_SECONDS = 5.0
_INDEXING_SECONDS = 600
_AT_ONCE = 2000
_INDEXES = (
    pymongo.IndexModel([("n", 1)]),
    pymongo.IndexModel([("a", 1), ("n", 1)]),
    pymongo.IndexModel([("p", 1), ("n", 1)]),
    pymongo.IndexModel([("v", 1)]),
    pymongo.IndexModel([("w", 1)]),
)


class LoadedSystems:
    """The editions that are loaded, as this process knows them; looked at once a second."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._lock = Lock()
        self._looked = float("-inf")
        self._is_stale = True
        self._known: dict[tuple[str, str | None], LoadedSystem] = {}
        self._edition: tuple[str, ...] = ()

    @property
    def edition(self) -> tuple[str, ...]:
        """Return something that is another thing when one is loaded or removed."""
        self._look()
        return self._edition

    def find(self, url: str, version: str | None) -> LoadedSystem | None:
        """Return an edition, the one that was loaded last if none is named; None if none is."""
        self._look()
        if version is not None:
            return self._known.get((url, version))
        found = [one for (each, _), one in self._known.items() if each == url]
        return found[-1] if found else None

    def all(self) -> Sequence[About]:
        """Return what each of them says of itself."""
        self._look()
        return [one.about for one in self._known.values()]

    def _look(self) -> None:
        if self._is_fresh():
            return
        with self._lock, refused():
            if self._is_fresh():
                return
            # What changes from here on is looked at by whoever asks next.
            self._is_stale, begun = False, monotonic()
            rows = list(self._database[SYSTEMS].find().sort("loaded", 1))
            names = tuple(row["collection"] for row in rows)
            if names != self._edition:
                self._known = {
                    (row["url"], row["version"]): LoadedSystem(
                        About.of(orjson.loads(row["about"]), is_whole=row["whole"]),
                        row["count"],
                        self._database[row["collection"]],
                    )
                    for row in rows
                }
                self._edition = names
            self._looked = begun

    def refresh(self) -> None:
        """Look anew, unless that was done just now: something was not found."""
        if monotonic() - self._looked > _TOO_SOON_SECONDS:
            self._is_stale = True
            self._look()

    def _is_fresh(self) -> bool:
        return not self._is_stale and monotonic() - self._looked < _FRESH_SECONDS

    def load(
        self,
        about: Mapping[str, Any],
        concepts: Iterable[tuple[Mapping[str, Any], Concept]],
        told: Callable[[int], None],
    ) -> int:
        """Store `concepts`, with their JSON, as the edition `about`, in its place; count them.

        `about` is the CodeSystem without concepts. `told` hears how many more are stored.
        Nothing is in force before all are; if anything fails, nothing is left.
        """
        name = f"_concepts_{token_hex(6)}"
        collection = self._database[name]
        count = 0
        rows = (_document(place, *one) for place, one in enumerate(concepts))
        with refused(), pymongo.timeout(_INDEXING_SECONDS):
            try:
                while batch := list(islice(rows, _AT_ONCE)):
                    collection.insert_many(batch, ordered=False)
                    count += len(batch)
                    told(len(batch))
                collection.create_indexes(list(_INDEXES))
            except BaseException:
                collection.drop()
                raise
            self._put(about, name, count)
        return count

    def _put(self, about: Mapping[str, Any], name: str, count: int) -> None:
        key = {"url": about["url"], "version": about.get("version")}
        old = self._database[SYSTEMS].find_one_and_replace(
            {"_id": _id(about["url"], about.get("version"))},
            {
                **key,
                "collection": name,
                "count": count,
                "whole": about["content"] != "fragment",
                "about": orjson.dumps(about),
                "loaded": datetime.now(UTC),
            },
            upsert=True,
        )
        self._is_stale = True
        if old is not None:
            self._drop(old["collection"])

    def remove(self, url: str, version: str | None) -> bool:
        """Remove an edition; tell whether it was there."""
        with refused():
            old = self._database[SYSTEMS].find_one_and_delete({"_id": _id(url, version)})
            self._is_stale = True
            if old is not None:
                self._drop(old["collection"])
        return old is not None

    def _drop(self, name: str) -> None:
        # By then no process goes by what it knew of this collection.
        sleep(_GRACE_SECONDS)
        self._database[name].drop()


def _id(url: str, version: str | None) -> str:
    return url if version is None else f"{url}|{version}"


def _document(place: int, row: Mapping[str, Any], one: Concept) -> Document:
    """Return what is stored of a concept: the JSON `row`, and what it says."""
    values = [f"{name}={value}"[:LONGEST_VALUE] for name, value in properties(one.properties)]
    found: Document = {
        "_id": one.code,
        "n": place,
        "r": orjson.dumps(row),
        "a": sorted(one.ancestors),
        "w": spelling.spellings(one.code, tuple(one.names())),
        "p": list(one.parents),
        "h": one.has_children,
        "i": one.is_inactive,
        "d": one.display,
        "v": values,
        "y": [{"f": start, "t": end} for start, end in one.periods()],
    }
    return {name: value for name, value in found.items() if value or name == "n"}
