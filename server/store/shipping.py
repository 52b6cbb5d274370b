"""What is in the spool and on its way to the trail, and what others on this host have there."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event as Flag
from threading import Lock
from time import monotonic
from typing import Any, Generic, TypeVar

from server.fhir.outcome import Unavailable
from server.store.documents import Document
from server.store.engine import Engine
from server.store.lanes import LANES, REGISTRY, TYPE
from server.store.spool import Segment, Spool

Item = TypeVar("Item")
Timed = tuple[int, Item]
"""When something was (µs since 1970), and what."""
_REST_SECONDS, _SLICE_SECONDS = 0.3, 0.05
_MANY, _TOO_MANY = 150, 5000
_ASKED_AT_ONCE = 500
_log = logging.getLogger("tongkang.trail")


class Kept(Generic[Item]):
    """The items that this process has put into the `spool`, or taken over, until they are stored.

    `encode` and `decode` keep an item in a line, that is its beginning, which many items share,
    and the rest; `write` gives the bytes of its record, by which it is known whether the trail has
    it already. Any thread may put; one at a time takes.
    """

    def __init__(
        self,
        spool: Spool,
        codec: tuple[Callable[[Item], tuple[bytes, bytes]], Callable[[bytes, bytes], Item]],
        write: Callable[[Item, str, int, int], tuple[bytes, Mapping[str, Any]]],
        engine: Engine,
        now: Callable[[], int],
    ) -> None:
        self._spool = spool
        self._encode, self._decode = codec
        self._write = write
        database = engine.collections.database
        self._records, self._lanes = database[TYPE], database[LANES]
        self._now = now
        self._lock, self._taking = Lock(), Lock()
        self._items: list[Timed[Item]] = []
        # The trail may have these: it is not known, or who put them there is not alive.
        self._doubtful: list[Timed[Item]] = []
        self._segments: list[Segment] = []
        self._hurry = Flag()
        self._is_failing = False

    def put(self, items: Sequence[Item]) -> bool:
        """Keep `items`; False if the trail has to take them at once, for it is behind, or fails.

        Raises Unavailable if they cannot be written.
        """
        if self._is_failing or len(self._items) > _TOO_MANY:
            return False
        with _NEEDED, self._lock:
            at = self._now()
            for item in items:
                beginning, rest = self._encode(item)
                self._spool.write(beginning, b"%d %b" % (at, rest))
                self._items.append((at, item))
        if len(self._items) >= _MANY and not self._hurry.is_set():
            self._hurry.set()
        return True

    def has_some(self) -> bool:
        """Tell whether there is something that the trail is yet to take, or is just taking."""
        return bool(self._items or self._doubtful or self._segments)

    def others(self) -> set[str]:
        """Return the names of what other processes have and the trail may not have.

        Raises Unavailable.
        """
        with self._taking, _NEEDED:
            return self._spool.pending()

    def want(self) -> None:
        """Ask the other processes not to wait with what they have. Raises Unavailable."""
        with _NEEDED:
            self._spool.want()

    def rest(self, ended: Flag) -> None:
        """Wait until the trail shall take what there is: after a moment, or because of somebody."""
        until = monotonic() + _REST_SECONDS
        while monotonic() < until and not ended.is_set():
            if self._hurry.wait(_SLICE_SECONDS) or self._spool.is_wanted():
                break
        self._hurry.clear()

    def take_over(self) -> bool:
        """Take what processes have left that are not alive any more; tell whether there was some.

        Raises Unavailable.
        """
        is_some = False
        with self._taking, _NEEDED:
            for segment in self._spool.left():
                try:
                    items = list(self._read(segment))
                except BaseException:
                    self._spool.leave(segment)
                    raise
                with self._lock:
                    self._segments.append(segment)
                    self._doubtful += items
                is_some = True
        return is_some

    @contextmanager
    def taken(self) -> Iterator[Callable[[], list[Timed[Item]]]]:
        """Give what the trail is to take, in order; it has it if the block ends well."""
        with self._lock:
            items, self._items = self._items, []
            doubtful, self._doubtful = self._doubtful, []
            self._segments += self._spool.turn()
            segments = list(self._segments)
        try:
            yield lambda: [*self._missing(doubtful), *items]
        except BaseException:
            with self._lock:
                self._doubtful = [*doubtful, *items, *self._doubtful]
            self._is_failing = True
            raise
        self._is_failing = False
        for segment in segments:
            self._drop(segment)

    def _drop(self, segment: Segment) -> None:
        """Remove `segment`, or try that again next time."""
        try:
            self._spool.drop(segment)
        except OSError as error:
            told = {"segment": segment.path.name, "code": error.errno}
            _log.error("trail spool cannot be emptied", extra=told)
        else:
            with self._lock:
                self._segments.remove(segment)

    def _read(self, segment: Segment) -> Iterator[Timed[Item]]:
        for beginning, rest in segment.lines():
            at, _, text = rest.partition(b" ")
            try:
                yield int(at), self._decode(beginning, text)
            except ValueError:
                # It was cut off, so its answer never left.
                _log.warning("trail spool line cut off", extra={"segment": segment.path.name})

    def _missing(self, doubtful: Sequence[Timed[Item]]) -> Iterator[Timed[Item]]:
        """Yield those of `doubtful` that the trail does not have, whatever becomes of it."""
        if doubtful:
            # Durable as it is, so is then all that was stored before: only such records are found.
            self._lanes.update_one({"_id": REGISTRY}, {"$max": {"epoch": 1}})
        for start in range(0, len(doubtful), _ASKED_AT_ONCE):
            some = doubtful[start : start + _ASKED_AT_ONCE]
            rows: dict[int, list[Document]] = defaultdict(list)
            asked = {"ds": {"$in": sorted({at for at, _ in some})}}
            for row in self._records.find(asked, {"raw": 1, "lu": 1, "ds": 1}):
                rows[row["ds"]].append(row)
            for at, item in some:
                known = next((row for row in rows[at] if self._is_of(row, item, at)), None)
                if known is None:
                    yield at, item
                else:
                    rows[at].remove(known)

    def _is_of(self, row: Document, item: Item, at: int) -> bool:
        raw, _ = self._write(item, row["_id"], row["lu"], at)
        return raw == bytes(row["raw"])


class _Needed:
    """Turns a failure of the spool into a refusal; every read passes here, so no generator does."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Raise Unavailable instead of an `error` of the file system."""
        if isinstance(error, OSError):
            raise Unavailable.because("trail-unavailable") from error


_NEEDED = _Needed()
