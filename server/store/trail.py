"""The trail: records that can only be appended, each sealed over the one before it.

Records of many threads go to the database together, durably before any of them is said to be
there. If it is not known whether they are, all of them are refused and the process begins a new
lane; those that are there nevertheless stay, as records of what was not answered.

The epoch is a number that grows whenever rights were withdrawn. Each process hears of it with
the next record that it appends, and so before the answer that this record is about goes out.

Spec: https://www.mongodb.com/docs/manual/reference/write-concern/
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from time import monotonic
from typing import Any, Generic, TypeVar

from bson.binary import Binary
from bson.raw_bson import RawBSONDocument
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import ConnectionFailure, PyMongoError, WriteConcernError, WriteError

from server.fhir.outcome import FhirError, Unavailable
from server.store import documents, lanes
from server.store.coalesce import Coalescer
from server.store.engine import Engine
from server.store.failures import refused
from server.store.lanes import LANES, REGISTRY, TYPE, Lane, record_id, sealed

Item = TypeVar("Item")
_MOST = 200
_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class Records(Generic[Item]):
    """How items become records.

    `write` returns the bytes and the index entries of an item that is recorded with an id at a
    time (µs); `parts` divides what is too much for one record; `opening` makes the item that a
    lane begins with, which says certain facts.
    """

    write: Callable[[Item, str, int], tuple[bytes, Mapping[str, Any]]]
    parts: Callable[[Item], Sequence[Item]]
    opening: Callable[[Mapping[str, str]], Item]


class Trail(Generic[Item]):
    """The trail as one process appends to it; any thread may.

    It stores records while `writing`.
    """

    def __init__(
        self,
        engine: Engine,
        records: Records[Item],
        now: Callable[[], int],
        writing: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._engine = engine
        self._writing = writing
        self._records = records
        self._now = now
        self._lane: Lane | None = None
        self._epoch = 0
        self._database = engine.collections.database
        self._lanes = self._database[LANES]
        self._queue = Coalescer[Sequence[Item], int](
            self._append, _MOST, shared=(ConnectionFailure,)
        )

    def append(self, item: Item) -> int:
        """Record `item` durably and return the epoch of now.

        Raises Unavailable if that cannot be done, or may not have been done.
        """
        try:
            with refused():
                return self._queue.run(self._records.parts(item))
        except Unavailable:
            raise
        except FhirError as error:
            raise Unavailable.because("trail-unavailable") from error

    def begin(self) -> None:
        """See to it that this process has heard of an epoch. Raises Unavailable."""
        if not self._epoch:
            with refused():
                known = self._registry({"$setOnInsert": {"epoch": 1}})
            self._epoch = max(self._epoch, known["epoch"])

    def confirm(self) -> None:
        """Note durably how far the lane of this process goes. Raises Unavailable."""

    def epoch(self) -> int:
        """Return the last epoch that this process heard of, 0 if it has heard of none."""
        return self._epoch

    def bump(self) -> int:
        """Begin a new epoch and return it: every record from now on tells its process of it."""
        with refused():
            epoch: int = self._registry({"$inc": {"epoch": 1}})["epoch"]
            # A lane that begins from here on asks the registry.
            used = {"_id": {"$gte": lanes.oldest_in_use(self._now()), "$ne": REGISTRY}}
            self._lanes.update_many(used, {"$max": {"epoch": epoch}})
        return epoch

    def _registry(self, change: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the registry after `change`."""
        found = self._lanes.find_one_and_update(
            {"_id": REGISTRY}, change, upsert=True, return_document=ReturnDocument.AFTER
        )
        return found or {}

    def _append(self, batch: Sequence[Sequence[Item]]) -> list[int]:
        """Record all items of `batch`; only one thread at a time is here."""
        with self._writing():
            lane = self._lane
            # Until the end of this is known, it is not known how long the lane is.
            self._lane = None
            if lane is None or monotonic() - lane.begun > lanes.LANE_SECONDS:
                lane = self._begin()
            self._append_to(lane, batch)
            self._epoch = self._head(lane)
            self._lane = lane
        return [self._epoch] * len(batch)

    def _append_to(self, lane: Lane, batch: Sequence[Sequence[Item]]) -> None:
        chunk: list[RawBSONDocument] = []
        size = 0
        for items in batch:
            for item in items:
                chunk.append(self._record(lane, item))
                size += len(chunk[-1].raw)
            if size > _BYTES:
                self._insert(chunk)
                chunk, size = [], 0
        self._insert(chunk)

    def _record(self, lane: Lane, item: Item) -> RawBSONDocument:
        """Return the document of the next record of `lane`, which then is as long as that."""
        now = max(self._now(), lane.at)
        n = lane.n + 1
        id = record_id(lane.id, n)
        raw, entries = self._records.write(item, id, now)
        lane.seal, lane.n, lane.at = sealed(lane.seal, lane.id, n, raw), n, now
        return documents.encoded(
            {"_id": id, "v": 1, "lu": now, "raw": Binary(raw), **entries, "seal": lane.seal}
        )

    def _insert(self, chunk: Sequence[RawBSONDocument]) -> None:
        """Insert `chunk` durably; ordered, so that what is there has no gaps."""
        if not chunk:
            return
        # The driver's own insert_many costs as much again.
        answer = self._database.command(
            {"insert": TYPE, "documents": chunk, "writeConcern": {"w": "majority"}}
        )
        if "writeErrors" in answer:
            raise WriteError(f"Refused with {answer['writeErrors'][0]['code']}.")
        if "writeConcernError" in answer:
            raise WriteConcernError(str(answer["writeConcernError"].get("code")))

    def _head(self, lane: Lane) -> int:
        """Note how far `lane` goes, and return the epoch.

        This need not be durable: a lane may be longer than its head says.
        """
        answer = self._database.command(
            {
                "findAndModify": LANES,
                "query": {"_id": lane.id},
                "update": {"$set": {"n": lane.n, "seal": lane.seal, "at": lane.at}},
                "fields": {"epoch": 1},
                "new": True,
                "writeConcern": {"w": 1},
            }
        )
        if answer.get("value") is None:
            raise PyMongoError("The head of the lane is gone.")
        epoch: int = answer["value"]["epoch"]
        return epoch

    def _begin(self) -> Lane:
        """Return a new lane, which has one record."""
        self._engine.collections.ensure(TYPE)
        current = self._engine.collections.current(TYPE)

        def attempt(session: ClientSession) -> Lane:
            registry = self._lanes.find_one({"_id": REGISTRY}, session=session) or {}
            heads = self._lanes.find(lanes.moved_since(registry.get("at", 0)), session=session)
            now = self._now()
            opening = lanes.opening(lanes.new_lane(now), registry, list(heads.sort("_id", 1)))
            lane = Lane(opening.lane, 0, opening.seal, now, monotonic())
            document = self._record(lane, self._records.opening(opening.facts()))
            registered = {
                "number": opening.number, "lane": lane.id, "seal": lane.seal, "at": lane.at,
            }  # fmt: skip
            epoch = registry.get("epoch", 1)
            head = {"number": opening.number, "n": 1, "seal": lane.seal, "at": lane.at}
            current.insert_one(document, session=session)
            self._lanes.insert_one({"_id": lane.id, **head, "epoch": epoch}, session=session)
            self._lanes.update_one(
                {"_id": REGISTRY},
                {"$set": registered, "$max": {"epoch": epoch}},
                upsert=True,
                session=session,
            )
            return lane

        return self._engine.transaction(attempt)
