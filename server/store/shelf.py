"""Records that are not FHIR: accounts, sessions, tokens. One shelf, one collection.

A record is a plain dict whose id is told apart from it. What is asked for is compared with plain
values only, so that nothing from outside can become an operator of MongoDB. What has expired
is not there any more, even before MongoDB removes it.

Spec: https://www.mongodb.com/docs/manual/core/index-ttl/
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pymongo
from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from server.store.documents import Document
from server.store.failures import refused

Record = dict[str, Any]
Plain = str | int | bool | datetime | None
Where = Mapping[str, Plain | tuple[Plain, ...]]
"""The values that fields have to have; a tuple is of several, one of which will do."""
_EXPIRY = "expires_at"


def digest(secret: str) -> str:
    """Return the id of the record that whoever has `secret` can find: the SHA-256 of it.

    It is no way to keep a secret that could be guessed; passwords are hashed otherwise.
    """
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class Taken(Exception):
    """There is a record already with this id, or with a value that may be there once only."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a shelf is kept: its `name`, and the fields that it is looked through by.

    Of `unique` fields no value comes twice; a record may be without. A record with `expires_at`
    is gone after that moment.
    """

    name: str
    indexes: tuple[tuple[str, ...], ...] = ()
    unique: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of many; `after` is the id of the last of them if more follow."""

    records: list[Record]
    after: str | None


class Shelf:
    """The records of one kind."""

    def __init__(self, database: Database[Document], layout: Layout) -> None:
        self._database = database
        self._layout = layout
        self._is_made = False

    def add(self, id: str, record: Mapping[str, Any]) -> None:
        """Store a new record. Raises Taken if there is one with this id or a unique value of it."""
        with refused(), self._unique():
            self._collection.insert_one({"_id": id, **record})

    def put(self, id: str, record: Mapping[str, Any]) -> None:
        """Store a record, in the place of what has this id. Raises Taken as `add` does."""
        with refused(), self._unique():
            self._collection.replace_one({"_id": id}, dict(record), upsert=True)

    def find(self, id: str) -> Record | None:
        """Return the record with this id, None if there is none."""
        return self.first({"_id": id})

    def many(self, ids: Sequence[str]) -> dict[str, Record]:
        """Return the records with these ids, by id."""
        where = {"_id": {"$in": list(ids)}, **_unexpired()}
        with refused():
            return {document["_id"]: _record(document) for document in self._collection.find(where)}

    def first(self, where: Where) -> Record | None:
        """Return a record whose fields have the values `where`, None if there is none."""
        with refused():
            found = self._collection.find_one({**_equal(where), **_unexpired()})
        return None if found is None else _record(found)

    def all(self, where: Where, *, newest: str | None = None, limit: int = 1000) -> list[Record]:
        """Return the records whose fields have the values `where`.

        They come by field `newest`, descending, or else by id. At most `limit` are returned.
        """
        order = [(newest, -1), ("_id", 1)] if newest else [("_id", 1)]
        with refused():
            found = self._collection.find({**_equal(where), **_unexpired()})
            return [_record(each) for each in found.sort(order).limit(limit)]

    def page(self, where: Where, *, newest: str, after: str | None = None, limit: int) -> Page:
        """Return `limit` of the records that `all` returns, from behind that with the id `after`.

        They begin anew if there is none with this id any more.
        """
        condition: Document = {**_equal(where), **_unexpired()}
        last = self.find(after) if after else None
        if last is not None:
            same = {newest: last.get(newest), "_id": {"$gt": last["id"]}}
            condition = {"$and": [condition, {"$or": [{newest: {"$lt": last.get(newest)}}, same]}]}
        with refused():
            found = self._collection.find(condition).sort([(newest, -1), ("_id", 1)])
            records = [_record(each) for each in found.limit(limit + 1)]
        return Page(records[:limit], records[limit - 1]["id"] if len(records) > limit else None)

    def each(self, where: Where) -> Iterator[Record]:
        """Yield every record whose fields have the values `where`, in order of their ids."""
        with refused():
            for document in self._collection.find(_equal(where)).sort("_id", 1):
                yield _record(document)

    def count(self, where: Where) -> int:
        """Return how many records have the values `where` in their fields."""
        with refused():
            return self._collection.count_documents({**_equal(where), **_unexpired()})

    def change(
        self, id: str, values: Mapping[str, Any], where: Where | None = None
    ) -> Record | None:
        """Set fields of the record with this id, if its fields have the values `where`.

        Returns it as it is then, or None if there is no such record. Of several
        that change it at the same time on one condition, one succeeds.
        """
        return self._changed(id, {"$set": dict(values)}, where or {})

    def change_all(self, where: Where, values: Mapping[str, Any]) -> int:
        """Set fields of all records with the values `where`; return how many there were."""
        with refused():
            return self._collection.update_many(_equal(where), {"$set": dict(values)}).matched_count

    def increase(self, id: str, field: str, values: Mapping[str, Any], by: int = 1) -> Record:
        """Add to `field`; a record that is not there, or has expired, begins with `values`."""
        begun = {"$mergeObjects": [{"_id": "$_id"}, {"$literal": {**values, field: by}}]}
        more = {field: {"$add": [{"$ifNull": [f"${field}", 0]}, by]}}
        gone_on = {"$mergeObjects": [{"$literal": dict(values)}, "$$ROOT", more]}
        # Nothing is before every moment, so that it has to be asked for.
        has_end, now = {"$gt": [f"${_EXPIRY}", None]}, datetime.now(UTC)
        has_expired = {"$and": [has_end, {"$lte": [f"${_EXPIRY}", now]}]}
        change = [{"$replaceWith": {"$cond": [has_expired, begun, gone_on]}}]
        with refused():
            found = self._collection.find_one_and_update(
                {"_id": id}, change, upsert=True, return_document=ReturnDocument.AFTER
            )
        return _record(found or {})

    def take(self, id: str) -> Record | None:
        """Remove the record with this id and return it; only one caller ever gets it."""
        with refused():
            found = self._collection.find_one_and_delete({"_id": id, **_unexpired()})
        return None if found is None else _record(found)

    def remove(self, where: Where) -> int:
        """Remove the records with the values `where`; return how many there were."""
        with refused():
            return self._collection.delete_many(_equal(where)).deleted_count

    def _changed(self, id: str, change: Mapping[str, Any], where: Where) -> Record | None:
        condition = {"_id": id, **_equal(where), **_unexpired()}
        with refused(), self._unique():
            found = self._collection.find_one_and_update(
                condition, change, return_document=ReturnDocument.AFTER
            )
        return None if found is None else _record(found)

    @contextmanager
    def _unique(self) -> Iterator[None]:
        """Tell of a value that is there already as Taken."""
        try:
            yield
        except DuplicateKeyError as error:
            raise Taken(self._layout.name) from error

    @property
    def _collection(self) -> Collection[Document]:
        collection = self._database[self._layout.name]
        if not self._is_made:
            with refused():
                collection.create_indexes(list(_models(self._layout)))
            self._is_made = True
        return collection


def _models(layout: Layout) -> Iterator[pymongo.IndexModel]:
    yield pymongo.IndexModel(_EXPIRY, expireAfterSeconds=0, sparse=True)
    for fields in layout.indexes:
        yield pymongo.IndexModel([(field, 1) for field in fields])
    for field in layout.unique:
        there = {field: {"$exists": True}}
        yield pymongo.IndexModel(field, unique=True, partialFilterExpression=there)


def _equal(where: Where) -> Document:
    """Return the condition that fields have these values: no value becomes an operator."""
    return {
        field: {"$in": list(value)} if isinstance(value, tuple) else {"$eq": value}
        for field, value in where.items()
    }


def _unexpired() -> Document:
    return {_EXPIRY: {"$not": {"$lte": datetime.now(UTC)}}}


def _record(document: Mapping[str, Any]) -> Record:
    return {"id": document.get("_id"), **{k: v for k, v in document.items() if k != "_id"}}
