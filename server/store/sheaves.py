"""Reads that the trail has many to a document, until somebody looks for them.

To store each read as a record of its own costs as much as half of the read, and few are ever looked
for. So what a process has put into a segment of its spool is stored as it is, as a sheaf, and the
trail gets one record for it, which tells its SM3 hash and is sealed like any other. Who asks for
records has those sheaves unfolded before that may have some of the answer.

``_sheaves`` has ``{_id: segment, lines, n, at, first, last}``: so many lines, of acts that were
between `first` and `last` (µs since 1970); its record has the time `at`. As long as it is `folded`
it has `keys`, numbers made of what its records will be searched by. `unfolding` is when that was
begun, `claimed` when somebody last began it.

Spec: GB/T 32905-2016, https://www.oscca.gov.cn/sca/xxgk/2010-12/17/content_1002389.shtml
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any, Generic

import pymongo
from bson.binary import Binary
from cryptography.hazmat.primitives import hashes
from pymongo import WriteConcern
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from server.fhir.outcome import Unavailable
from server.store.collections import Some
from server.store.documents import Document
from server.store.items import Item, Timed
from server.store.sheaf_keys import numbers, possible
from server.store.spool import lines

SHEAVES = "_sheaves"
BOUND, UNFOLDED = "sheaf", "unfolded"
"""The names by which records tell which sheaf there is, and which one is no more."""
_FOLDED = {"partialFilterExpression": {"folded": True}}
_EVER = {"$gte": 0}
# With all that is asked for, so that no sheaf has to be read to be passed over.
_COVERED = [("folded", 1), ("_id", 1)]
_BY_LAST, _BY_FIRST = [("last", 1), ("first", 1)], [("first", 1), ("last", 1)]
_INDEXES = (
    pymongo.IndexModel([("keys", 1), *_BY_LAST, *_COVERED], name="by_key", **_FOLDED),
    pymongo.IndexModel([*_BY_LAST, *_COVERED], name="by_last", **_FOLDED),
    pymongo.IndexModel([*_BY_FIRST, *_COVERED], name="by_first", **_FOLDED),
)
_NAMED = 500
_CLAIM_US, _PATIENCE_SECONDS, _MOMENT_SECONDS = 30_000_000, 40.0, 0.005
_log = logging.getLogger("tongkang.trail")


class Unfolding(Unavailable):
    """There is more to unfold than can be done at once; it goes on with the next attempt."""


@dataclass(frozen=True, slots=True)
class Sheaf(Generic[Item]):
    """The `items` of one sheaf; it `is_doubtful` whether the trail has some of them, or all.

    `at` is when what the trail says of it was: that there is one, or that it was unfolded.
    """

    name: str
    at: int
    digest: str
    items: list[Timed[Item]]
    is_doubtful: bool

    def facts(self, what: str) -> dict[str, str]:
        """Return what the trail says of it, BOUND or UNFOLDED, as names and values."""
        return {what: self.name, "records": str(len(self.items)), "sm3": self.digest}


class Sheaves(Generic[Item]):
    """The sheaves of a database; `decode` gives the item of a line, `keys` what it is sought by."""

    def __init__(
        self,
        database: Database[Document],
        decode: Callable[[bytes, bytes], Item],
        keys: Callable[[Item], Iterable[str]],
        now: Callable[[], int],
    ) -> None:
        self.stored = database[SHEAVES].with_options(write_concern=WriteConcern("majority"))
        self._decode = decode
        self._keys = keys
        self._now = now
        self._is_made = False

    def bind(self, name: str, text: bytes) -> Sheaf[Item] | None:
        """Store the segment `name` with this `text`, unless that was done; None if it is empty."""
        items = self._items(name, text)
        if not items:
            return None
        at = self._now()
        self._make()
        try:
            self.stored.insert_one(
                {
                    "_id": name,
                    "lines": Binary(text),
                    "at": at,
                    "folded": True,
                    **self.entries(items),
                }
            )
        except DuplicateKeyError:
            known = self.stored.find_one({"_id": name}, {"at": 1}) or {"at": at}
            return Sheaf(name, known["at"], digest(text), items, is_doubtful=True)
        return Sheaf(name, at, digest(text), items, is_doubtful=False)

    def entries(self, items: Sequence[Timed[Item]]) -> Document:
        """Return what a sheaf of `items` is found by as long as it is folded."""
        times = [at for at, _ in items]
        terms: set[str] = set()
        for _, item in items:
            terms.update(self._keys(item))
        period = {"first": min(times), "last": max(times)}
        return {"n": len(items), **period, "keys": numbers(terms)}

    def is_sound(self, sheaf: Document) -> bool:
        """Tell whether `sheaf`, as it is stored, is found by what is in it."""
        items = self._items(str(sheaf["_id"]), bytes(sheaf["lines"]))
        found = self.entries(items) if items else {}
        if not sheaf.get("folded"):
            found.pop("keys", None)
        return bool(found) and all(sheaf.get(name) == value for name, value in found.items())

    def claimed(
        self,
        where: Mapping[str, Any],
        some: Some | None = None,
        sieve: Callable[[Document], bool] | None = None,
    ) -> Iterator[Sheaf[Item] | None]:
        """Yield those that are folded and may have records that fulfil `where`, for us to unfold.

        If `some` are enough, no more than those are in. None stands for one that needs nothing,
        since `sieve` says that there is none in it, or somebody else has unfolded it meanwhile,
        which is waited for. Raises Unavailable if that takes too long.
        """
        condition = possible(where)
        if condition is None:
            return
        # Not those that come meanwhile.
        known = {"folded": True, "first": _EVER, "last": _EVER, "_id": {"$lte": self._last()}}
        for count, (name, end) in enumerate(self._named({"$and": [known, condition]}, some)):
            # To ask takes longer the more there are: after one, two, four, eight.
            if some is not None and not count & (count - 1) and some.are_enough(end):
                return
            may_have = sieve is None or self._may_have(name, sieve)
            yield self._awaited(name) if may_have else None

    def _may_have(self, name: str, sieve: Callable[[Document], bool]) -> bool:
        found = self.stored.find_one({"_id": name, "folded": True}, {"keys": 0})
        return found is not None and ("unfolding" in found or sieve(found))

    def _named(self, asked: Document, some: Some | None) -> Iterator[tuple[str, int]]:
        """Yield names of sheaves, and up to when there are no records of them, nor of later ones.

        They come in the order of time, or against it if `some` are the latest.
        """
        direction = 1 if some is None else some.direction
        end = "last" if some is None or direction < 0 else "first"
        behind = "$gte" if direction > 0 else "$lte"
        beyond: Document = {}
        passed: list[str] = []
        while True:
            found = self.stored.find({"$and": [asked, beyond]}, {"_id": 1, end: 1})
            rows = list(found.sort(end, direction).limit(_NAMED))
            yield from ((row["_id"], row[end]) for row in rows)
            if len(rows) < _NAMED:
                return
            edge = rows[-1][end]
            if beyond.get(end) != {behind: edge}:
                passed = []
            passed += [row["_id"] for row in rows if row[end] == edge]
            beyond = {end: {behind: edge}, "_id": {"$nin": passed}}

    def _last(self) -> str:
        found = self.stored.find_one({}, {"_id": 1}, sort=[("_id", -1)]) or {"_id": ""}
        return str(found["_id"])

    def _awaited(self, name: str) -> Sheaf[Item] | None:
        """Return the sheaf that is ours to unfold; None if somebody has done so by now."""
        until = monotonic() + _PATIENCE_SECONDS
        while (found := self._claim(name)) is None and self._is_folded(name):
            if monotonic() > until:
                raise Unavailable.because("trail-unavailable")
            sleep(_MOMENT_SECONDS)
        return found

    def unfolded(self, sheaf: Sheaf[Item]) -> None:
        """Note that the trail has each record of `sheaf`."""
        change = {"$unset": {"folded": 1, "keys": 1, "claimed": 1}}
        self.stored.update_one({"_id": sheaf.name}, change)

    def _claim(self, name: str) -> Sheaf[Item] | None:
        now = self._now()
        stale = [{"claimed": None}, {"claimed": {"$lt": now - _CLAIM_US}}]
        begun = {"unfolding": {"$ifNull": ["$unfolding", now]}, "claimed": now}
        found = self.stored.find_one_and_update(
            {"_id": name, "folded": True, "$or": stale}, [{"$set": begun}]
        )
        if found is None:
            return None
        text, at = bytes(found["lines"]), found.get("unfolding", now)
        return Sheaf(name, at, digest(text), self._items(name, text), "unfolding" in found)

    def _is_folded(self, name: str) -> bool:
        return self.stored.find_one({"_id": name, "folded": True}, {"_id": 1}) is not None

    def _items(self, name: str, text: bytes) -> list[Timed[Item]]:
        found: list[Timed[Item]] = []
        for beginning, rest in lines(text):
            at, _, own = rest.partition(b" ")
            try:
                found.append((int(at), self._decode(beginning, own)))
            except ValueError:
                # It was cut off, so its answer never left.
                _log.warning("trail spool line cut off", extra={"segment": name})
        return found

    def _make(self) -> None:
        if not self._is_made:
            self.stored.create_indexes(list(_INDEXES))
            self._is_made = True


def digest(text: bytes) -> str:
    """Return the SM3 hash of `text` in hexadecimal digits."""
    hash = hashes.Hash(hashes.SM3())
    hash.update(text)
    return hash.finalize().hex()
