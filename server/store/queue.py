"""Work that callers do not wait for: one document of ``_queue`` for each job.

``{_id, state, client, account, token, interaction, type, request, address, language, created,
expires_at, holder, until, attempts, started, ended, done, total, rights}``: `client` and `account`
are whose job it is, `token` the id of the record that its rights come from, `request` the text of
the request as the trail keeps it. `until` is the moment when the lease of the `holder` is over:
another process takes the job then, for this one has died. What has expired is not there any more,
even before MongoDB removes it. What a job needs and what it has made are in `parts`.

Spec: https://hl7.org/fhir/R4/async.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pymongo
from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.database import Database

from server.fhir.messages import Language
from server.store.documents import Document
from server.store.failures import refused

QUEUE = "_queue"
NEW, QUEUED, RUNNING, DONE, STOPPED = "new", "queued", "running", "done", "stopped"
_OPEN = (NEW, QUEUED, RUNNING)
LEASE_SECONDS = 10.0
_INDEXES = (
    pymongo.IndexModel([("state", 1), ("created", 1)]),
    pymongo.IndexModel([("client", 1), ("account", 1)]),
    pymongo.IndexModel("expires_at", expireAfterSeconds=0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job. `state` is new, queued, running, done, or stopped as its rights have ended.

    `done` of `total` steps are done; `total` 0 is not known yet. `attempts` is how often it was
    begun. `rights` tells apart what rights it was run with.
    """

    id: str
    client: str | None
    account: str | None
    token: str | None
    interaction: str
    type: str | None
    request: str
    address: str | None
    language: Language
    expires_at: datetime
    created: datetime
    state: str = NEW
    attempts: int = 0
    done: int = 0
    total: int = 0
    started: datetime | None = None
    ended: datetime | None = None
    rights: str | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether there is work to do, or being done."""
        return self.state in _OPEN


class Queue:
    """The jobs of a database; `holder` names this process in the leases that it takes."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._holder = str(uuid4())
        self._is_made = False

    def add(self, job: Job) -> None:
        """Keep a new job, which nobody takes before it is offered."""
        kept = {one.name: getattr(job, one.name) for one in fields(job) if one.name != "id"}
        with refused():
            self._collection.insert_one({"_id": job.id, **kept, "holder": None, "until": None})

    def offer(self, id: str) -> None:
        """Have the new job with this id be taken by whoever is free first."""
        change = [{"$set": {"state": QUEUED, "until": "$$NOW"}}]
        with refused():
            self._collection.update_one({"_id": id, "state": NEW}, change)

    def take(self) -> str | None:
        """Return the id of the oldest job that is free, which this process now has; else None."""
        free = {"$expr": {"$lte": ["$until", "$$NOW"]}}
        where = {"state": {"$in": [QUEUED, RUNNING]}, **free, **_unexpired()}
        change = {
            "state": RUNNING,
            "started": {"$ifNull": ["$started", "$$NOW"]},
            "attempts": {"$add": ["$attempts", 1]},
            **self._lease(),
        }
        with refused():
            found = self._collection.find_one_and_update(
                where, [{"$set": change}], {"_id": 1}, sort=[("created", 1)]
            )
        return None if found is None else str(found["_id"])

    def find(self, id: str) -> Job | None:
        """Return the job with this id, None if there is none."""
        with refused():
            found = self._collection.find_one({"_id": id, **_unexpired()})
        return None if found is None else _job(found)

    def all(self) -> Iterator[Job]:
        """Yield all jobs, the oldest first."""
        with refused():
            for found in self._collection.find(_unexpired()).sort("created", 1):
                yield _job(found)

    def count_open(self, client: str | None, account: str | None) -> int:
        """Return how many jobs of these are not done yet."""
        where = {"client": client, "account": account, "state": {"$in": list(_OPEN)}}
        with refused():
            return self._collection.count_documents({**where, **_unexpired()})

    def keep(self, id: str, done: int, total: int) -> bool:
        """Go on having a job, and note how far it is; False if this process has it no more."""
        return self._change(id, {"done": done, "total": total, **self._lease()})

    def postpone(self, id: str, seconds: float) -> bool:
        """Leave a job, which cannot be done now, to whoever takes it in so many seconds."""
        later = {"$add": ["$$NOW", int(seconds * 1000)]}
        return self._change(id, {"state": QUEUED, "holder": None, "until": later})

    def give_back(self, id: str) -> bool:
        """Leave a job to whoever takes it next; that it was begun here does not count."""
        fewer = {"$subtract": ["$attempts", 1]}
        left = {"state": QUEUED, "holder": None, "until": "$$NOW", "attempts": fewer}
        return self._change(id, left)

    def finish(self, id: str, state: str, expires: datetime, rights: str | None = None) -> bool:
        """Note that a job has come to its end; False if this process has it no more."""
        told = {"state": state, "ended": "$$NOW", "until": None, "expires_at": expires}
        return self._change(id, {**told, "rights": {"$literal": rights}})

    def remove(self, id: str) -> Job | None:
        """Remove a job and return it, None if there is none; who runs it will notice."""
        with refused():
            found = self._collection.find_one_and_delete({"_id": id, **_unexpired()})
        return None if found is None else _job(found)

    def _change(self, id: str, values: Mapping[str, Any]) -> bool:
        where = {"_id": id, "holder": self._holder, "state": RUNNING, **_unexpired()}
        with refused():
            found = self._collection.find_one_and_update(
                where, [{"$set": dict(values)}], {"_id": 1}, return_document=ReturnDocument.AFTER
            )
        return found is not None

    def _lease(self) -> Document:
        later = {"$add": ["$$NOW", int(LEASE_SECONDS * 1000)]}
        return {"holder": self._holder, "until": later}

    @property
    def _collection(self) -> Collection[Document]:
        collection = self._database[QUEUE]
        if not self._is_made:
            with refused():
                collection.create_indexes(list(_INDEXES))
            self._is_made = True
        return collection


def _unexpired() -> Document:
    return {"expires_at": {"$gt": datetime.now(UTC)}}


def _job(document: Document) -> Job:
    names = {one.name for one in fields(Job)}
    known = {name: value for name, value in document.items() if name in names}
    return Job(id=str(document["_id"]), **known)
