"""What is in the spool and on its way to the trail, and what others on this host have there."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event as Flag
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from server.fhir.outcome import Unavailable
from server.store.spool import Segment, Spool

Item = TypeVar("Item")
_REST_SECONDS, _SLICE_SECONDS = 0.4, 0.05
_MANY, _TOO_MANY = 400, 5000
_log = logging.getLogger("tongkang.trail")


class Kept(Generic[Item]):
    """The items that this process has put into the `spool`, and what it has taken over.

    `encode` keeps an item in a line, that is its beginning, which many items share, and the rest.
    Any thread may put; one at a time takes.
    """

    def __init__(
        self, spool: Spool, encode: Callable[[Item], tuple[bytes, bytes]], now: Callable[[], int]
    ) -> None:
        self._spool = spool
        self._encode = encode
        self._now = now
        self._lock, self._taking = Lock(), Lock()
        self._count = 0
        self._segments: list[Segment] = []
        self._hurry = Flag()
        self._is_failing = False

    def put(self, items: Sequence[Item]) -> bool:
        """Keep `items`; False if the trail has to take them at once, for it is behind, or fails.

        Raises Unavailable if they cannot be written.
        """
        if self._is_failing or self._count > _TOO_MANY:
            return False
        with _NEEDED, self._lock:
            at = self._now()
            for item in items:
                beginning, rest = self._encode(item)
                self._spool.write(beginning, b"%d %b" % (at, rest))
                self._count += 1
        if self._count >= _MANY and not self._hurry.is_set():
            self._hurry.set()
        return True

    def has_some(self) -> bool:
        """Tell whether there is something that the trail is yet to take, or is just taking."""
        return bool(self._count or self._segments)

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
                    segment.text()
                except BaseException:
                    # Somebody else may be able to read it.
                    self._spool.leave(segment)
                    raise
                with self._lock:
                    self._segments.append(segment)
                is_some = True
        return is_some

    @contextmanager
    def taken(self) -> Iterator[list[Segment]]:
        """Give what the trail is to take, in order; it has it if the block ends well.

        Raises Unavailable if the block cannot read them.
        """
        with self._lock:
            self._segments += self._spool.turn()
            segments, count = list(self._segments), self._count
        try:
            with _NEEDED:
                yield segments
        except BaseException:
            self._is_failing = True
            raise
        self._is_failing = False
        with self._lock:
            self._count -= count
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


class _Needed:
    """Turns a failure of the spool into a refusal; every read passes here, so no generator does."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Raise Unavailable instead of an `error` of the file system."""
        if isinstance(error, OSError):
            raise Unavailable.because("trail-unavailable") from error


_NEEDED = _Needed()
