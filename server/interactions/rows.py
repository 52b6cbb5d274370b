"""The rows of a page: what a search finds, type by type, sieved, from where the last page ended."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.context import Context
from server.interactions.patience import Patience
from server.search.order import Order
from server.search.query import Ready
from server.store.documents import PAGE_BYTES, Document

Place = Sequence[Any]
"""A place in a search as JSON: a type, and a place in its order; alone, before its first row."""
_SECONDS = 2.0
_SMALLEST_BATCH, _LARGEST_BATCH = 50, 1000


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One resource that was found, in an order."""

    type: str
    document: Document
    order: Order

    @property
    def place(self) -> Place:
        """Where it stands: its type, then its place in the order."""
        return [self.type, *self.order.place(self.document)]


_Known = tuple[Place, Row | None]
"""A row and its place, or the place behind which nothing is known of a leg."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in order. `end` is the place where the next page begins, None behind the last."""

    found: list[Row]
    end: Place | None = None

    def first(self, count: int) -> "Rows":
        """Return only the first `count` of these rows, which are more."""
        kept = self.found[:count]
        return Rows(kept, kept[-1].place)


@dataclass(frozen=True, slots=True)
class Search:
    """A search through `legs`, one for each type in the order of their names.

    They come one after the other, or `merged` in one order. `fields` are needed of each document
    besides its bytes; `lookup` answers what sieves ask.
    """

    context: Context
    lookup: Patience
    legs: Sequence[Ready]
    fields: Sequence[str] = ()
    merged: bool = False
    _deadline: float = field(default_factory=lambda: time.monotonic() + _SECONDS)

    def has(self, place: Place) -> bool:
        """Tell whether `place` is one in the order of this search.

        What a caller may see decides the order, too; so another's place need not be.
        """
        type, *rest = place
        values = rest[1:]  # behind the moment of the pages
        legs = (leg for leg in self.legs if self.merged or leg.type == type)
        return not values or all(len(values) == len(leg.order.keys) for leg in legs)

    def page(self, limit: int, after: Place | None) -> Rows:
        """Return at most `limit` rows behind the place `after`.

        There can be fewer, even none, though the search is not at its end: rows that
        are large, or a sieve that lets little pass, end a page early.
        """
        if self.merged and len(self.legs) > 1:
            return self._merged(limit, after)
        start, *place = after or ("",)
        found: list[Row] = []
        # A type may have come since the page before, so a place names its type, not a number.
        for leg in (one for one in self.legs if one.type >= start):
            behind = place if place and leg.type == start else None
            if len(found) == limit:
                # Whether a page follows is not known before one of its rows is.
                next_row = self._leg(leg, 1, behind)
                if next_row.found or next_row.end is not None:
                    return Rows(found, [leg.type])
                continue
            rows = self._leg(leg, limit - len(found), behind)
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
        return sum(count(leg.type, leg.exact(self.lookup)) for leg in self.legs)

    def _leg(self, leg: Ready, limit: int, behind: Place | None) -> Rows:
        """Return rows of one leg behind a place in it."""
        found: list[Row] = []
        for batch, last in self._batches(leg, limit, behind):
            kept = self._sieved(leg, batch)
            if behind is not None and leg.order.is_of_one_moment:
                # The rows are as they were at the first page; the rights are those of now.
                kept = self.context.resources.still_seen(leg.type, kept)
            room = limit - len(found)
            found += [Row(leg.type, document, leg.order) for document in kept[:room]]
            if len(kept) > room:
                return Rows(found, found[-1].place)
            if last is None:
                return Rows(found)
            if len(found) == limit or time.monotonic() > self._deadline or not leg.sieves:
                return Rows(found, [leg.type, *last])
        return Rows(found)

    def _batches(
        self, leg: Ready, limit: int, behind: Place | None
    ) -> Iterator[tuple[list[Document], Place | None]]:
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
            batch = sieve.kept(batch, self.lookup) if batch else batch
        return batch

    def _merged(self, limit: int, after: Place | None) -> Rows:
        """Return rows of all legs in their common order, which ends with the id.

        Nothing is known of what comes behind the end of a leg's rows, so the page ends there, too.
        All legs are of the moment that the first one with a row was read as of.
        """
        known: list[_Known] = []
        for leg in self.legs:
            behind = [leg.order.moment(known[0][0][1:])] if known else None
            part = self._leg(leg, limit, self._behind(leg, after) or behind)
            known += [(row.place, row) for row in part.found]
            if part.end is not None:
                known.append((part.end, None))
            # What this page has no room for is not kept while the next leg is read.
            known = known[: _room(self._in_order(known), limit) + 1]
        found = [row for _, row in known[: _room(known, limit)] if row is not None]
        if len(found) == len(known):
            return Rows(found)
        place, row = known[len(found)]
        return Rows(found, place if row is None else found[-1].place)

    def _in_order(self, known: list[_Known]) -> list[_Known]:
        """Put what is `known` into the common order, the end of a leg behind its last row."""
        order = self.legs[0].order
        known.sort(key=lambda one: str(one[0][0]))
        for number, key in reversed(list(enumerate(order.keys))):
            known.sort(key=lambda one: order.rank(one[0][1:])[number], reverse=key.direction < 0)
        return known

    def _behind(self, leg: Ready, after: Place | None) -> Place | None:
        """Return the place in `leg` behind which its rows follow `after`, a place of any type.

        Types come in order where all else is equal, so a later type's row with the same id is
        still to come.
        """
        if after is None:
            return None
        type, *place = after
        if leg.type > type:
            place[-1] = _just_before(place[-1], leg.order.keys[-1].direction)
        return place


def _room(known: Sequence[_Known], limit: int) -> int:
    """Return how many rows, the first of those `known`, one page has room for."""
    size = 0
    for number, (_, row) in enumerate(known):
        if row is None or number == limit or size > PAGE_BYTES:
            return number
        size += len(row.document["raw"])
    return len(known)


def _just_before(id: str, direction: int) -> str:
    """Return a text that comes before `id` in that direction, with no other id between them."""
    if direction < 0:
        return f"{id} "
    return f"{id[:-1]}{chr(ord(id[-1]) - 1)}~"
