"""Indexing anew what is stored: the pass over the resources of a type.

Only index fields of a document are changed, and only if it still is of the version that they were
computed from: what is written meanwhile has its entries from the process that writes it. A pass
begins when all processes write by the same set of search parameters; it goes on where one that
ended before its time had come to.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import Any

import orjson
import pymongo
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from server.fhir.json import Resource
from server.fhir.outcome import FhirError
from server.store.collections import NONE
from server.store.documents import NOT_ENTRIES, Document
from server.store.engine import Engine
from server.store.indexing import IndexSpec, model
from server.store.jobs import Job, Jobs

BATCH = 200
_AT_ONCE = 50
_BATCH_BYTES = 4_000_000
_BUILDING_SECONDS = 3600


class Lost(Exception):
    """The job was taken over, or something else is wanted by now."""


@dataclass(frozen=True, slots=True)
class Reindexing:
    """Passes over the types of a database, with the entries that `entries` computes.

    `indexes` says which indexes a type has. After each batch it rests `rest` times as long as
    that took, so that a server goes on answering.
    """

    engine: Engine
    jobs: Jobs
    entries: Callable[[Resource], dict[str, Any]]
    indexes: Callable[[str], Sequence[IndexSpec]]
    rest: float = 0.0

    def run(self, job: Job, ended: Event) -> None:
        """Do `job`, which this process has taken, to its end, or until the process has `ended`.

        Raises Lost if another process has it now, or something else is wanted.
        """
        collection = self.engine.collections.current(job.type, NONE)
        if not self.jobs.begin(job, collection.estimated_document_count()):
            raise Lost
        self._build_indexes(job)
        last = job.last
        while True:
            begun = monotonic()
            found = self._batch(job.type, last)
            if not found:
                break
            last = str(found[-1]["_id"])
            reason = self._put(job.type, found)
            if reason is not None:
                self.jobs.fail(job, reason)
                return
            if not self.jobs.advance(job, last, len(found)):
                raise Lost
            if ended.wait(self.rest * (monotonic() - begun)):
                self.jobs.leave(job)
                return
        if not self.jobs.finish(job):
            raise Lost

    def _build_indexes(self, job: Job) -> None:
        """Make the indexes that the type does not have yet, unless nothing is stored of it."""
        if job.type not in self.engine.collections.types():
            return
        models = [model(spec) for spec in self.indexes(job.type)]
        with pymongo.timeout(_BUILDING_SECONDS):
            self.engine.collections.current(job.type, NONE).create_indexes(models)
        if not self.jobs.keep(job):
            raise Lost

    def _batch(self, type: str, last: str | None) -> list[Document]:
        where: Document = {"del": None}
        if last is not None:
            where["_id"] = {"$gt": last}
        found: list[Document] = []
        size = 0
        with self.engine.collections.current(type, NONE).find(where, batch_size=_AT_ONCE) as cursor:
            for document in cursor.sort("_id", 1).limit(BATCH):
                found.append(document)
                size += len(document["raw"])
                if size > _BATCH_BYTES:
                    break
        return found

    def _put(self, type: str, found: Sequence[Document]) -> str | None:
        """Store the entries of `found` where they are not right; return why it cannot be done."""
        changes = []
        for document in found:
            try:
                change = self._change(type, document)
            except FhirError as error:
                return f"{type}/{document['_id']}: {error}"
            if change is not None:
                changes.append(change)
        if changes:
            try:
                self.engine.collections.current(type, NONE).bulk_write(changes, ordered=False)
            except BulkWriteError as error:
                # The database's own words quote the document.
                codes = sorted({each["code"] for each in error.details["writeErrors"]})
                return f"{type}: MongoDB refused entries with {codes}."
        return None

    def _change(self, type: str, document: Document) -> UpdateOne | None:
        """Return what makes the entries of `document` right, None if they are."""
        resource = orjson.loads(document["raw"])
        if resource.get("resourceType") != type:
            # Damage like this is told by `tongkang verify`.
            return None
        wanted = self.entries(resource)
        put = {name: one for name, one in wanted.items() if document.get(name) != one}
        gone = {name: "" for name in document if name not in NOT_ENTRIES and name not in wanted}
        change: dict[str, Any] = {}
        if put:
            change["$set"] = put
        if gone:
            change["$unset"] = gone
        where = {"_id": document["_id"], "v": document["v"]}
        return UpdateOne(where, change) if change else None
