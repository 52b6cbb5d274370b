"""The current versions of resources, as one caller may see them.

Every query that leaves here carries the caller's visibility; there is no other
way to the data. A create is one atomic insert. A change is one transaction:
the old version goes to the history and the new one takes its place only if the
old one is still there, so of two writers one loses.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from server.access.visibility import Visibility
from server.fhir.outcome import Conflict, Gone, NotFound
from server.store import counting, documents, proxies, terms, transactions
from server.store.bounds import Bounds
from server.store.documents import VERSION_FIELDS, Document, Draft, Version
from server.store.engine import Engine
from server.store.explanation import Explanation
from server.store.failures import refused
from server.store.indexing import IndexSpec
from server.store.latest import Latest
from server.store.pages import Order, Pages
from server.store.succession import Succession
from server.store.transactions import Transaction
from server.store.unions import Part, Unions

Result = TypeVar("Result")


class Resources:
    """A caller's view of the current versions; `now` gives microseconds since 1970."""

    def __init__(self, engine: Engine, visibility: Visibility, now: Callable[[], int]) -> None:
        self._engine = engine
        self._visibility = visibility
        self._bounds = Bounds(engine.collections, visibility)
        self._succession = Succession(engine, self._bounds, now)

    def read(self, type: str, id: str) -> Version:
        """Return the current version.

        Raises NotFound if there is none that the caller may see, Gone if it was deleted.
        """
        found = self.find(type, id)
        if found is None:
            raise NotFound.because("resource-unknown", type=type, id=id)
        if found.body is None:
            raise Gone.because("resource-deleted", type=type, id=id)
        return found

    def find(self, type: str, id: str, letter: str = "r") -> Version | None:
        """Return the current version, which may be a deletion, or None.

        `letter` is the right that the caller needs of it.
        """
        with refused():
            document = self._engine.fetch(type, id, self._visibility, letter)
            found = None if document is None else documents.version(type, document)
            return found and proxies.seen(self._engine, self._visibility, found)

    def is_shown(self, version: Version) -> bool:
        """Tell whether the caller, who may write `version`, may also read it."""
        if not self._visibility.of(version.type, "r"):
            return True
        return self.find(version.type, version.id) is not None

    def search(  # noqa: PLR0913  # the question, and which part of the answer
        self,
        type: str,
        condition: Mapping[str, Any],
        order: Order,
        limit: int,
        after: Sequence[Any] | None = None,
        *,
        fields: Sequence[str] = (),
    ) -> tuple[list[Document], bool]:
        """Return at most `limit` documents that fulfil `condition`, and whether there are more.

        A document has `_id`, `raw`, what its place in the `order` depends on, and `fields`.
        `after` is the place that earlier pages ended at. A page of large resources ends early.

        Raises TooCostly if they cannot be sorted in time, Unavailable if that needs an index
        that is still being built, Gone if it cannot be told any more what was there at the
        moment of the first page.
        """
        pages = Pages(self._engine.collections, type, partial(self._bounds.where, type, "s"))
        return pages.behind(condition, order, after, limit, fields)

    def still_seen(self, type: str, found: Sequence[Document]) -> list[Document]:
        """Return those of `found`, read as of an earlier moment, that the caller may see now."""
        seen = self._visibility.of(type, "s")
        if not found or not seen:
            return list(found)
        where = {"$and": [{"_id": {"$in": [each["_id"] for each in found]}}, dict(seen)]}
        with refused(alive=self._engine.collections.answers):
            rows = self._engine.collections.current(type, where).find(where, {"_id": 1})
            ids = {row["_id"] for row in rows}
        return [each for each in found if each["_id"] in ids]

    def rows(
        self,
        type: str,
        condition: Mapping[str, Any],
        fields: Sequence[str],
        limit: int,
        letters: str = "s",
    ) -> list[Document]:
        """Return at most `limit` documents that fulfil `condition`, in no order.

        A document has `_id` and `fields`. `letters` are the rights that the caller needs of it.
        """
        wanted = dict.fromkeys(("_id", *fields), 1)
        with refused(alive=self._engine.collections.answers):
            where = self._bounds.where(type, letters, condition)
            cursor = self._engine.collections.current(type, where).find(where, wanted)
            return list(cursor.limit(limit).batch_size(limit))

    def union(
        self,
        parts: Sequence[Part],
        fields: Sequence[str],
        limit: int | None = None,
        letters: str = "rs",
    ) -> Iterator[tuple[str, Document]]:
        """Yield what fulfils the `parts`, type by type; with a `limit` the ids ascend.

        A document has `_id` and `fields`. `letters` are the rights that the caller needs of it.
        """
        seen = self._bounds.where
        unions = Unions(self._engine.collections, lambda one, *asked: seen(one, letters, *asked))
        return unions.rows(parts, fields, limit)

    def latest(
        self, type: str, condition: Mapping[str, Any], count: int, limit: int
    ) -> list[Document]:
        """Return `_id`, `c` and `ds` of the latest `count` resources of the same main codes each.

        They fulfil `condition`; all as late as the last of them come, too, but no more than
        `limit` altogether.
        """
        bounded = partial(self._bounds.where, type, "s")
        return Latest(self._engine.collections, type, bounded).rows(condition, count, limit)

    def matching(self, type: str, condition: Mapping[str, Any], limit: int) -> list[Version]:
        """Return at most `limit` versions that fulfil `condition`, in no order."""
        where = self._bounds.where(type, "s", condition)
        with refused(alive=self._engine.collections.answers):
            cursor = self._engine.collections.current(type, where).find(where, VERSION_FIELDS)
            return [documents.version(type, each) for each in cursor.limit(limit)]

    def count(self, type: str, condition: Mapping[str, Any], at_most: int | None = None) -> int:
        """Return how many current versions fulfil `condition`, or `at_most` if there are more."""
        where = self._bounds.where(type, "s", condition)
        with refused(alive=self._engine.collections.answers):
            return counting.counted(self._engine.collections, type, where, at_most)

    def estimate(self, type: str, condition: Mapping[str, Any]) -> int:
        """Return about how many current versions fulfil `condition`, exactly up to 10,000."""
        where = self._bounds.where(type, "s", condition)
        with refused(alive=self._engine.collections.answers):
            return counting.estimated(self._engine.collections, type, where)

    def explain(
        self, type: str, condition: Mapping[str, Any], order: Order, limit: int
    ) -> Explanation:
        """Return how the first page of `limit` documents is found."""
        pages = Pages(self._engine.collections, type, partial(self._bounds.where, type, "s"))
        return pages.explained(condition, order, limit)

    def terms(self, type: str, condition: Mapping[str, Any], starts: Sequence[str]) -> list[str]:
        """Return what `server.store.terms` finds in what fulfils `condition`."""
        where = self._bounds.where(type, "s", condition)
        with refused(alive=self._engine.collections.answers):
            return terms.found(self._engine.collections.current(type, where), where, starts)

    def require_allowed(self, draft: Draft, letter: str, old: Version | None = None) -> None:
        """Raise Forbidden unless the caller has the right `letter` to `draft` in `old`'s place."""
        self._bounds.require_within(draft.over(old.marks if old is not None else {}), letter)

    def types(self) -> list[str]:
        """Return the resource types that have ever been stored, sorted."""
        with refused():
            return self._engine.collections.types()

    def prepare(self, type: str, specs: Sequence[IndexSpec]) -> None:
        """Return when the indexes `specs` of `type`, which are built on demand, are there.

        Raises Unavailable if one is still being built.
        """
        self._engine.collections.prepare(type, specs)

    def create(self, draft: Draft, letter: str = "c") -> Version:
        """Store `draft` as the first version of its id.

        `letter` is the right that the caller needs. Raises Conflict if the id is taken,
        Forbidden if the caller has no right to such a resource.
        """
        self._bounds.require_within(draft.over({}), letter)
        document = self._succession.first(draft)
        with refused():
            try:
                self._engine.insert(draft.type, documents.encoded(document))
            except DuplicateKeyError:
                raise Conflict.because("resource-exists", type=draft.type, id=draft.id) from None
        self._succession.settle(draft.type, document)
        return documents.version(draft.type, document)

    def create_many(self, drafts: Sequence[Draft]) -> int:
        """Store those `drafts`, all of one type, whose id is free; return how many were."""
        encoded = [documents.encoded(self._succession.first(draft)) for draft in drafts]
        with refused():
            return self._engine.insert_free(drafts[0].type, encoded) if encoded else 0

    def create_unless_found(
        self, draft: Draft, condition: Mapping[str, Any], claim: str, letter: str = "c"
    ) -> tuple[Version, bool]:
        """Store `draft` unless a resource fulfils `condition`; return (version, was it created).

        `claim` names the condition. Callers with one claim run one after the
        other, because each transaction first writes the same claim document. `letter` is the right
        that the caller needs.

        An id that was deleted goes on with its next version. Raises
        PreconditionFailed if several resources fulfil the condition, Conflict
        if the id is taken, Forbidden if the caller has no right to such a resource.
        """
        self._bounds.require_within(draft.over({}), letter)
        document = self._succession.first(draft)
        encoded = documents.encoded(document)
        collection = self._engine.collections.current(draft.type)

        def attempt(session: ClientSession) -> tuple[Document, bool]:
            self._engine.claim(claim, session)
            where = self._bounds.where(draft.type, "s", condition)
            found = list(collection.find(where, VERSION_FIELDS, session=session).limit(2))
            if found:
                return self._engine.only_one(draft.type, found), False
            again = self._succession.over_tombstone(draft, session)
            if again is None:
                collection.insert_one(encoded, session=session)
            return again or document, True

        with refused():
            self._engine.collections.ensure(draft.type)
            try:
                stored, created = self._engine.transaction(attempt)
            except DuplicateKeyError:
                raise Conflict.because("resource-exists", type=draft.type, id=draft.id) from None
        if created:
            self._succession.settle(draft.type, stored)
        return documents.version(draft.type, stored), created

    def transaction(self, types: Collection[str], work: Callable[[Transaction], Result]) -> Result:
        """Return what `work` returned when all that it wrote, of these `types`, was stored.

        It is run again if others changed what it has read. Raises Conflict if they keep doing so;
        what `work` raises ends it with nothing stored.
        """
        return transactions.run(self._engine, self._bounds, self._succession, types, work)

    def look(self, work: Callable[[Transaction], Result]) -> Result:
        """Return what `work` reads before a transaction begins; in it, that may be otherwise."""
        with refused():
            return work(Transaction(self._engine, self._bounds, self._succession, None))

    def stamped(self, draft: Draft, version: int, last_updated: int) -> bytes:
        """Return the bytes of `draft` as they would be stored as `version` of `last_updated`."""
        return self._succession.stamped(draft, version, last_updated)

    def replace(self, draft: Draft, old: Version) -> Version | None:
        """Store `draft` over version `old`; return None if `old` is no longer the current one.

        It stays the responsibility of who had it. Raises Forbidden if the caller has no right to
        what it becomes.
        """
        with refused():
            self._engine.collections.ensure(draft.type)
        new = self._succession.replace(draft, old)
        return None if new is None else documents.version(draft.type, new)

    def delete(self, old: Version) -> Version | None:
        """Put a tombstone over version `old`; return None if `old` is no longer the current one."""
        moment = self._succession.bury(old)
        if moment is None:
            return None
        return dataclasses.replace(
            old, version=old.version + 1, last_updated=moment, body=None, posted=False
        )
