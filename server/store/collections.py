"""The collections of a database: which there are, and their indexes.

A type's two collections are made with their indexes when the first resource of
that type is written, so that a region which uses twenty types has not a
thousand empty indexes. Making them again changes nothing, so any number of
processes may do it at once. It may take longer than a request may, so a thread
of its own does it, and a request waits for as long as it can.

Indexes that only some searches need are in `on_demand`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock, Thread
from time import monotonic
from typing import Any

import pymongo
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import NetworkTimeout, OperationFailure, PyMongoError

from server.store.documents import Document
from server.store.indexing import IndexSpec, model
from server.store.on_demand import Build, IndexesOnDemand

__all__ = ["CLAIMS", "Build", "Collections", "IndexSpec", "Some"]

CLAIMS = "_claims"
ALL: Mapping[str, Any] = {}
"""The condition of who may look for anything."""
NONE: Mapping[str, Any] = {"_id": {"$in": []}}
"""The condition of who takes a collection as it is."""
_CREATION_SECONDS = 120
_AT_ONCE_SECONDS = 0.3
_EXISTS = 48
_CLAIMS_SECONDS = 3600
_HISTORY_INDEXES = (
    pymongo.IndexModel([("rid", 1), ("lu", -1)], name="rid_lu"),
    pymongo.IndexModel([("lu", -1), ("rid", -1)], name="lu_rid"),
    pymongo.IndexModel([("until", 1)], name="until"),
)


Count = Callable[[ClientSession], int]
"""Counts as of the moment that a session reads."""


@dataclass(frozen=True, slots=True)
class Some:
    """The latest of what is asked for (`direction` -1), or the earliest (1): the others may miss.

    `are_enough` tells whether there are enough of those later than a moment (µs), or earlier.
    """

    direction: int
    are_enough: Callable[[int], bool]


class Collections:
    """The collections of one database, made on first use with what `indexes` says of a type.

    `about` gives the field of a type's documents that tells which patient they are about. `before`
    has what is done before anybody is given the collection of a type to look for what fulfils a
    condition. `elsewhere` gives what counts the others that fulfil it, if they can be counted.
    """

    def __init__(
        self,
        database: Database[Document],
        indexes: Callable[[str], Sequence[IndexSpec]],
        about: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self.database = database
        self.about = about
        self.before: dict[str, Callable[[Mapping[str, Any], Some | None], None]] = {}
        self.elsewhere: dict[str, Callable[[Mapping[str, Any]], Count | None]] = {}
        self._indexes = indexes
        self._made: set[str] = set()
        self._making: dict[str, Future[None]] = {}
        self._on_demand = IndexesOnDemand(database)
        self._lock = Lock()

    def current(
        self, type: str, where: Mapping[str, Any] = ALL, some: Some | None = None
    ) -> Collection[Document]:
        """Return the collection of current versions.

        It has then what was on its way to it, and may fulfil `where`; at least `some` of that.
        """
        if type in self.before:
            self.before[type](where, some)
        return self.database[type]

    def history(self, type: str) -> Collection[Document]:
        """Return the collection of superseded versions."""
        return self.database[f"{type}_history"]

    def answers(self) -> bool:
        """Tell whether the database answers at once."""
        try:
            with pymongo.timeout(_AT_ONCE_SECONDS):
                self.database.command("ping")
        except PyMongoError:
            return False
        return True

    def types(self) -> list[str]:
        """Return the resource types that have ever been stored, sorted."""
        names = self.database.list_collection_names()
        return sorted(name for name in names if f"{name}_history" in names)

    def prepare(self, type: str, specs: Sequence[IndexSpec], few: int = 0) -> None:
        """Return when the indexes `specs` of `type`, which are built on demand, are there.

        Raises Unavailable if one is still being built, TooCostly if there may be no more of them;
        a search of at most `few` resources needs none.
        """
        self._on_demand.prepare(type, specs, few)

    def are_ready(self, type: str, specs: Sequence[IndexSpec]) -> bool:
        """Tell whether this process has seen that all indexes `specs` of `type` are there."""
        return self._on_demand.are_ready(type, specs)

    def builds(self) -> list[Build]:
        """Return the indexes that are being built just now, with how far they are."""
        return self._on_demand.builds()

    def ensure(self, type: str) -> None:
        """Make the collections of `type` and their indexes unless this process saw them made.

        Raises NetworkTimeout if that takes longer than an operation may; it goes on nevertheless.
        """
        if type in self._made:
            return
        patience = self.database.client.options.timeout
        begun = monotonic()
        # To find that the database is gone must not take as long as making indexes may.
        self.database.command("ping")
        left = None if patience is None else max(0.0, begun + patience - monotonic())
        try:
            self._beginning(type).result(left)
        except TimeoutError as error:
            message = f"The collections of {type} are still being made."
            raise NetworkTimeout(message) from error

    def ensure_all(self, types: Iterable[str]) -> None:
        """Make what `ensure` makes for all `types`, at the same time. Raises NetworkTimeout."""
        new = [type for type in sorted(types) if type not in self._made]
        if len(new) > 1:
            self.database.command("ping")
            for type in new:
                self._beginning(type)
        for type in new:
            self.ensure(type)

    def _beginning(self, type: str) -> Future[None]:
        """Return what tells when the collections of `type` are made; have it begun if it is not."""
        with self._lock:
            future = self._making.get(type)
            if future is None:
                future = self._making[type] = Future()
                # A daemon, so that a server which shall end does not wait for it.
                Thread(target=self._make_type, args=(type, future), daemon=True).start()
            return future

    def _make_type(self, type: str, future: Future[None]) -> None:
        try:
            with pymongo.timeout(_CREATION_SECONDS):
                indexes = [model(spec) for spec in self._indexes(type)]
                # Where there is something current, its history can be asked.
                self._make(f"{type}_history", list(_HISTORY_INDEXES))
                self._make(type, indexes)
                self._make(CLAIMS, [pymongo.IndexModel("at", expireAfterSeconds=_CLAIMS_SECONDS)])
        except BaseException as error:  # noqa: BLE001 - raised to those who wait
            del self._making[type]
            future.set_exception(error)
        else:
            self._made.add(type)
            future.set_result(None)

    def _make(self, name: str, indexes: list[pymongo.IndexModel]) -> None:
        zstd = {"wiredTiger": {"configString": "block_compressor=zstd"}}
        try:
            self.database.command("create", name, storageEngine=zstd)
        except OperationFailure as error:
            if error.code != _EXISTS:
                raise
        self.database[name].create_indexes(indexes)
