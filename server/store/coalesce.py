"""Many threads' single operations, sent to the database as few large ones.

A driver spends most of a small operation on the command, not on the document.
The first thread to come leads: it runs its own item at once. Items that arrive
meanwhile wait together and make the next batch, led by one of their owners.
There is no timer unless others have announced themselves, so a lone caller never waits.
"""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

_MOMENT = 0.002

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class _Waiting(Generic[Item, Answer]):
    __slots__ = ("answer", "asleep", "error", "item", "leads")

    def __init__(self, item: Item) -> None:
        self.item = item
        # A lock that is held until its owner shall go on: an Event takes several times as long.
        self.asleep = Lock()
        self.asleep.acquire()
        self.leads = False
        self.answer: Answer | Exception | None = None
        self.error: BaseException | None = None


class Coalescer(Generic[Item, Answer]):
    """Runs `operation` on batches of at most `limit` items.

    `operation` gets a sequence of items and returns as many answers, in order;
    an answer that is an exception is raised to the owner of that item alone. A
    failure of the kind `shared` is raised to those who wait for the next batch
    too: they have waited as long as a failure takes, and would once more.

    A batch waits for items that are announced, but not longer than a moment.
    """

    def __init__(
        self,
        operation: Callable[[Sequence[Item]], Sequence[Answer | Exception]],
        limit: int = 500,
        shared: tuple[type[Exception], ...] = (),
    ) -> None:
        self._operation = operation
        self._limit = limit
        self._shared = shared
        self._lock = Lock()
        self._queue: list[_Waiting[Item, Answer]] = []
        self._led = False
        self._announced: set[object] = set()
        self._complete: Lock | None = None

    def announce(self) -> object:
        """Say that an item is about to come; return what to run it with."""
        coming = object()
        with self._lock:
            self._announced.add(coming)
        return coming

    def run(self, item: Item, announced: object = None) -> Answer:
        """Return the answer to `item`, which may have been `announced`.

        Raises what `operation` raised for the batch or answered for this item.
        """
        mine: _Waiting[Item, Answer] = _Waiting(item)
        with self._lock:
            self._queue.append(mine)
            mine.leads = not self._led
            self._led = True
            self._expect_no_more(announced)
        if not mine.leads:
            mine.asleep.acquire()
        if mine.leads:
            self._lead(mine)
        if mine.error is not None:
            raise mine.error
        if isinstance(mine.answer, Exception):
            raise mine.answer
        return mine.answer  # type: ignore[return-value]  # set by _lead for every item of its batch

    def withdraw(self, announced: object) -> None:
        """Say that the item that was `announced` does not come."""
        with self._lock:
            self._expect_no_more(announced)

    def _expect_no_more(self, announced: object) -> None:
        self._announced.discard(announced)
        if self._complete is not None and not self._announced:
            self._complete.release()
            self._complete = None

    def _gather(self) -> None:
        """Wait a moment for those who are about to come."""
        with self._lock:
            if not self._announced:
                return
            complete = self._complete = Lock()
            complete.acquire()
        if not complete.acquire(timeout=_MOMENT):
            with self._lock:
                self._complete = None
                # Whoever takes longer than that is not waited for again.
                self._announced.clear()

    def _lead(self, leader: _Waiting[Item, Answer]) -> None:
        self._gather()
        with self._lock:
            batch, self._queue = self._queue[: self._limit], self._queue[self._limit :]
        try:
            answers = self._operation([waiting.item for waiting in batch])
            for waiting, answer in zip(batch, answers, strict=True):
                waiting.answer = answer
        except BaseException as error:
            if isinstance(error, self._shared):
                with self._lock:
                    batch, self._queue = batch + self._queue, []
            for waiting in batch:
                waiting.error = error
            raise
        finally:
            self._hand_over()
            for waiting in batch:
                if waiting is not leader:
                    waiting.asleep.release()

    def _hand_over(self) -> None:
        with self._lock:
            self._led = bool(self._queue)
            if self._led:
                self._queue[0].leads = True
                self._queue[0].asleep.release()
