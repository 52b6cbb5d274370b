"""Indexes that are built when a search first needs them.

An index costs every write, so those that few searches need are not there from the start. MongoDB
builds one while reads and writes go on, however many processes ask for it, and takes a build up
again after a crash; if it does not, the next who asks begins it anew. A thread of its own waits
for the end of it, and a request only for a moment.

Spec: https://www.mongodb.com/docs/manual/core/index-creation/
"""

import logging
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any

import pymongo
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from server.fhir.outcome import TooCostly, Unavailable
from server.store.documents import Document
from server.store.failures import refused
from server.store.indexing import IndexSpec, model

SORTING = "sort_"
MOST_SORTING = 20
_PATIENCE_SECONDS = 2.0
_LONGEST_SECONDS = 7 * 24 * 3600
_RETRY_SECONDS = "3"
_UNAUTHORIZED = 13
_log = logging.getLogger("tongkang.store")


@dataclass(frozen=True, slots=True)
class Build:
    """An index that is being built; at the present stage of it, `done` of `total` are done.

    There are two stages: to read all resources, and to write the index.
    """

    type: str
    index: str
    done: int
    total: int

    @property
    def percent(self) -> int:
        """How much of the present stage is done."""
        return 100 * self.done // self.total if self.total else 0


class IndexesOnDemand:
    """The indexes of one database that are built on demand; a request waits `patience` seconds."""

    def __init__(self, database: Database[Document], patience: float = _PATIENCE_SECONDS) -> None:
        self._database = database
        self._patience = patience
        self._ready: set[tuple[str, str]] = set()
        self._building: dict[tuple[str, str], Future[None]] = {}
        self._lock = Lock()

    def prepare(self, type: str, specs: Sequence[IndexSpec], few: int) -> None:
        """Return when the indexes `specs` of `type` are there.

        Raises Unavailable if one is still being built, TooCostly if the type has as many indexes
        to sort by as it may; a search of at most `few` resources needs none.
        """
        missing = [spec for spec in specs if (type, spec.name) not in self._ready]
        for spec in missing:
            future = self._building.get((type, spec.name)) or self._begun(type, spec, few)
            try:
                future.result(self._patience)
            except TimeoutError:
                raise self._unfinished(type) from None
            except PyMongoError as error:
                raise _later("database-unavailable") from error

    def are_ready(self, type: str, specs: Sequence[IndexSpec]) -> bool:
        """Tell whether this process has seen that all indexes `specs` of `type` are there."""
        return all((type, spec.name) in self._ready for spec in specs)

    def builds(self, type: str | None = None) -> list[Build]:
        """Return the indexes that are being built, of one type or of all.

        There seem to be none if the server's account may not see what MongoDB is doing.
        """
        question = {
            "currentOp": True,
            "command.$db": self._database.name,
            "command.createIndexes": {"$exists": True} if type is None else type,
            "progress": {"$exists": True},
        }
        with refused():
            try:
                running = self._database.client.admin.command(question)["inprog"]
            except OperationFailure as error:
                if error.code != _UNAUTHORIZED:
                    raise
                return []
        return [_build(operation["command"], operation["progress"]) for operation in running]

    def _unfinished(self, type: str) -> Unavailable:
        percent = max((one.percent for one in self.builds(type)), default=None)
        if percent is None:
            return _later("search-index-begun", type=type)
        return _later("search-index-building", type=type, percent=percent)

    def _begun(self, type: str, spec: IndexSpec, few: int) -> Future[None]:
        self._require_room(type, spec, few)
        with self._lock:
            future = self._building.get((type, spec.name))
            if future is None:
                future = self._building[type, spec.name] = Future()
                # A daemon, so that a server which shall end does not wait for it.
                Thread(target=self._build, args=(type, spec, future), daemon=True).start()
            return future

    def _require_room(self, type: str, spec: IndexSpec, few: int) -> None:
        if not spec.name.startswith(SORTING):
            return
        with refused():
            names = set(self._database[type].index_information())
        if spec.name in names:
            return
        if sum(name.startswith(SORTING) for name in names) >= MOST_SORTING:
            raise TooCostly.because(
                "search-sort-indexes-too-many",
                type=type,
                limit=MOST_SORTING,
                few=few,
                order=", ".join(name for name, _ in spec.keys),
            )

    def _build(self, type: str, spec: IndexSpec, future: Future[None]) -> None:
        try:
            with pymongo.timeout(_LONGEST_SECONDS):
                # What nothing was ever stored of is made, with its indexes, by the first write.
                is_there = type in self._database.list_collection_names(filter={"name": type})
                if is_there:
                    self._database[type].create_indexes([model(spec)])
        except BaseException as error:  # noqa: BLE001 - raised to those who wait
            _log.warning("The index %s of %s was not built.", spec.name, type)
            del self._building[type, spec.name]
            future.set_exception(error)
        else:
            if is_there:
                self._ready.add((type, spec.name))
            del self._building[type, spec.name]
            future.set_result(None)


def _build(command: Document, progress: Document) -> Build:
    """Return the build that `command` asked for."""
    name = command["indexes"][0]["name"]
    done, total = int(progress["done"]), int(progress["total"])
    return Build(command["createIndexes"], name, done, total)


def _later(message: str, **arguments: Any) -> Unavailable:  # what a text shows
    refusal = Unavailable.because(message, **arguments)
    refusal.headers["Retry-After"] = _RETRY_SECONDS
    return refusal
