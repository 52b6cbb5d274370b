"""What jobs need and what they have made, of any size: ``_parts``, encrypted, in pieces.

``{_id: "<job>/<name>/<number>", job, of, data, expires_at}``: a part with a name consists of so
many (`of`) pieces, for a document of MongoDB has 16 MB at most.

Spec: https://www.mongodb.com/docs/v6.0/reference/limits/#bson-documents
"""

from datetime import datetime

import pymongo
from bson.binary import Binary
from pymongo.collection import Collection
from pymongo.database import Database

from server.store.documents import Document
from server.store.failures import refused
from server.store.safe import Safe

PARTS = "_parts"
_PIECE = 8 * 1024 * 1024
_INDEXES = (
    pymongo.IndexModel("job"),
    pymongo.IndexModel("expires_at", expireAfterSeconds=0),
)


class Parts:
    """The parts of all jobs, encrypted by `safe`."""

    def __init__(self, database: Database[Document], safe: Safe) -> None:
        self._database = database
        self._safe = safe
        self._is_made = False

    def put(self, job: str, name: str, content: bytes, expires: datetime) -> None:
        """Keep `content` under this name until it `expires`, in the place of what was there."""
        pieces = [content[start : start + _PIECE] for start in range(0, len(content) or 1, _PIECE)]
        told = {"job": job, "name": name, "of": len(pieces), "expires_at": expires}
        was_there = False
        with refused():
            for number, piece in enumerate(pieces):
                id = f"{job}/{name}/{number}"
                data = Binary(self._safe.closed_bytes(piece, f"{PARTS}/{id}"))
                document = {"_id": id, **told, "data": data}
                replaced = self._collection.replace_one({"_id": id}, document, upsert=True)
                was_there = was_there or replaced.matched_count == 1
            if was_there:
                other = {"job": job, "name": name, "of": {"$ne": len(pieces)}}
                self._collection.delete_many(other)

    def find(self, job: str, name: str) -> bytes | None:
        """Return what is kept under this name, None if it is not there, or not whole."""
        return self._found({"job": job, "name": name}).get(name)

    def all(self, job: str, prefix: str) -> dict[str, bytes]:
        """Return what is kept under names that begin with `prefix`, by name."""
        low, high = f"{job}/{prefix}", f"{job}/{prefix}\uffff"
        return self._found({"_id": {"$gte": low, "$lt": high}})

    def _found(self, where: Document) -> dict[str, bytes]:
        with refused():
            rows = {row["_id"]: row for row in self._collection.find(where)}
        found: dict[str, bytes] = {}
        for job, name, of in {(row["job"], row["name"], row["of"]) for row in rows.values()}:
            ids = [f"{job}/{name}/{number}" for number in range(of)]
            if rows.keys() >= set(ids):
                pieces = (self._safe.opened_bytes(rows[id]["data"], f"{PARTS}/{id}") for id in ids)
                found[name] = b"".join(pieces)
        return found

    def remove(self, job: str) -> None:
        """Remove all that is kept of a job."""
        with refused():
            self._collection.delete_many({"job": job})

    def remove_but(self, job: str, name: str, prefix: str) -> None:
        """Remove all that is kept of a job, but for what has this name, or one with `prefix`."""
        kept = [{"name": name}, {"name": {"$gte": prefix, "$lt": f"{prefix}\uffff"}}]
        with refused():
            self._collection.delete_many({"job": job, "$nor": kept})

    def names(self, job: str, prefix: str) -> list[str]:
        """Return the names that begin with `prefix` of what is kept of a job, in order."""
        where = {"job": job, "name": {"$gte": prefix, "$lt": f"{prefix}\uffff"}}
        with refused():
            return sorted(self._collection.distinct("name", where))

    @property
    def _collection(self) -> Collection[Document]:
        collection = self._database[PARTS]
        if not self._is_made:
            with refused():
                collection.create_indexes(list(_INDEXES))
            self._is_made = True
        return collection
