"""Opening the database of one process."""

import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from secrets import token_bytes
from time import time_ns

from pymongo import MongoClient, ReturnDocument
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from server.access.visibility import Visibility
from server.fhir.outcome import Unavailable
from server.store.belonging import Belonging
from server.store.collections import Collections, IndexSpec
from server.store.definitions import StoredDefinitions
from server.store.documents import Document
from server.store.engine import Engine
from server.store.failures import refused
from server.store.history import History
from server.store.loads import LoadedSystems
from server.store.marks import Marks
from server.store.mongod import CannotStart
from server.store.parts import Parts
from server.store.queue import Queue
from server.store.resources import Resources
from server.store.safe import Safe
from server.store.shelf import Layout, Shelf
from server.store.tallies import Tallies

_SHARDED = "isdbgrid"
_log = logging.getLogger("tongkang.store")


def check_url(url: str) -> None:
    """Raise CannotStart unless the driver understands all of `url`; connects to nothing."""
    try:
        with warnings.catch_warnings():
            # The driver only warns of an option that it then leaves out, such as tls=maybe.
            warnings.simplefilter("error")
            MongoClient[Document](url, connect=False).close()
    except (PyMongoError, ValueError, OSError, UserWarning):
        # The driver's own words may quote the password.
        raise CannotStart.because("mongodb-url-malformed") from None


def connect(url: str, timeout: float) -> MongoClient[Document]:
    """Return a client whose every operation ends within `timeout` seconds.

    To be called after a fork, never before: the driver's threads do not survive one. Nothing is
    looked for before the first operation, which then is refused if it cannot be found.
    """
    return MongoClient(
        url,
        connect=False,
        timeoutMS=int(timeout * 1000),
        serverSelectionTimeoutMS=int(timeout * 1000),
        appname="tongkang",
        tz_aware=True,
        maxPoolSize=64,
    )


@dataclass(frozen=True, slots=True)
class Store:
    """The database, from which a caller's `Resources` and `History` are made."""

    engine: Engine
    now: Callable[[], int]

    @classmethod
    def open(
        cls,
        client: MongoClient[Document],
        name: str,
        indexes: Callable[[str], Sequence[IndexSpec]],
        zone: tzinfo,
        about: Callable[[str], str | None] = lambda _: None,
    ) -> "Store":
        """Return the store in database `name`, with dates written in `zone`."""
        # An answer must not be built on what a failover may take back.
        database = client.get_database(
            name, read_concern=ReadConcern("majority"), write_concern=WriteConcern("majority")
        )
        return cls(Engine(client, Collections(database, indexes, about), zone), milliseconds_now)

    def resources(self, visibility: Visibility) -> Resources:
        """Return the current versions within `visibility`."""
        return Resources(self.engine, visibility, self.now)

    def history(self, visibility: Visibility) -> History:
        """Return all versions within `visibility`."""
        return History(self.engine, visibility)

    @property
    def belonging(self) -> Belonging:
        """The marks that all that is about a patient bears, and what patients keep from others."""
        return self.engine.belonging

    def shelf(self, layout: Layout) -> Shelf:
        """Return the records, not FHIR's, that `layout` describes."""
        return Shelf(self.engine.collections.database, layout)

    def queue(self) -> Queue:
        """Return the jobs that nobody waits for, as this process takes them."""
        return Queue(self.engine.collections.database)

    def marks(self) -> Marks:
        """Return the marks of what those jobs have done."""
        return Marks(self.engine.collections.database)

    def parts(self, safe: Safe) -> Parts:
        """Return what those jobs need and have made, encrypted by `safe`."""
        return Parts(self.engine.collections.database, safe)

    def definitions(self, is_shipped: Callable[[str, str], bool]) -> StoredDefinitions:
        """Return the code systems, value sets and concept maps that users have stored."""
        return StoredDefinitions(self.engine, is_shipped)

    def tallies(self) -> Tallies:
        """Return what is counted of what institutions send."""
        return Tallies(self.engine.collections.database)

    def loaded(self) -> LoadedSystems:
        """Return the code systems that are too large to be resources."""
        return LoadedSystems(self.engine.collections.database)

    def ping(self) -> None:
        """Raise Unavailable unless the database answers, can be written to and has transactions.

        Those need a replica set, if only of one node, or a sharded cluster.
        """
        with refused():
            state = self.engine.client.admin.command("hello")
        if "setName" not in state and state.get("msg") != _SHARDED:
            # Readiness is asked for from the start on, so this is in the log from the start on.
            _log.error("MongoDB is a standalone; a replica set or a sharded cluster is needed.")
            raise Unavailable.because("database-standalone")
        if not state.get("isWritablePrimary"):
            raise Unavailable.because("database-unavailable")

    def secret(self) -> bytes:
        """Return the key that all servers on this database sign with, made at first need."""
        with refused():
            kept: Document = (
                self.engine.collections.database["_keys"].find_one_and_update(
                    {"_id": "cursor"},
                    {"$setOnInsert": {"key": token_bytes(32), "made": datetime.now(UTC)}},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
                or {}
            )
        return bytes(kept["key"])

    def close(self) -> None:
        """Close every connection."""
        self.engine.client.close()


def milliseconds_now() -> int:
    """Return the time in microseconds since 1970, to the millisecond, which is what FHIR shows."""
    return time_ns() // 1_000_000 * 1000
