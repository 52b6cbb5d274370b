"""Many versions written together: all of them, or none.

Whoever writes has the database run a function, once or, on a conflict with others, several times:
each time it sees the data of one moment, and nothing of what an earlier try has done. Documents
are written in one order, type by type, with one command for each kind of change.

Spec: https://www.mongodb.com/docs/v6.0/core/transactions/
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, groupby
from typing import Any, TypeVar

from pymongo import ReplaceOne, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, DuplicateKeyError

from server.access.visibility import Visibility
from server.fhir.outcome import Conflict
from server.store import documents, proxies
from server.store.bounds import Bounds
from server.store.collections import CLAIMS
from server.store.documents import KEPT_FIELDS, VERSION_FIELDS, Document, Draft, Version
from server.store.engine import Engine
from server.store.failures import DUPLICATE_KEY, refused
from server.store.matching import sorted_out
from server.store.succession import Succession, moves

Result = TypeVar("Result")
_ATTEMPTS = 8
_SECONDS = 50.0
"""MongoDB itself ends a transaction after 60."""
_AT_ONCE = 100
_RETRY_SECONDS = "2"
_Change = ReplaceOne[Document] | UpdateOne


class _Taken(Exception):
    """An id is there that was not when this transaction began, or that the caller cannot see."""


@dataclass(frozen=True, slots=True)
class Write:
    """One change: `draft` over version `old`, None if there was none; without a draft, a deletion.

    `letter` is the right that the caller needs of what it becomes.
    """

    type: str
    draft: Draft | None
    old: Version | None = None
    letter: str = "u"

    @property
    def id(self) -> str:
        """The id of the resource."""
        match self:
            case Write(draft=Draft(id=id)) | Write(old=Version(id=id)):
                return id
        raise ValueError(self)


_Within = Callable[[Write], AbstractContextManager[None]]


def _anywhere(_: Write) -> AbstractContextManager[None]:
    return nullcontext()


class Transaction:
    """What one try of a transaction reads and writes, within what its caller may see.

    Without a `session` it is only a look beforehand.
    """

    def __init__(
        self, engine: Engine, bounds: Bounds, succession: Succession, session: ClientSession | None
    ) -> None:
        self._engine = engine
        self._bounds = bounds
        self._succession = succession
        self._session = session
        self._read: dict[tuple[str, str], Document] = {}
        self.written: list[tuple[str, Document, Mapping[str, Any] | None]] = []
        """What was written, each as (type, document, marks before)."""

    def seen_by(self, visibility: Visibility) -> "Transaction":
        """Return this same transaction, as what has `visibility` may read and write in it."""
        bounds = replace(self._bounds, visibility=visibility)
        succession = replace(self._succession, bounds=bounds)
        other = Transaction(self._engine, bounds, succession, self._session)
        # What was read is each one's own: it is what that one may see.
        other.written = self.written
        return other

    def claim(self, names: Collection[str]) -> None:
        """Make this and every other transaction that claims one of `names` exclude each other."""
        if not names:
            return
        now = {"$set": {"at": datetime.now(UTC)}}
        # In one order, so that of two who claim the same the second stops at the first name.
        claims = [UpdateOne({"_id": name}, now, upsert=True) for name in sorted(names)]
        database = self._engine.collections.database
        database[CLAIMS].bulk_write(claims, session=self._session)

    def matching(
        self, type: str, conditions: Sequence[Mapping[str, Any]], most: int = 2
    ) -> list[list[Version]]:
        """Return for each of `conditions` so many versions at most that fulfil it, in no order."""
        found: list[list[Version]] = []
        for start in range(0, len(conditions), _AT_ONCE):
            found += self._matching(type, conditions[start : start + _AT_ONCE], most)
        return found

    def versions(self, type: str, ids: Collection[str], letter: str) -> dict[str, Version]:
        """Return the current versions, deletions too, that the caller has the right `letter` to."""
        if not ids:
            return {}
        where = self._bounds.of({"_id": {"$in": sorted(ids)}}, type, letter)
        collection = self._engine.collections.current(type)
        rows = collection.find(where, KEPT_FIELDS, session=self._session)
        self._read |= {(type, row["_id"]): row for row in rows}
        known = ((id, self._read.get((type, id))) for id in ids)
        found = (documents.version(type, row) for _, row in known if row is not None)
        seen = (proxies.seen(self._engine, self._bounds.visibility, one) for one in found)
        return {one.id: one for one in seen if one is not None}

    def write(
        self,
        writes: Iterable[Write],
        within: _Within = _anywhere,
    ) -> list[Version]:
        """Make `writes`, of different resources; return the versions that they made, as sorted.

        What is written over has been read by `versions`. Raises Forbidden if the caller has no
        right to what something becomes, from the block that is `within` of that write.
        """
        made: list[Version] = []
        for type, some in groupby(sorted(writes, key=lambda one: (one.type, one.id)), _type):
            made += self._write(type, list(some), within)
        return made

    def _matching(
        self, type: str, conditions: Sequence[Mapping[str, Any]], most: int
    ) -> list[list[Version]]:
        collection = self._engine.collections.current(type)
        wheres = [self._bounds.where(type, "s", condition) for condition in conditions]
        if len(wheres) > 1:
            wanted = {**VERSION_FIELDS, **dict.fromkeys(chain(*map(_fields, wheres)), 1)}
            # For each as many as may be, and one more than can be told apart if all are of one.
            limit = most * len(wheres) + 1
            cursor = collection.find({"$or": wheres}, wanted, session=self._session)
            rows = list(cursor.limit(limit))
            told = sorted_out(wheres, rows) if len(rows) < limit else None
            if told is not None:
                return [[documents.version(type, row) for row in one[:most]] for one in told]
        found = [
            collection.find(where, VERSION_FIELDS, session=self._session).limit(most)
            for where in wheres
        ]
        return [[documents.version(type, row) for row in rows] for rows in found]

    def _write(
        self,
        type: str,
        writes: Sequence[Write],
        within: _Within,
    ) -> list[Version]:
        fresh: list[Document] = []
        changes: list[_Change] = []
        past: list[Document] = []
        made: list[Version] = []
        for write in writes:
            if write.old is None:
                with within(write):
                    fresh.append(self._first(write))
                made.append(documents.version(type, fresh[-1]))
                continue
            with within(write):
                version, change = self._following(write, write.old)
            changes.append(change)
            past.append(documents.superseded(self._read[type, write.id], version.last_updated))
            made.append(version)
        collections = self._engine.collections
        if fresh:
            self._insert(type, fresh)
        if changes:
            collections.current(type).bulk_write(changes, ordered=False, session=self._session)
            collections.history(type).insert_many(past, ordered=False, session=self._session)
        return made

    def _first(self, write: Write) -> Document:
        if write.draft is None:
            raise ValueError(write)
        draft = write.draft.over({})
        self._bounds.require_within(draft, write.letter)
        document = self._succession.first(draft)
        self.written.append((write.type, document, None))
        return document

    def _following(self, write: Write, old: Version) -> tuple[Version, _Change]:
        # What was read is of this transaction: if it has changed, the change conflicts.
        named: Document = {"_id": old.id, "v": old.version}
        if write.draft is None:
            moment = self._succession.after(old)
            grave = [{"$replaceWith": documents.tombstone(old.version + 1, moment)}]
            version = replace(
                old, version=old.version + 1, last_updated=moment, body=None, posted=False
            )
            return version, UpdateOne(named, grave)
        new = self._succession.next(write.draft, old)
        if moves(write.type, new, old.marks):
            self._engine.belonging.mark_record(f"Patient/{old.id}", new, self._session)
        self.written.append((write.type, new, old.marks))
        return documents.version(write.type, new), ReplaceOne(named, documents.encoded(new))

    def _insert(self, type: str, fresh: Sequence[Document]) -> None:
        encoded = [documents.encoded(document) for document in fresh]
        try:
            self._engine.collections.current(type).insert_many(
                encoded, ordered=False, session=self._session
            )
        except BulkWriteError as error:
            codes = {failure["code"] for failure in error.details["writeErrors"]}
            if codes == {DUPLICATE_KEY}:
                raise _Taken from error
            raise


def run(
    engine: Engine,
    bounds: Bounds,
    succession: Succession,
    types: Collection[str],
    work: Callable[[Transaction], Result],
) -> Result:
    """Return what `work` returned when what it wrote was stored; it writes only `types`.

    Raises Conflict, to be tried again, if others kept writing the same; what `work` raises ends it
    with nothing written.
    """

    def attempt(session: ClientSession) -> tuple[Result, Transaction]:
        transaction = Transaction(engine, bounds, succession, session)
        return work(transaction), transaction

    with refused():
        engine.collections.ensure_all(types)
        for _ in range(_ATTEMPTS):
            try:
                result, transaction = engine.transaction(attempt, _SECONDS)
            except (_Taken, DuplicateKeyError):
                continue  # who took it has committed, so the next try sees it
            succession.settle_all(transaction.written)
            return result
    refusal = Conflict.because("bundle-contended")
    refusal.headers["Retry-After"] = _RETRY_SECONDS
    raise refusal


def _type(write: Write) -> str:
    return write.type


def _fields(condition: Mapping[str, Any]) -> Iterable[str]:
    """Yield the fields that `condition` compares."""
    for key, value in condition.items():
        if key in ("$and", "$or"):
            for one in value:
                yield from _fields(one)
        elif not key.startswith("$"):
            yield key.partition(".")[0]
