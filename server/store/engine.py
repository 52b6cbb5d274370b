"""What one process shares of the database: collections, batches, transactions.

Requests never use it directly but through `Resources` and `History`, which
bind it to what a caller may see.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from threading import Lock
from typing import Any, TypeVar

import pymongo
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    PyMongoError,
    WriteConcernError,
    WriteError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from server.access.visibility import Visibility
from server.fhir import json
from server.fhir.outcome import PreconditionFailed
from server.store import marks
from server.store.belonging import Belonging
from server.store.coalesce import Coalescer
from server.store.collections import CLAIMS, NONE, Collections
from server.store.documents import VERSION_FIELDS, Document
from server.store.expressions import seen, seen_fields
from server.store.failures import DUPLICATE_KEY

Result = TypeVar("Result")
_Fetch = tuple[str, Visibility, str]
_MAJORITY = WriteConcern("majority")
_SNAPSHOT = ReadConcern("snapshot")
_GONE = (ConnectionFailure,)


class Engine:
    """The store of one process; `zone` is the one that lastUpdated is written in."""

    def __init__(
        self, client: MongoClient[Document], collections: Collections, zone: tzinfo
    ) -> None:
        self.client = client
        self.collections = collections
        self._zone = zone
        self._lock = Lock()
        self._readers: dict[str, Coalescer[_Fetch, Document | None]] = {}
        self._writers: dict[str, Coalescer[RawBSONDocument, None]] = {}
        self.belonging = Belonging(collections)

    def stamp(self, body: bytes, id: str, version: int, last_updated: int) -> bytes:
        """Return `body` with id and meta set; `last_updated` in microseconds since 1970."""
        return json.stamp(body, id, version, json.instant(last_updated, self._zone))

    def fetch(
        self, type: str, id: str, visibility: Visibility, letter: str = "r"
    ) -> Document | None:
        """Return the current document, None if `visibility` has none for the right `letter`."""
        reader = self._readers.get(type) or self._reader(type)
        return reader.run((id, visibility, letter))

    def insert(self, type: str, document: RawBSONDocument) -> None:
        """Insert `document` durably. Raises DuplicateKeyError if its `_id` is taken."""
        self.collections.ensure(type)
        if marks.is_wanted():
            collection = self.collections.current(type)
            self.transaction(lambda session: collection.insert_one(document, session=session))
            return
        writer = self._writers.get(type) or self._writer(type)
        writer.run(document)

    def insert_free(self, type: str, documents: Sequence[RawBSONDocument]) -> int:
        """Insert durably those `documents` whose `_id` is free; return how many were."""
        self.collections.ensure(type)
        outcome = self._insert_many(type, documents)
        for failure in outcome:
            if not isinstance(failure, DuplicateKeyError | None):
                raise failure
        return outcome.count(None)

    def transaction(
        self, attempt: Callable[[ClientSession], Result], seconds: float | None = None
    ) -> Result:
        """Return what `attempt` returns, run in a transaction; on a conflict it runs again.

        All of it takes no longer than `seconds`, or than one operation may: else the driver would
        try for two minutes.
        What it reads is of one moment, and will not be rolled back.
        """
        failures: list[PyMongoError] = []
        committing = False

        def noted(session: ClientSession) -> Result:
            nonlocal committing
            committing = False
            try:
                result = attempt(session)
                marks.put(self.collections.database, session)
            except PyMongoError as error:
                failures.append(error)
                raise
            committing = True
            return result

        limit = seconds or self.client.options.timeout
        with self.client.start_session() as session:
            try:
                with pymongo.timeout(limit):
                    result = session.with_transaction(noted, _SNAPSHOT, _MAJORITY)
            except ExecutionTimeout as error:
                self._abandon(session)
                if committing or not failures:
                    # It may be committed, so the caller must not hear that it was refused.
                    raise NetworkTimeout(str(error)) from error
                # Time ran out in one more attempt: the first failure says why.
                raise failures[0] from error
        marks.committed()
        return result

    def _abandon(self, session: ClientSession) -> None:
        """End what `session` may have left open, for which the driver had no time."""
        with suppress(PyMongoError):  # Else the database ends it within seconds.
            self.client.admin.command("killSessions", [session.session_id])

    def claim(self, name: str, session: ClientSession) -> None:
        """Make this transaction and every other one with claim `name` exclude each other."""
        self.collections.database[CLAIMS].update_one(
            {"_id": name}, {"$set": {"at": datetime.now(UTC)}}, upsert=True, session=session
        )

    @staticmethod
    def only_one(type: str, found: Sequence[Document]) -> Document:
        """Return the one document of `found`. Raises PreconditionFailed if there are more."""
        if len(found) > 1:
            raise PreconditionFailed.because("criteria-not-selective", type=type)
        return found[0]

    def _reader(self, type: str) -> Coalescer[_Fetch, Document | None]:
        collection = self.collections.current(type, NONE)

        def read(items: Sequence[_Fetch]) -> list[Document | None]:
            found: dict[_Fetch, Document] = {}
            for visibility, letter in {(seen_by, letter) for _, seen_by, letter in items}:
                ids = [id for id, *rest in items if rest == [visibility, letter]]
                for document in _named(collection, type, ids, visibility, letter):
                    found[document["_id"], visibility, letter] = document
            return [found.get(item) for item in items]

        with self._lock:
            return self._readers.setdefault(type, Coalescer(read, shared=_GONE))

    def _writer(self, type: str) -> Coalescer[RawBSONDocument, None]:
        with self._lock:
            writer = Coalescer[RawBSONDocument, None](
                lambda items: self._insert_many(type, items), shared=_GONE
            )
            return self._writers.setdefault(type, writer)

    def _insert_many(self, type: str, items: Sequence[RawBSONDocument]) -> list[Exception | None]:
        """Return for each item None, or what kept it alone from being stored durably."""
        try:
            self.collections.current(type).insert_many(items, ordered=False)
        except BulkWriteError as error:
            return _outcome(error.details, len(items))
        return [None] * len(items)


def _named(
    collection: Collection[Document],
    type: str,
    ids: Sequence[str],
    visibility: Visibility,
    letter: str,
) -> Iterable[Document]:
    """Return the documents with these `ids` that `visibility` has for the right `letter`."""
    named: Document = {"_id": {"$in": ids} if len(ids) > 1 else ids[0]}
    condition = visibility.of(type, letter)
    if not condition:
        return collection.find(named, VERSION_FIELDS)
    if (fields := seen_fields(visibility, type, letter)) is not None:
        return seen(collection.find(named, fields))
    # Without a hint other indexes are weighed.
    return collection.find({"$and": [named, condition]}, VERSION_FIELDS, hint="_id_")


def _outcome(details: Mapping[str, Any], count: int) -> list[Exception | None]:
    """Return what became of each of `count` documents, by what the driver says of their insert."""
    unsure = [WriteConcernError(str(each["errmsg"])) for each in details["writeConcernErrors"]]
    outcome: list[Exception | None] = [unsure[0] if unsure else None] * count
    for failure in details["writeErrors"]:
        kind = DuplicateKeyError if failure["code"] == DUPLICATE_KEY else WriteError
        # The database's own words quote the document.
        outcome[failure["index"]] = kind(f"Refused with {failure['code']}.", failure["code"])
    return outcome
