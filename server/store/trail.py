"""The trail: records that can only be appended, each sealed over the one before it.

Records of many threads go to the database together, before any of them is said to be there. Those
of changes are durable then; those of reads a moment later, for to wait for each would cost more
than the read. Until then this process keeps them too, and puts them back if the database comes up
without them. If it is not known what became of records, all who wait are refused and the
process begins a new lane; what is there nevertheless stays, as records of what was not answered.

Where there is a spool, reads are recorded once they are in it, and go to the database many at once,
as a sheaf of which there is one record: after a moment, with the next change, or when somebody asks
for records. Who does so finds a record of each read in the answer, for what may have some of those
is unfolded before; who only counts has lines counted. What a process that was killed has left in
the spool, the next one to look takes over. If the database takes no records, nothing more is put
into the spool, so that nothing is given either.

Spec: https://www.mongodb.com/docs/manual/reference/write-concern/
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from threading import Event as Flag
from threading import Thread
from time import monotonic, sleep
from typing import Any, Generic

from pymongo.errors import ConnectionFailure, PyMongoError

from server.fhir.outcome import FhirError, TooCostly, Unavailable
from server.store import lanes
from server.store.coalesce import Coalescer
from server.store.collections import Some
from server.store.doubt import Doubt
from server.store.engine import Engine
from server.store.epochs import Epochs
from server.store.failures import refused
from server.store.items import Item, Records, Timed
from server.store.lanes import TYPE
from server.store.sheaf_counts import SheafCounts
from server.store.sheaves import BOUND, UNFOLDED, Sheaf, Sheaves, Unfolding
from server.store.shipping import Kept
from server.store.spool import Segment, Spool
from server.store.tail import Broken, Tail, begun

_MOST = 200
_CONFIRM_SECONDS, _LATE_SECONDS = 0.1, 1.0
_PATIENCE_SECONDS, _MOMENT_SECONDS = 5.0, 0.005
_UNFOLDING_SECONDS, _UNFOLDED_AT_ONCE = 10.0, 200
_log = logging.getLogger("tongkang.trail")


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
        spool: Spool | None = None,
    ) -> None:
        self._engine = engine
        self._writing = writing
        self._records = records
        self._now = now
        self._tail: Tail[Item] | None = None
        self._database = engine.collections.database
        self._epochs = Epochs(self._database)
        self._queue = Coalescer[Sequence[Timed[Item]], None](
            self._append, _MOST, (ConnectionFailure,)
        )
        self._left: Tail[Item] | None = None
        self._unconfirmed, self._ended = Flag(), Flag()
        self._confirmer: Thread | None = None
        self.sheaves = Sheaves(self._database, records.decode, records.keys, now)
        self._doubt = Doubt(engine, records.write)
        self._kept = None if spool is None else Kept(spool, records.encode, now)
        # Nobody asks for records without those that are not in the database yet, or in a sheaf.
        engine.collections.before[TYPE] = self.unfold
        self._counts = SheafCounts(self._database, records, self._doubt)
        engine.collections.elsewhere[TYPE] = self._counts.counting

    def append(self, item: Item, announced: object = None) -> int:
        """Record `item`, which may have been `announced`, and return the epoch of now.

        Raises Unavailable if that cannot be done, or may not have been done.
        """
        parts = self._records.parts(item)
        if self._records.is_durable(item) or not self._is_kept(parts, announced):
            now = self._now()
            self._run([(now, part) for part in parts], announced)
        return self._epochs.now()

    def _is_kept(self, parts: Sequence[Item], announced: object) -> bool:
        """Put `parts` into the spool, to go on from there; False if it takes none now."""
        if self._kept is None:
            return False
        if announced is not None:
            self._queue.withdraw(announced)
        try:
            return self._kept.put(parts)
        finally:
            # What was not written whole is in the way of others until it is removed.
            self._see_to_confirm()

    def announce(self, *, is_change: bool) -> object:
        """Have others who append wait a moment for an item; return what to append it with.

        They do not wait for what goes into a spool.
        """
        return self._queue.announce() if self._kept is None or is_change else None

    def confirm(self) -> None:
        """Return when all that was appended before is durable. Raises Unavailable."""
        self._run(())

    def unfold(self, where: Mapping[str, Any], some: Some | None = None) -> None:
        """Return when each act recorded before that may fulfil `where` has a record of its own.

        At least `some` of them have then. What was recorded on other hosts a moment before may be
        missing. Raises Unavailable, Unfolding if there is too much for now, TooCostly if too much
        is to be looked through.
        """
        self.settle()
        until = monotonic() + _UNFOLDING_SECONDS
        has_done_some = False
        with refused():
            for sheaf in self.sheaves.claimed(where, some, self._counts.sieve(where)):
                if sheaf is not None:
                    self._unfold(sheaf)
                    has_done_some = True
                if monotonic() > until:
                    if has_done_some:
                        raise Unfolding.because("trail-unfolding")
                    # Another attempt would look into the same ones, and come no further.
                    raise TooCostly.because("database-work-too-long")

    def _unfold(self, sheaf: Sheaf[Item]) -> None:
        told = sheaf.at, self._records.unfolded(sheaf.facts(UNFOLDED))
        items = [*sheaf.items, told]
        if sheaf.is_doubtful:
            items = list(self._doubt.missing(items))
        for start in range(0, len(items), _UNFOLDED_AT_ONCE):
            self._run(items[start : start + _UNFOLDED_AT_ONCE])
        # The last one has been waited for until it is durable, and so is all before it.
        self.sheaves.unfolded(sheaf)

    def settle(self) -> None:
        """Return when the database has all that this host recorded before. Raises Unavailable."""
        if self._kept is None:
            return
        awaited, until = self._kept.others(), monotonic() + _PATIENCE_SECONDS
        if awaited:
            self._kept.want()
            self._take_over()
        while awaited := awaited & self._kept.others():
            if monotonic() > until:
                raise Unavailable.because("trail-unavailable")
            sleep(_MOMENT_SECONDS)
            self._take_over()
        # Once only: others of this process go on recording.
        if self._kept.has_some():
            self.confirm()

    def _take_over(self) -> None:
        if self._kept is not None and self._kept.take_over():
            self._see_to_confirm()
            self.confirm()

    def begin(self) -> None:
        """See to what was left, and that this process has heard of an epoch. Raises Unavailable."""
        if not self._epochs.last():
            self._take_over()
            self._epochs.now()

    def epoch(self) -> int:
        """Return the last epoch that this process heard of, 0 if it has heard of none."""
        return self._epochs.last()

    def bump(self) -> int:
        """Begin a new epoch and return it when every process goes by it. Raises Unavailable."""
        return self._epochs.bump()

    def close(self) -> None:
        """Confirm what there is, and append no more."""
        self._ended.set()
        self._unconfirmed.set()
        if self._tail is not None or self._left is not None or self._kept is not None:
            with suppress(FhirError):
                self.confirm()

    def _run(self, items: Sequence[Timed[Item]], announced: object = None) -> None:
        try:
            with refused():
                self._queue.run(items, announced)
        except Unavailable:
            raise
        except (Broken, FhirError) as error:
            raise Unavailable.because("trail-unavailable") from error

    def _append(self, batch: Sequence[Sequence[Timed[Item]]]) -> list[None]:
        """Record all items of `batch`, behind what was kept; only one thread at a time is here."""
        taken = nullcontext(()) if self._kept is None else self._kept.taken()
        with taken as segments, self._writing():
            self._settle_lanes()
            before = list(self._bound(segments))
            items = [*before, *(item for several in batch for item in several)]
            self._record(items, is_asked=bool(segments) or not all(batch))
        return [None] * len(batch)

    def _bound(self, segments: Sequence[Segment]) -> Iterator[Timed[Item]]:
        """Store what is in `segments` as sheaves, and yield what the trail is to tell of them."""
        for segment in segments:
            sheaf = self.sheaves.bind(segment.path.name, segment.text())
            if sheaf is not None:
                told = sheaf.at, self._records.bound(sheaf.facts(BOUND))
                yield from self._doubt.missing([told]) if sheaf.is_doubtful else (told,)

    def _settle_lanes(self) -> None:
        """See to it that the present lane is not too old, and that the one before it is whole."""
        if self._tail is not None and monotonic() - self._tail.begun > lanes.LANE_SECONDS:
            self._leave()
        if self._left is not None:
            self._settle_left(self._left)

    def _record(self, items: Sequence[Timed[Item]], *, is_asked: bool) -> None:
        if self._tail is None and items:
            records = self._records
            self._tail = begun(self._engine, records.write, records.opening, self._now)
        if self._tail is not None:
            try:
                self._put(self._tail, items, is_asked=is_asked)
            except BaseException:
                # It is not known how long the lane is.
                self._leave()
                raise

    def _leave(self) -> None:
        """Put nothing more into the present lane."""
        self._left, self._tail = self._tail, None

    def _settle_left(self, left: Tail[Item]) -> None:
        """Confirm the records of a lane that is `left`, which are lost otherwise."""
        try:
            left.confirm()
        except Broken as error:
            # Somebody else changed it, as an inspection tells; to go on is better than to stop.
            _log.error("trail lane broken", extra={"lane": str(error)})
        self._left = None

    def _put(self, tail: Tail[Item], items: Sequence[Timed[Item]], *, is_asked: bool) -> None:
        """Put `items` at the `tail`, and confirm them if somebody waits for that."""
        tail.put(items)
        is_late = monotonic() - tail.confirmed > _LATE_SECONDS
        is_durable = any(self._records.is_durable(item) for _, item in items)
        if is_asked or is_durable or (tail.unconfirmed and is_late):
            tail.confirm()
        if tail.unconfirmed:
            self._see_to_confirm()

    def _see_to_confirm(self) -> None:
        """Have what nobody waits for confirmed soon, also if nothing more comes."""
        if self._confirmer is None and not self._ended.is_set():
            self._confirmer = Thread(target=self._confirm_always, daemon=True, name="trail")
            self._confirmer.start()
        if not self._unconfirmed.is_set():
            self._unconfirmed.set()

    def _confirm_always(self) -> None:
        while not self._ended.is_set():
            self._unconfirmed.wait()
            self._unconfirmed.clear()
            if self._kept is None:
                self._ended.wait(_CONFIRM_SECONDS)
            else:
                self._kept.rest(self._ended)
            if not self._ended.is_set():
                try:
                    self._confirm_now()
                except (FhirError, PyMongoError):
                    self._unconfirmed.set()
                except Exception as error:  # noqa: BLE001 - whatever it is, nobody else does this
                    _log.error("trail not confirmed", extra={"kind": type(error).__name__})
                    self._unconfirmed.set()

    def _confirm_now(self) -> None:
        """Confirm what there is, beside those who append if that can be."""
        tail = self._tail
        with suppress(Broken):
            if self._kept is None and tail is not None and tail.confirm_beside():
                return
        self.confirm()
