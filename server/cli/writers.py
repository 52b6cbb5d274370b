"""Processes that write rows of a file, and give back what they came to in the order of the rows.

Each has what reads the facts from the process that began them, and a database connection of its
own. Of the file, only so much is in memory as they are busy with.
"""

import gc
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from time import sleep
from types import TracebackType
from typing import Self

from server.access.caller import Caller
from server.access.policy import OPEN
from server.audit.event import Event, rest
from server.cli.database import serving
from server.context import Context
from server.intake import rejects
from server.intake.batches import Batches, batches
from server.intake.counts import Counts
from server.intake.opening import Source
from server.intake.rows import Row
from server.interactions.call import Disclosed
from server.services import Interpreters
from server.store.tallies import Count

_ROWS_AT_ONCE = 100
_AHEAD = 2
_STARTING_SECONDS = 60.0
_LOOK_SECONDS = 1.0
_COLLECTED = (50_000, 20, 100)
"""How many objects there may be more before garbage is looked for, in each generation."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What some rows came to; `rejects` are lines for the file of them.

    `quality` is what they add to the tallies.
    """

    counts: Counts
    rejects: bytes
    quality: Sequence[Count]


def pieces(source: Source) -> Iterator[list[Row]]:
    """Yield the rows of `source` as one process writes them at a time."""
    return batches(source.sheet.rows, _ROWS_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Task:
    """What is written: rows of the data set of this name, or records; of which submission."""

    dataset: str | None
    submission: str


class Writers:
    """So many processes (`count`) that do a `task`.

    They begin with the block, before this process has a connection that they could not share.
    """

    def __init__(self, interpreters: Interpreters, task: "Task", count: int) -> None:
        forking = multiprocessing.get_context("fork")
        self._count = count
        self._pool = ProcessPoolExecutor(
            count, forking, _begin, (interpreters, task, forking.Barrier(count), os.getpid())
        )

    def __enter__(self) -> Self:
        """Begin all processes."""
        for ready in [self._pool.submit(_ready) for _ in range(self._count)]:
            ready.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End them when what they are doing is done."""
        self._pool.shutdown(cancel_futures=True)

    def written(self, pieces: Iterable[Sequence[Row]]) -> Iterator[Piece]:
        """Yield what `pieces` came to, when each is stored. Raises FhirError."""
        waiting: deque[Future[Piece]] = deque()
        for piece in pieces:
            waiting.append(self._pool.submit(_written, piece))
            if len(waiting) > _AHEAD * self._count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Mine:
    """What this process writes with."""

    opened: ExitStack
    batches: Batches
    ready: Barrier


def _begin(interpreters: Interpreters, task: Task, ready: Barrier, parent: int) -> None:
    # What reads the facts is there for good: a collector that walks through it again and again
    # would take a third of the time.
    gc.freeze()
    gc.set_threshold(*_COLLECTED)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    _Mine.opened = ExitStack()
    services = _Mine.opened.enter_context(serving(interpreters))
    context = Context.of(services, OPEN, interpreters.settings.language)
    dataset = None if task.dataset is None else interpreters.datasets.find(task.dataset)
    _Mine.batches = Batches(context, dataset, task.submission)
    _Mine.ready = ready


def _follow(parent: int) -> None:
    """End this process when the one that began it is gone, and nobody wants its results."""
    while os.getppid() == parent:
        sleep(_LOOK_SECONDS)
    os._exit(1)


def _ready() -> None:
    # Whoever waits here does nothing else, so that as many processes begin.
    _Mine.ready.wait(_STARTING_SECONDS)


def _written(rows: Sequence[Row]) -> Piece:
    outcome = _Mine.batches.write(rows)
    context = _Mine.batches.context
    _record(context, outcome.written)
    lines = rejects.written(outcome.rejects, context.language)
    return Piece(outcome.counts, lines, outcome.quality)


def _record(context: Context, written: Sequence[Disclosed]) -> None:
    """Have the trail know what was written."""
    if not written or context.interpreters.settings.access == "open":
        return
    trail = context.services.trail
    trail.begin()
    caller = Caller(kind="system")
    act = rest("transaction")
    trail.append(Event(act=act, caller=caller, request="import", shown=tuple(written)))
    trail.confirm()
