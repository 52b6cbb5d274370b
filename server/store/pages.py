"""One page of a search: the rows behind a place in an order, read by one query or several.

The order is the search's; how it is run depends on how many resources match. Few are sorted in
memory, which needs no index. Many are read from an index, built on demand, that has them in
their order; where there can be none, MongoDB keeps the first rows of all it finds, if those are not
too many.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from server.fhir.outcome import Gone, TooCostly
from server.store import explanation, moments
from server.store.collections import NONE, Collections, Some
from server.store.documents import PAGE_BYTES, Document
from server.store.explanation import Explanation
from server.store.failures import refused
from server.store.indexing import IndexSpec
from server.store.moments import Moment

FEW = 1000
"""How many resources are sorted in memory rather than by an index that has to be built first."""
MOST_SORTED = 50_000
"""How many resources are sorted in memory if no index can give their order: about a second."""
Place = Sequence[Any]
Page = tuple[list[Document], bool]
"""The documents, and whether there are more."""


class Step(Protocol):
    """One query of several, whose rows follow on each other.

    Rows fulfil `condition`; then the fields `computed` are added, of which `behind` is a further
    condition, and `sort` is the order.
    """

    @property
    def condition(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def sort(self) -> Sequence[tuple[str, int]]: ...  # noqa: D102
    @property
    def computed(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def behind(self) -> Mapping[str, Any]: ...  # noqa: D102


class Order(Protocol):
    """A total order of resources, as the search declares it."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def by_index(self) -> bool: ...  # noqa: D102
    @property
    def needs(self) -> Sequence[IndexSpec]: ...  # noqa: D102
    @property
    def fields(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def is_of_one_moment(self) -> bool: ...  # noqa: D102
    def moment(self, place: Place | None) -> Moment: ...  # noqa: D102
    def steps(self, place: Place | None) -> Sequence[Step]: ...  # noqa: D102
    def sorted(self, place: Place | None) -> Step: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages of the current versions of `type`; `where` adds what the caller may see."""

    collections: Collections
    type: str
    where: Callable[..., Document]

    def behind(
        self,
        condition: Mapping[str, Any],
        order: Order,
        place: Place | None,
        limit: int,
        fields: Sequence[str],
    ) -> Page:
        """Return at most `limit` documents behind `place`, and whether there are more.

        Raises TooCostly if no index can give the order and there are too many to sort, Gone if
        they cannot be read as of the moment of `place` any more.
        """
        steps = self._steps(condition, order, place)
        wanted = dict.fromkeys(("raw", *order.fields, *fields), 1)
        collection = self._current(condition, order, steps, limit)

        def page(
            session: ClientSession | None = None, bound: Mapping[str, Any] | None = None
        ) -> Page:
            runs = (
                _Run(self.where(condition, step.condition, bound or {}), step, wanted, limit + 1)
                for step in steps
            )
            return _filled(
                chain.from_iterable(run.rows(collection, session) for run in runs), limit
            )

        with refused(alive=self.collections.answers):
            if order.is_of_one_moment:
                return self._of_one_moment(page, order.moment(place))
            return page()

    def _current(
        self, condition: Mapping[str, Any], order: Order, steps: Sequence[Step], limit: int
    ) -> Collection[Document]:
        """Return the collection when it has the page of `limit` documents that `steps` begin."""
        if self.type not in self.collections.before:
            return self.collections.current(self.type)
        asked: Document = {"$or": [dict(step.condition) for step in steps]}
        if len(steps) == 1:
            asked = dict(steps[0].condition)
        where = self.where(condition, asked)
        (field, direction), *_ = steps[0].sort
        if field != "ds" or order.is_of_one_moment:
            return self.collections.current(self.type, where)
        collection = self.collections.current(self.type, NONE)
        reached = "$gt" if direction < 0 else "$lt"

        def are_enough(moment: int) -> bool:
            there = self.where(condition, asked, {"ds": {reached: moment}})
            with refused(alive=self.collections.answers):
                return collection.count_documents(there, limit=limit + 1) > limit

        return self.collections.current(self.type, where, Some(direction, are_enough))

    def explained(self, condition: Mapping[str, Any], order: Order, limit: int) -> Explanation:
        """Return how the first page of `limit` documents is found.

        Raises Unavailable if that needs an index that is still being built.
        """
        step, *_ = self._steps(condition, order, None)
        run = _Run(self.where(condition, step.condition), step, {"raw": 1}, limit + 1)
        with refused(alive=self.collections.answers):
            told = self.collections.database.command(
                "explain", run.command(self.type), verbosity="executionStats"
            )
            return explanation.read(told)

    def _steps(
        self, condition: Mapping[str, Any], order: Order, place: Place | None
    ) -> Sequence[Step]:
        if order.by_index and self.collections.are_ready(self.type, order.needs):
            return order.steps(place)
        most = FEW if order.by_index else MOST_SORTED
        if self._count(condition, most + 1) <= most:
            return (order.sorted(place),)
        if not order.by_index:
            raise TooCostly.because("search-sort-too-costly", order=order.name, limit=most)
        self.collections.prepare(self.type, order.needs, FEW)
        return order.steps(place)

    def _count(self, condition: Mapping[str, Any], at_most: int) -> int:
        with refused(alive=self.collections.answers):
            where = self.where(condition)
            collection = self.collections.current(self.type, where)
            # Without a condition MongoDB would begin to scan, if only until there are enough.
            way: dict[str, Any] = {} if condition else {"hint": "_id_"}
            return collection.count_documents(where, limit=at_most, **way)

    def _of_one_moment(self, page: Callable[..., Page], moment: Moment) -> Page:
        """Return the `page` as of `moment`, the first as of now; its documents have that as `at`.

        Raises Gone if it cannot be told any more what was there then.
        """
        try:
            (found, more), at = moments.as_of(self.collections.database.client, moment, page)
        except moments.Lost:
            (found, more), at = self._unchanged(page, moment), moment
        for document in found:
            document["at"] = at
        return found, more

    def _unchanged(self, page: Callable[..., Page], moment: Moment) -> Page:
        """Return the `page` of what was there at `moment`, read from what is there now.

        Raises Gone if some of it is not there any more.
        """
        history = self.collections.history(self.type)
        # In one session, so that what is read second is no older.
        with self.collections.database.client.start_session() as session:
            found = page(session, moments.stored_by(moment))
            if moments.is_superseded(history, moment, session):
                raise Gone.because("search-moment-lost", moment=moments.shown(moment))
        return found


@dataclass(frozen=True, slots=True)
class _Run:
    """The query of a `step` that finds at most `limit` documents, with the fields `wanted`."""

    where: Document
    step: Step
    wanted: Document
    limit: int

    def rows(
        self, collection: Collection[Document], session: ClientSession | None
    ) -> Iterator[Document]:
        """Yield what it finds."""
        if stages := self._stages():
            with collection.aggregate(stages, session, batchSize=self.limit) as rows:
                yield from rows
            return
        found = collection.find(self.where, self.wanted, session=session)
        with found.sort(list(self.step.sort)).limit(self.limit).batch_size(self.limit) as cursor:
            yield from cursor

    def command(self, type: str) -> Document:
        """Return it in MongoDB's own words."""
        if stages := self._stages():
            return {"aggregate": type, "pipeline": stages, "cursor": {"batchSize": self.limit}}
        way = {"sort": dict(self.step.sort), "limit": self.limit, "batchSize": self.limit}
        return {"find": type, "filter": self.where, "projection": self.wanted, **way}

    def _stages(self) -> list[Document]:
        """Return the stages of it, none if it is a plain one."""
        if not self.step.computed and not self.step.behind:
            return []
        stages = (
            {"$match": self.where},
            {"$addFields": dict(self.step.computed)},
            {"$match": dict(self.step.behind)},
            {"$sort": dict(self.step.sort)},
            {"$limit": self.limit},
            {"$project": self.wanted},
        )
        # A stage that says nothing would be refused.
        return [stage for stage in stages if all(stage.values())]


def _filled(rows: Iterator[Document], limit: int) -> Page:
    """Return the rows of a page, and whether there are more.

    A page of large resources ends early, so that it never takes much memory.
    """
    found: list[Document] = []
    size = 0
    for document in rows:
        if len(found) == limit or size > PAGE_BYTES:
            return found, True
        found.append(document)
        size += len(document["raw"])
    return found, False
