"""How far each type is with being indexed anew: one document of ``_reindex`` for each.

``{_id: type, wanted, indexed, state, run, total, done, last, started, ended, holder, until,
reason}``: `wanted` are the own parameters (URL and hash) that its resources shall be indexed by,
`indexed` those that all of them are. `last` is the id up to which the present `run` has come, so
that another process goes on from there when the lease of the `holder` is over at `until`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from server.store.documents import Document

REINDEX = "_reindex"
LEASE_MS = 20_000
_OPEN = ["queued", "running"]


@dataclass(frozen=True, slots=True)
class Job:
    """The state of one type: queued, running, done or failed for the given `reason`."""

    type: str
    state: str
    run: str
    wanted: tuple[str, ...]
    indexed: frozenset[str]
    total: int
    done: int
    last: str | None
    reason: str

    @property
    def is_open(self) -> bool:
        """Tell whether there is work to do."""
        return self.state in _OPEN

    @property
    def percent(self) -> int:
        """Return how much of the work is done, at most 99 before all of it is."""
        if self.state == "done":
            return 100
        return min(99, 100 * self.done // self.total) if self.total else 0


class Jobs:
    """The jobs of a database; `holder` names this process in the leases it takes."""

    def __init__(self, database: Database[Document]) -> None:
        self._collection = database[REINDEX]
        self._holder = str(uuid4())

    def all(self) -> dict[str, Job]:
        """Return the job of each type that has one."""
        return {str(each["_id"]): _job(each) for each in self._collection.find()}

    def want(self, type: str, wanted: Sequence[str]) -> None:
        """Have `type` indexed by `wanted`, and by nothing else, unless that is so already.

        What it is indexed by already and shall be goes on being so.
        """
        keys = {"$literal": list(wanted)}
        kept = {"$setIntersection": [{"$ifNull": ["$indexed", []]}, keys]}
        self._queue({"_id": type, "wanted": {"$ne": list(wanted)}}, wanted=keys, indexed=kept)

    def again(self, type: str) -> None:
        """Have `type` indexed anew from the start, unless it is being indexed."""
        wanted, indexed = ({"$ifNull": [f"${name}", []]} for name in ("wanted", "indexed"))
        self._queue({"_id": type, "state": {"$nin": _OPEN}}, wanted=wanted, indexed=indexed)

    def take(self, types: Sequence[str] | None = None) -> Job | None:
        """Return an open job, of one of `types` if given, that this process now has to itself."""
        free = {"$or": [{"holder": self._holder}, {"$expr": {"$lte": ["$until", "$$NOW"]}}]}
        where: Document = {"state": {"$in": _OPEN}, **free}
        if types is not None:
            where["_id"] = {"$in": list(types)}
        found = self._collection.find_one_and_update(
            where, [{"$set": self._lease()}], return_document=ReturnDocument.AFTER
        )
        return None if found is None else _job(found)

    def begin(self, job: Job, total: int) -> bool:
        """Note that the pass of `job` over about `total` resources runs; False if it is lost."""
        started = {"$ifNull": ["$started", "$$NOW"]}
        return self._change(job, state="running", total=total, started=started, **self._lease())

    def advance(self, job: Job, last: str, more: int) -> bool:
        """Note that `more` resources up to the id `last` are done; False if the job is lost."""
        done = {"$add": ["$done", more]}
        return self._change(job, done=done, last={"$literal": last}, **self._lease())

    def keep(self, job: Job) -> bool:
        """Go on having `job`; False if it is lost."""
        return self._change(job, **self._lease())

    def leave(self, job: Job) -> None:
        """Leave `job` as it is to whoever takes it next."""
        self._change(job, until="$$NOW")

    def finish(self, job: Job) -> bool:
        """Note that all resources are indexed by what is wanted; False if the job is lost."""
        return self._change(job, state="done", indexed="$wanted", ended="$$NOW", until="$$NOW")

    def fail(self, job: Job, reason: str) -> bool:
        """Note that the resources cannot be indexed; False if the job is lost."""
        told = {"$literal": reason}
        return self._change(job, state="failed", reason=told, ended="$$NOW", until="$$NOW")

    def _queue(self, where: Document, **fields: Any) -> None:
        fresh: Document = {
            "state": "queued", "run": str(uuid4()), "total": 0, "done": 0, "last": None,
            "started": None, "ended": None, "holder": None, "until": "$$NOW", "reason": "",
        }  # fmt: skip
        try:
            self._collection.update_one(where, [{"$set": {**fields, **fresh}}], upsert=True)
        except DuplicateKeyError:
            # There is a job of this type, as it shall be.
            return

    def _change(self, job: Job, **fields: Any) -> bool:
        where = {"_id": job.type, "run": job.run, "holder": self._holder}
        return self._collection.update_one(where, [{"$set": fields}]).matched_count == 1

    def _lease(self) -> Document:
        return {"holder": self._holder, "until": {"$add": ["$$NOW", LEASE_MS]}}


def _job(document: Document) -> Job:
    return Job(
        type=str(document["_id"]),
        state=document["state"],
        run=document["run"],
        wanted=tuple(document["wanted"]),
        indexed=frozenset(document["indexed"]),
        total=document["total"],
        done=document["done"],
        last=document["last"],
        reason=document["reason"],
    )
