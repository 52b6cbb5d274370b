"""Opening the database of one process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from secrets import token_bytes

from pymongo import MongoClient, ReturnDocument
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from server.access.visibility import Visibility
from server.store.collections import Collections, IndexSpec
from server.store.documents import Document
from server.store.engine import Engine
from server.store.failures import refused
from server.store.history import History
from server.store.resources import Resources


def connect(url: str, timeout: float) -> MongoClient[Document]:
    """Return a client whose every operation ends within `timeout` seconds.

    To be called after a fork, never before: the driver's threads do not survive one.
    """
    return MongoClient(
        url,
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
    ) -> "Store":
        """Return the store in database `name`, with dates written in `zone`."""
        # An answer must not be built on what a failover may take back.
        database = client.get_database(
            name, read_concern=ReadConcern("majority"), write_concern=WriteConcern("majority")
        )
        return cls(Engine(client, Collections(database, indexes), zone), milliseconds_now)

    def resources(self, visibility: Visibility) -> Resources:
        """Return the current versions within `visibility`."""
        return Resources(self.engine, visibility, self.now)

    def history(self, visibility: Visibility) -> History:
        """Return all versions within `visibility`."""
        return History(self.engine, visibility)

    def ping(self) -> None:
        """Raise Unavailable unless the database answers and can be written to."""
        with refused():
            self.engine.client.admin.command("ping")
            self.engine.client.address  # noqa: B018  # asks for the primary

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
    return int(datetime.now(UTC).timestamp() * 1000) * 1000
