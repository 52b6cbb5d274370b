"""What is counted of what institutions send: ``_tallies``, one document for each thing told of.

``{_id, told, from, to, sum: {<path>: n}, changes, waiting}``: `told` says what is counted of whom
and never changes, `from` and `to` are the first and the last day, `changes` counts how often it was
added to. What `waiting` says has not been reported as it is now.

What is sent in parts is counted part by part: ``_tallied``, ``{_id: <submission>, through}``, says
how far, and goes on in the transaction that counts, so that no part is counted twice.

Spec: https://www.mongodb.com/docs/manual/reference/operator/update/inc/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pymongo
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from server.store.documents import Document
from server.store.failures import DUPLICATE_KEY, refused

TALLIES = "_tallies"
TALLIED = "_tallied"
_INDEX = pymongo.IndexModel("waiting", sparse=True)
# Dots divide paths in MongoDB.
_DOT, _INSTEAD = ".", "/"
# A number lost in a failover is no record lost: nobody waits for a majority.
_QUICK = WriteConcern(w=1)


@dataclass(frozen=True, slots=True)
class Count:
    """What is added to the tally `id` on a `day`: how much `more` of each number.

    There is `told` what it is, in case it is new.
    """

    id: str
    told: Mapping[str, Any]
    day: str
    more: Mapping[str, int]

    def operation(self) -> pymongo.UpdateOne:
        """Return what adds this."""
        sums = {f"sum.{name.replace(_DOT, _INSTEAD)}": one for name, one in self.more.items()}
        change = {
            "$inc": {**sums, "changes": 1},
            "$set": {"waiting": True},
            "$min": {"from": self.day},
            "$max": {"to": self.day},
            "$setOnInsert": {"told": dict(self.told)},
        }
        return pymongo.UpdateOne({"_id": self.id}, change, upsert=True)


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted of one thing: the numbers by name, and what is `told` of it."""

    id: str
    told: Mapping[str, Any]
    begins: str
    ends: str
    sum: Mapping[str, int]
    changes: int


class Tallies:
    """All tallies of a database."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._is_made = False

    def add(self, counts: Sequence[Count]) -> None:
        """Add `counts` to their tallies."""
        if counts:
            with refused():
                self._collection.bulk_write([one.operation() for one in counts], ordered=False)

    def add_part(self, counts: Sequence[Count], submission: str, through: int) -> None:
        """Add `counts` of the part of `submission` that ends with the number `through`, once.

        Its parts are counted in their order; one that was counted adds nothing.
        """
        collection = self._collection
        tallied = self._database[TALLIED]

        def attempt(session: ClientSession) -> None:
            found = tallied.find_one({"_id": submission}, session=session)
            if found is not None and found["through"] >= through:
                return
            so_far = {"$set": {"through": through}}
            tallied.update_one({"_id": submission}, so_far, upsert=True, session=session)
            if counts:
                operations = [one.operation() for one in counts]
                collection.bulk_write(operations, session=session)

        with refused(), self._database.client.start_session() as session:
            try:
                session.with_transaction(attempt, write_concern=_QUICK)
            except BulkWriteError as error:
                if not _is_taken(error):
                    raise
                # Somebody else has just begun the same tally, which is there now.
                session.with_transaction(attempt, write_concern=_QUICK)

    def waiting(self, limit: int) -> list[Tally]:
        """Return at most `limit` tallies that have not been reported as they are now."""
        with refused():
            return [_tally(one) for one in self._collection.find({"waiting": True}).limit(limit)]

    def settle(self, tally: Tally) -> None:
        """Note that `tally` was reported, unless it was added to since it was read.

        Then it waits again: it may have been reported anew meanwhile, and this was put over that.
        """
        with refused():
            same = {"_id": tally.id, "changes": tally.changes}
            done = self._collection.update_one(same, {"$unset": {"waiting": ""}})
            if not done.matched_count:
                self._collection.update_one({"_id": tally.id}, {"$set": {"waiting": True}})

    @property
    def _collection(self) -> Collection[Document]:
        collection = self._database.get_collection(
            TALLIES, write_concern=_QUICK, read_concern=ReadConcern("local")
        )
        if not self._is_made:
            collection.create_indexes([_INDEX])
            self._is_made = True
        return collection


def _is_taken(error: BulkWriteError) -> bool:
    return any(one["code"] == DUPLICATE_KEY for one in error.details["writeErrors"])


def _tally(document: Document) -> Tally:
    sums = {name.replace(_INSTEAD, _DOT): one for name, one in document["sum"].items()}
    return Tally(
        document["_id"],
        document["told"],
        document["from"],
        document["to"],
        sums,
        document["changes"],
    )
