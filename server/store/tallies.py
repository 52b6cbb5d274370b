"""What is counted of what institutions send: ``_tallies``, one document for each thing told of.

``{_id, told, from, to, sum: {<path>: n}, changes, waiting}``: `told` says what is counted of whom
and never changes, `from` and `to` are the first and the last day, `changes` counts how often it was
added to. What `waiting` says has not been reported as it is now.

Spec: https://www.mongodb.com/docs/manual/reference/operator/update/inc/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pymongo
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from server.store.documents import Document
from server.store.failures import refused

TALLIES = "_tallies"
_INDEX = pymongo.IndexModel("waiting", sparse=True)
# Dots divide paths in MongoDB.
_DOT, _INSTEAD = ".", "/"


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

    def add(self, id: str, told: Mapping[str, Any], day: str, more: Mapping[str, int]) -> None:
        """Add `more` to the tally `id`, of which there is `told` what it is when it is new."""
        sums = {f"sum.{name.replace(_DOT, _INSTEAD)}": number for name, number in more.items()}
        change = {
            "$inc": {**sums, "changes": 1},
            "$set": {"waiting": True},
            "$min": {"from": day},
            "$max": {"to": day},
            "$setOnInsert": {"told": dict(told)},
        }
        with refused():
            self._collection.update_one({"_id": id}, change, upsert=True)

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
        # A number lost in a failover is no record lost: nobody waits for a majority.
        collection = self._database.get_collection(
            TALLIES, write_concern=WriteConcern(w=1), read_concern=ReadConcern("local")
        )
        if not self._is_made:
            collection.create_indexes([_INDEX])
            self._is_made = True
        return collection


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
