"""The trail: records that can only be appended, each sealed over the one before it.

Records of many threads go to the database together, before any of them is said to be there. Those
of changes are durable then; those of reads a moment later, for to wait for each would cost more
than the read. Until then this process keeps them too, and puts them back if the database comes up
without them. If it is not known what became of records, all who wait are refused and the
process begins a new lane; what is there nevertheless stays, as records of what was not answered.

The epoch is a number that grows whenever rights were withdrawn. A new one is said by putting a
record, a fence, at the end of each lane: the process of that lane, which has not seen it, finds its
next place taken. So each hears of it before its next answer goes out, and nobody has to ask.

Spec: https://www.mongodb.com/docs/manual/reference/write-concern/
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from threading import Event as Flag
from threading import Thread
from time import monotonic
from typing import Any, Generic, TypeVar

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import ConnectionFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from server.fhir.outcome import FhirError, Unavailable
from server.store import lanes
from server.store.coalesce import Coalescer
from server.store.engine import Engine
from server.store.failures import refused
from server.store.lanes import LANES, REGISTRY, TYPE, Lane
from server.store.tail import Broken, Tail

Item = TypeVar("Item")
_MOST = 200
_CONFIRM_SECONDS, _LATE_SECONDS = 0.1, 1.0
_FENCE_ATTEMPTS = 200
_log = logging.getLogger("tongkang.trail")


@dataclass(frozen=True, slots=True)
class Records(Generic[Item]):
    """How items become records.

    `write` returns the bytes and the index entries of an item that is recorded with an id at a
    time (µs); `parts` divides what is too much for one record; `opening` makes the item that a
    lane begins with, which says certain facts, `fence` the one that says a new epoch.
    `is_durable` tells whether who waits for an item waits until it is durable.
    """

    write: Callable[[Item, str, int], tuple[bytes, Mapping[str, Any]]]
    parts: Callable[[Item], Sequence[Item]]
    opening: Callable[[Mapping[str, str]], Item]
    fence: Callable[[int], Item]
    is_durable: Callable[[Item], bool]


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
        self._tail: Tail[Item] | None = None
        self._epoch = 0
        self._database = engine.collections.database
        self._lanes = self._database[LANES].with_options(read_concern=ReadConcern("local"))
        self._queue = Coalescer[Sequence[Item], int](self._append, _MOST, (ConnectionFailure,))
        self._left: Tail[Item] | None = None
        self._unconfirmed, self._ended = Flag(), Flag()
        self._confirmer: Thread | None = None

    def append(self, item: Item, announced: object = None) -> int:
        """Record `item`, which may have been `announced`, and return the epoch of now.

        Raises Unavailable if that cannot be done, or may not have been done.
        """
        return self._run(self._records.parts(item), announced)

    def announce(self) -> object:
        """Have others who append wait a moment for an item; return what to append it with."""
        return self._queue.announce()

    def confirm(self) -> None:
        """Return when all that was appended before is durable. Raises Unavailable."""
        self._run(())

    def begin(self) -> None:
        """See to it that this process has heard of an epoch. Raises Unavailable."""
        if not self._epoch:
            with refused():
                known = self._registry({"$setOnInsert": {"epoch": 1}})
            self._epoch = max(self._epoch, known["epoch"])

    def epoch(self) -> int:
        """Return the last epoch that this process heard of, 0 if it has heard of none."""
        return self._epoch

    def bump(self) -> int:
        """Begin a new epoch and return it: every record from now on tells its process of it.

        Raises Unavailable if some process could not be told.
        """
        with refused():
            epoch: int = self._registry({"$inc": {"epoch": 1}})["epoch"]
            # A lane that begins from here on asks the registry.
            used = {"_id": {"$gte": lanes.oldest_in_use(self._now()), "$ne": REGISTRY}}
            for head in list(self._lanes.find(used, {"_id": 1})):
                self._fence(head["_id"], epoch)
        return epoch

    def close(self) -> None:
        """Confirm what there is, and append no more."""
        self._ended.set()
        self._unconfirmed.set()
        if self._tail is not None or self._left is not None:
            with suppress(FhirError):
                self.confirm()

    def _run(self, items: Sequence[Item], announced: object = None) -> int:
        try:
            with refused():
                return self._queue.run(items, announced)
        except Unavailable:
            raise
        except (Broken, FhirError) as error:
            raise Unavailable.because("trail-unavailable") from error

    def _registry(self, change: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the registry after `change`."""
        found = self._lanes.find_one_and_update(
            {"_id": REGISTRY}, change, upsert=True, return_document=ReturnDocument.AFTER
        )
        return found or {}

    def _fence(self, lane: str, epoch: int) -> None:
        """Put a fence at the end of `lane`, unless there is one that nobody has seen yet."""
        for _ in range(_FENCE_ATTEMPTS):
            tail = Tail.find(self._engine, lane, self._records.write, self._now)
            if tail is None or tail.ends_with_fence or tail.put_alone(self._records.fence(epoch)):
                return
        raise Unavailable.because("trail-unavailable")

    def _append(self, batch: Sequence[Sequence[Item]]) -> list[int]:
        """Record all items of `batch`; only one thread at a time is here."""
        items = [item for several in batch for item in several]
        with self._writing():
            if self._tail is not None and monotonic() - self._tail.begun > lanes.LANE_SECONDS:
                self._leave()
            if self._left is not None:
                self._settle(self._left)
            if self._tail is None and items:
                self._tail = self._begin()
            if self._tail is not None:
                try:
                    self._put(self._tail, items, is_asked=not all(batch))
                except BaseException:
                    # It is not known how long the lane is.
                    self._leave()
                    raise
        return [self._epoch] * len(batch)

    def _leave(self) -> None:
        """Put nothing more into the present lane."""
        self._left, self._tail = self._tail, None

    def _settle(self, left: Tail[Item]) -> None:
        """Confirm the records of a lane that is `left`, which are lost otherwise."""
        try:
            left.confirm()
        except Broken as error:
            # Somebody else changed it, as an inspection tells; to go on is better than to stop.
            _log.error("trail lane broken", extra={"lane": str(error)})
        self._left = None

    def _put(self, tail: Tail[Item], items: Sequence[Item], *, is_asked: bool) -> None:
        """Put `items` at the `tail`, and confirm them if somebody waits for that."""
        if tail.put(items):
            # Only now: one that was begun before would have put another fence.
            self._hear()
        is_late = monotonic() - tail.confirmed > _LATE_SECONDS
        if is_asked or any(map(self._records.is_durable, items)) or (tail.unconfirmed and is_late):
            tail.confirm()
        if tail.unconfirmed:
            self._see_to_confirm()

    def _hear(self) -> None:
        found = self._lanes.find_one({"_id": REGISTRY}, {"epoch": 1})
        if found is None:
            raise Broken(REGISTRY)
        self._epoch = max(self._epoch, found["epoch"])

    def _see_to_confirm(self) -> None:
        """Have what nobody waits for confirmed soon, also if nothing more comes."""
        if self._confirmer is None and not self._ended.is_set():
            self._confirmer = Thread(target=self._confirm_always, daemon=True, name="trail")
            self._confirmer.start()
        self._unconfirmed.set()

    def _confirm_always(self) -> None:
        while not self._ended.is_set():
            self._unconfirmed.wait()
            self._unconfirmed.clear()
            if not self._ended.wait(_CONFIRM_SECONDS):
                try:
                    self._confirm_now()
                except (FhirError, PyMongoError):
                    self._unconfirmed.set()

    def _confirm_now(self) -> None:
        """Confirm what there is, beside those who append if that can be."""
        tail = self._tail
        with suppress(Broken):
            if tail is not None and tail.confirm_beside():
                return
        self.confirm()

    def _begin(self) -> Tail[Item]:
        """Return the tail of a new lane, which has one record."""
        self._engine.collections.ensure(TYPE)
        current = self._engine.collections.current(TYPE)
        write, now = self._records.write, self._now

        def attempt(session: ClientSession) -> tuple[Tail[Item], int]:
            registry = self._database[LANES].find_one({"_id": REGISTRY}, session=session) or {}
            moved = lanes.moved_since(registry.get("at", 0))
            heads = self._database[LANES].find(moved, session=session).sort("_id", 1)
            opening = lanes.opening(lanes.new_lane(now()), registry, list(heads))
            lane = Lane(opening.lane, 0, opening.seal, now())
            tail = Tail(self._engine, lane, write, now)
            document = tail.record(self._records.opening(opening.facts()))
            epoch: int = registry.get("epoch", 1)
            head = {"number": opening.number, "seal": lane.seal, "at": lane.at}
            current.insert_one(document, session=session)
            self._lanes.insert_one({"_id": lane.id, "n": 1, **head}, session=session)
            change = {"$set": {"lane": lane.id, **head}, "$max": {"epoch": epoch}}
            self._lanes.update_one({"_id": REGISTRY}, change, upsert=True, session=session)
            return tail, epoch

        tail, epoch = self._engine.transaction(attempt)
        self._epoch = max(self._epoch, epoch)
        return tail
