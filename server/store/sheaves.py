"""Reads that the trail has many to a document, until somebody looks for them.

To store each read as a record of its own costs as much as half of the read, and few are ever looked
for. So what a process has put into a segment of its spool is stored as it is, as a sheaf, and the
trail gets one record for it, which tells its SM3 hash and is sealed like any other. Who asks for
records has those sheaves unfolded before that may have some of them.

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
from zlib import crc32

import pymongo
from bson.binary import Binary
from cryptography.hazmat.primitives import hashes
from pymongo import WriteConcern
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from server.fhir.outcome import Unavailable
from server.store.documents import Document
from server.store.items import Item, Timed
from server.store.spool import lines

SHEAVES = "_sheaves"
BOUND, UNFOLDED = "sheaf", "unfolded"
"""The names by which records tell which sheaf there is, and which one is no more."""
_FOLDED = {"partialFilterExpression": {"folded": True}}
_INDEXES = (
    pymongo.IndexModel([("keys", 1), ("_id", 1)], name="keys", **_FOLDED),
    pymongo.IndexModel([("last", 1), ("first", 1), ("_id", 1)], name="last", **_FOLDED),
)
_HALF = 1 << 31
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
        keys = {key(term) for term in terms if _is_sought(term)}
        return {"n": len(items), "first": min(times), "last": max(times), "keys": sorted(keys)}

    def is_sound(self, sheaf: Document) -> bool:
        """Tell whether `sheaf`, as it is stored, is found by what is in it."""
        items = self._items(str(sheaf["_id"]), bytes(sheaf["lines"]))
        found = self.entries(items) if items else {}
        if not sheaf.get("folded"):
            found.pop("keys", None)
        return bool(found) and all(sheaf.get(name) == value for name, value in found.items())

    def claimed(self, where: Mapping[str, Any]) -> Iterator[Sheaf[Item]]:
        """Yield those that are folded and may have records that fulfil `where`, for us to unfold.

        What somebody else unfolds is waited for. Raises Unavailable if that takes too long.
        """
        condition = possible(where)
        if condition is None:
            return
        # Not those that come meanwhile.
        known = {"folded": True, "last": {"$gte": 0}, "_id": {"$lte": self._last()}}
        asked = {"$and": [known, condition]}
        while names := [row["_id"] for row in self.stored.find(asked, {"_id": 1}).limit(_NAMED)]:
            for name in names:
                found = self._awaited(name)
                if found is not None:
                    yield found

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


def key(term: str) -> int:
    """Return the number that a sheaf has for `term`; it may have it for others as well."""
    return crc32(term.encode("utf-8", "surrogatepass")) - _HALF


SOUGHT = ("entity=", "agent=", "altid=", "policy=")
"""The beginnings of those terms of a record that have keys."""
_VERSION = "/_history/"
_EARLIER, _LATER = frozenset(("$lt", "$lte")), frozenset(("$gt", "$gte"))
_LASTS_US = 1000


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
    if name in ("t", "whom", "comp"):
        start = "entity=" if name == "comp" else ""
        terms = [start + text for text in _texts(value) or ()]
        if terms and all(map(_is_sought, terms)):
            return {"keys": {"$in": [key(term) for term in terms]}}
    if name in ("ds", "de") and isinstance(value, Mapping):
        bounds: Document = {}
        for operator, moment in value.items():
            if operator in _EARLIER:
                bounds["first"] = {"$lte": moment}
            elif operator in _LATER:
                # A search may ask for what has been since before there were any numbers.
                bounds["last"] = {"$gte": max(moment - _LASTS_US, 0)}
        return bounds
    return {}


def _texts(value: Any) -> list[str] | None:  # noqa: ANN401  # any condition
    """Return what a field has to have one of; None if that is not told so."""
    match value:
        case str():
            return [value]
        case {"$in": [*several], **rest} if not rest and all(isinstance(x, str) for x in several):
            return several
    return None


def _is_sought(term: str) -> bool:
    return term.startswith(SOUGHT) and _VERSION not in term
