"""One page of a search: the rows behind a place in an order, read by one query or several.

The order is the search's; how it is run depends on how many resources match. Few are sorted in
memory, which needs no index. Many are read from an index, built on demand, that has them in
their order; where there can be none, MongoDB keeps the first rows of all it finds, if those are not
too many.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pymongo.collection import Collection

from server.fhir.outcome import TooCostly
from server.store import explanation, moments
from server.store.collections import Collections
from server.store.documents import PAGE_BYTES, Document
from server.store.explanation import Explanation
from server.store.failures import refused
from server.store.indexing import IndexSpec
from server.store.moments import Moment, Run

FEW = 1000
"""How many resources are sorted in memory rather than by an index that has to be built first."""
MOST_SORTED = 50_000
"""How many resources are sorted in memory if no index can give their order: about a second."""
Place = Sequence[Any]


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
    def moment(self, place: Place) -> Sequence[int]: ...  # noqa: D102
    def steps(self, place: Place | None) -> Sequence[Step]: ...  # noqa: D102
    def sorted(self, place: Place | None) -> Step: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages of the current versions of `type`; `where` adds what the caller may see.

    `now` gives microseconds since 1970.
    """

    collections: Collections
    type: str
    where: Callable[..., Document]
    now: Callable[[], int]

    def behind(
        self,
        condition: Mapping[str, Any],
        order: Order,
        place: Place | None,
        limit: int,
        fields: Sequence[str],
    ) -> tuple[list[Document], bool]:
        """Return at most `limit` documents behind `place`, and whether there are more.

        Raises TooCostly if no index can give the order and there are too many to sort.
        """
        steps = self._steps(condition, order, place)
        wanted = dict.fromkeys(("raw", *order.fields, *fields), 1)
        with refused(alive=self.collections.answers):
            if order.is_of_one_moment:
                moment = None if place is None else Moment.of(order.moment(place))
                rows = self._of_one_moment(condition, steps, wanted, limit, moment)
            else:
                rows = self._rows(condition, steps, wanted, limit)
            return _filled(rows, limit)

    def explained(self, condition: Mapping[str, Any], order: Order, limit: int) -> Explanation:
        """Return how the first page of `limit` documents is found.

        Raises Unavailable if that needs an index that is still being built.
        """
        step, *_ = self._steps(condition, order, None)
        command = self._command(step, self.where(condition, step.condition), {"raw": 1}, limit + 1)
        with refused(alive=self.collections.answers):
            database = self.collections.database
            return explanation.read(
                database.command("explain", command, verbosity="executionStats")
            )

    def _command(self, step: Step, where: Document, wanted: Document, limit: int) -> Document:
        """Return `step` in MongoDB's own words."""
        if step.computed or step.behind:
            stages = _stages(where, step, wanted, limit)
            return {"aggregate": self.type, "pipeline": stages, "cursor": {"batchSize": limit}}
        sort = dict(step.sort)
        command: Document = {"find": self.type, "filter": where, "projection": wanted, "sort": sort}
        return {**command, "limit": limit, "batchSize": limit}

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
            collection = self.collections.current(self.type)
            # Without a condition MongoDB would begin to scan, if only until there are enough.
            way: dict[str, Any] = {} if condition else {"hint": "_id_"}
            return collection.count_documents(self.where(condition), limit=at_most, **way)

    def _of_one_moment(
        self,
        condition: Mapping[str, Any],
        steps: Sequence[Step],
        wanted: Document,
        limit: int,
        moment: Moment | None,
    ) -> Iterator[Document]:
        known = moment or Moment(self.now())
        bound = {"lu": {"$lte": known.now}}
        runs = (
            Run(*(self._command(step, where, wanted, limit + 1) for where in (asked, bounded)))
            for step in steps
            for asked in [self.where(condition, step.condition)]
            for bounded in [self.where(condition, step.condition, bound)]
        )
        return moments.rows(self.collections.database, runs, known, first=moment is None)

    def _rows(
        self, condition: Mapping[str, Any], steps: Sequence[Step], wanted: Document, limit: int
    ) -> Iterator[Document]:
        collection = self.collections.current(self.type)
        for step in steps:
            yield from _run(
                collection, self.where(condition, step.condition), step, wanted, limit + 1
            )


def _run(
    collection: Collection[Document], where: Document, step: Step, wanted: Document, limit: int
) -> Iterator[Document]:
    if not step.computed and not step.behind:
        found = collection.find(where, wanted).sort(list(step.sort)).limit(limit)
        with found.batch_size(limit) as cursor:
            yield from cursor
        return
    pipeline = _stages(where, step, wanted, limit)
    with collection.aggregate(pipeline, batchSize=limit) as rows:
        yield from rows


def _stages(where: Document, step: Step, wanted: Document, limit: int) -> list[Document]:
    stages = (
        {"$match": where},
        {"$addFields": dict(step.computed)},
        {"$match": dict(step.behind)},
        {"$sort": dict(step.sort)},
        {"$limit": limit},
        {"$project": wanted},
    )
    # A stage that says nothing would be refused.
    return [stage for stage in stages if all(stage.values())]


def _filled(rows: Iterator[Document], limit: int) -> tuple[list[Document], bool]:
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
