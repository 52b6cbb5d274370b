"""The rows of a page: what a search finds, type by type, sieved, from where the last page ended."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.context import Context
from server.search.query import Ready
from server.store.documents import Document

_SECONDS = 2.0
_SMALLEST_BATCH, _LARGEST_BATCH = 50, 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One resource that was found, and the number of the leg of the search that found it."""

    leg: int
    type: str
    document: Document
    place: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in order. `end` is the place where the next page begins, None behind the last."""

    found: list[Row]
    end: Sequence[Any] | None = None

    def first(self, count: int) -> "Rows":
        """Return only the first `count` of these rows, which are more."""
        kept = self.found[:count]
        return Rows(kept, kept[-1].place)


@dataclass(frozen=True, slots=True)
class Search:
    """A search through `legs`, one for each type, one after the other or `merged` in one order.

    `fields` are needed of each document besides its bytes.
    """

    context: Context
    legs: Sequence[Ready]
    fields: Sequence[str] = ()
    merged: bool = False
    _deadline: float = field(default_factory=lambda: time.monotonic() + _SECONDS)

    def page(self, limit: int, after: Sequence[Any] | None) -> Rows:
        """Return at most `limit` rows behind the place `after`.

        There can be fewer, even none, though the search is not at its end: rows that
        are large, or a sieve that lets little pass, end a page early.
        """
        if self.merged and len(self.legs) > 1:
            return self._merged(limit, after)
        start, *place = after or (0, None)
        found: list[Row] = []
        for number in range(start, len(self.legs)):
            behind = place[0] if number == start else None
            if len(found) == limit:
                # Whether a page follows is not known before one of its rows is.
                if self._leg(number, 1, behind).found:
                    return Rows(found, (number, None))
                continue
            rows = self._leg(number, limit - len(found), behind)
            found += rows.found
            if rows.end is not None:
                return Rows(found, rows.end)
        return Rows(found)

    def count(self, *, exactly: bool = True) -> int:
        """Return how many resources there are, or about how many.

        Raises TooCostly if that cannot be found out in time.
        """
        resources = self.context.resources
        count = resources.count if exactly else resources.estimate
        return sum(count(leg.type, leg.exact(resources)) for leg in self.legs)

    def _leg(self, number: int, limit: int, behind: Sequence[Any] | None) -> Rows:
        """Return rows of one leg behind a place in it."""
        leg = self.legs[number]
        found: list[Row] = []
        for batch, last in self._batches(leg, limit, behind):
            for document in self._sieved(leg, batch):
                if len(found) == limit:
                    return Rows(found, found[-1].place)
                place = (number, leg.order.place(document))
                found.append(Row(number, leg.type, document, place))
            if last is None:
                return Rows(found)
            if len(found) == limit or time.monotonic() > self._deadline or not leg.sieves:
                return Rows(found, (number, last))
        return Rows(found)

    def _batches(
        self, leg: Ready, limit: int, behind: Sequence[Any] | None
    ) -> Iterator[tuple[list[Document], Sequence[Any] | None]]:
        """Yield documents before they are sieved, and the place behind them if there are more."""
        size = limit if not leg.sieves else max(limit, _SMALLEST_BATCH)
        fields = dict.fromkeys(self.fields)
        fields.update(dict.fromkeys(name for sieve in leg.sieves for name in sieve.fields))
        while True:
            batch, more = self.context.resources.search(
                leg.type, leg.condition, leg.order, size, behind, fields=tuple(fields)
            )
            behind = leg.order.place(batch[-1]) if more else None
            yield batch, behind
            size = min(2 * size, _LARGEST_BATCH)

    def _sieved(self, leg: Ready, batch: list[Document]) -> list[Document]:
        for sieve in leg.sieves:
            batch = sieve.kept(batch, self.context.resources) if batch else batch
        return batch

    def _merged(self, limit: int, after: Sequence[Any] | None) -> Rows:
        """Return rows of all legs in their common order, which ends with the id.

        Where a leg gave all it was asked for, nothing is known of what comes behind that.
        """
        rows: list[Row] = []
        open_ends: list[Row] = []
        for number, leg in enumerate(self.legs):
            part = self._leg(number, limit, self._behind(leg, after))
            rows += part.found
            if part.end is not None and part.found:
                open_ends.append(part.found[-1])
        found: list[Row] = []
        for row in self._in_order(rows):
            found.append(row)
            if row in open_ends or len(found) == limit:
                break
        at_end = not open_ends and len(found) == len(rows)
        places = [(row.type, *row.place[1]) for row in found]
        shown = [
            Row(row.leg, row.type, row.document, place)
            for row, place in zip(found, places, strict=True)
        ]
        return Rows(shown, None if at_end else places[-1])

    def _in_order(self, rows: Iterable[Row]) -> list[Row]:
        ordered = sorted(rows, key=lambda row: row.type)
        order = self.legs[0].order
        for number, key in reversed(list(enumerate(order.keys))):
            ordered.sort(
                key=lambda row: order.rank(row.place[1])[number], reverse=key.direction < 0
            )
        return ordered

    def _behind(self, leg: Ready, after: Sequence[Any] | None) -> Sequence[Any] | None:
        """Return the place in `leg` behind which its rows follow `after`, a row of any type.

        Types come in order where all else is equal, so a later type's row with the same id is
        still to come.
        """
        if after is None:
            return None
        type, *place = after
        if leg.type > type:
            place[-1] = _just_before(place[-1], leg.order.keys[-1].direction)
        return place


def _just_before(id: str, direction: int) -> str:
    """Return a text that comes before `id` in that direction, with no other id between them."""
    if direction < 0:
        return f"{id} "
    return f"{id[:-1]}{chr(ord(id[-1]) - 1)}~"
