"""The process that does jobs: huey's consumer on a queue in MongoDB.

huey runs the threads, asks the queue for work, more and more rarely while there is none, starts a
thread again that has died, and ends them in good order. What it is given is the id of a job and
nothing else, so that nothing from the database is ever unpickled. Unlike with its own storages,
taking a job does not remove it from the queue: it is leased, and taken again from who has died.

Spec: https://huey.readthedocs.io/en/stable/
"""

import logging
import os
from collections.abc import Callable
from typing import Any

from huey import Huey
from huey.api import TaskWrapper
from huey.constants import EmptyData
from huey.registry import Message
from huey.serializer import Serializer
from huey.storage import BaseStorage

from server import door
from server.fhir.outcome import FhirError
from server.jobs.running import Perform, Runner
from server.services import Services
from server.store.queue import Queue

_IDLE_SECONDS = 1.0
_GRACE_SECONDS = 10
_NICE = 5
_NAME = "tongkang"
_TASK = "job"
_log = logging.getLogger("tongkang.jobs")


class _Ids(Serializer):  # type: ignore[misc]  # huey has no types
    """Writes a task as the id of its job."""

    def _serialize(self, data: Message) -> bytes:
        return str(data.args[0]).encode()

    def _deserialize(self, data: bytes) -> Message:
        id = data.decode()
        return Message(id, f"{__name__}.{_TASK}", retries=0, retry_delay=0, args=(id,), kwargs={})


class _Storage(BaseStorage):  # type: ignore[misc]  # as above
    """What huey asks of a storage and we use: a queue, without results, schedules and locks."""

    priority = False

    def __init__(self, name: str, queue: Queue) -> None:
        super().__init__(name)
        self._queue = queue
        self._has_failed = False

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        """Have the job whose id is `data` be done."""
        del priority
        self._queue.offer(data.decode())

    def dequeue(self) -> bytes | None:
        """Return the id of a job to do, None if there is none, or no database."""
        try:
            id = self._queue.take()
        except FhirError as error:
            if not self._has_failed:
                _log.warning("the queue cannot be asked: %s", error)
            self._has_failed = True
            return None
        self._has_failed = False
        return None if id is None else id.encode()

    def read_schedule(self, ts: object) -> list[bytes]:
        """Return nothing: no job has a time of its own."""
        del ts
        return []

    def peek_many(self, keys: object) -> dict[str, bytes]:
        """Return nothing: a job that was cancelled is not in the queue."""
        del keys
        return {}

    def pop_data(self, key: object) -> Any:  # noqa: ANN401 - of huey's own
        """Return that there is nothing."""
        del key
        return EmptyData


def _task(queue: Queue, run: Callable[[str], None]) -> tuple[Huey, TaskWrapper]:
    """Return huey on `queue`, and the one task that it knows."""
    huey = Huey(_NAME, results=False, serializer=_Ids(), storage_class=_Storage, queue=queue)

    def job(id: str) -> None:
        run(id)

    return huey, huey.task(name=_TASK)(job)


def _nothing(id: str) -> None:
    """Do nothing: where jobs are offered, none is done."""


def offer(queue: Queue, id: str) -> None:
    """Have the job with this id be done by whatever process does jobs."""
    _, task = _task(queue, _nothing)
    task(id)


def work(services: Services, threads: int, perform: Perform = door.perform) -> None:
    """Do jobs, so many (`threads`) at a time, until this process is told to end.

    Requests come first: this process gets what they leave of the processor.
    """
    os.nice(_NICE)

    def ends() -> bool:
        return bool(consumer.stop_flag.is_set())

    huey, _ = _task(services.queue, Runner(services, ends, perform).run)
    consumer = huey.create_consumer(
        workers=threads,
        periodic=False,
        max_delay=_IDLE_SECONDS,
        scheduler_interval=60,
        graceful_signal="TERM",
        shutdown_timeout=_GRACE_SECONDS,
    )
    consumer.run()
