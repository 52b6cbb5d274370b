"""Which processes write, and what each of them is known to have heard of.

A process that has not heard of a new search parameter stores resources without its entries. So
each says, again and again, which set of parameters all of its writes go by; the pass over what
is stored begins when all say the same. One that has been silent for long cannot be writing:
it writes only while what it knows is fresh.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from uuid import uuid4

from pymongo.database import Database

from server.store.documents import Document

WRITERS = "_writers"
SILENT_MS = 30_000
_FORGOTTEN_MS = 3_600_000


class InFlight:
    """The writes of this process that are under way, by the number of what they go by."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._lock = Lock()

    @contextmanager
    def counted(self, number: int) -> Iterator[None]:
        """Count a write that goes by `number` or a later one, for as long as the block takes."""
        with self._lock:
            self._counts[number] += 1
        try:
            yield
        finally:
            with self._lock:
                self._counts[number] -= 1
                if not self._counts[number]:
                    del self._counts[number]

    def older_than(self, number: int) -> bool:
        """Tell whether a write is under way that may go by less than `number`."""
        with self._lock:
            return any(known < number for known in self._counts)


class Writers:
    """The processes on one database, of which this is one."""

    def __init__(self, database: Database[Document]) -> None:
        self._collection = database[WRITERS]
        self._id = str(uuid4())

    def say(self, seen: str) -> None:
        """Say that all writes of this process go by the set of parameters `seen`."""
        change: list[dict[str, Any]] = [{"$set": {"seen": seen, "at": "$$NOW"}}]
        self._collection.update_one({"_id": self._id}, change, upsert=True)

    def agree(self, seen: str) -> bool:
        """Tell whether no process writes by anything but `seen`."""
        age = {"$subtract": ["$$NOW", "$at"]}
        self._collection.delete_many({"$expr": {"$gt": [age, _FORGOTTEN_MS]}})
        other = {"seen": {"$ne": seen}, "$expr": {"$lt": [age, SILENT_MS]}}
        return self._collection.find_one(other) is None

    def leave(self) -> None:
        """Say that this process writes no more."""
        self._collection.delete_one({"_id": self._id})
