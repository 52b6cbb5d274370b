"""What comes with the matches of a search: resources they refer to, or that refer to them.

The walk goes round by round, with a query for each type, never for each resource, and a resource
comes once. What a page includes is bounded: where it would be more, the page holds fewer
matches, and nothing is left out in silence.

Spec: https://hl7.org/fhir/R4/search.html#include
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from server.fhir.outcome import BadRequest, Issue
from server.interactions.patience import TOLD
from server.interactions.presentation import Presentation
from server.search.conditions import Condition
from server.search.includes import Includes, Ways
from server.search.joins import Document, Lookup
from server.search.pointers import Found, Names, Pointer, Pointers

_POINTERS_OF_A_QUERY = 10_000
_FEW = 200
_TOLD = 8
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Budget:
    """How many resources of how many bytes one page may include, found by how many queries."""

    resources: int = 5000
    size: int = 32_000_000
    queries: int = 1000


_USUAL = Budget()


@dataclass(frozen=True, slots=True)
class Page:
    """The number of `matches` that fit one page, the first of those given, and what they include.

    If that is too much even for one match, `issues` says what is left out.
    """

    matches: int
    included: list[Found]
    issues: tuple[Issue, ...] = ()


def page(
    lookup: Lookup, includes: Includes, matches: Sequence[Found], budget: Budget = _USUAL
) -> Page:
    """Return the page of as many of `matches` as can come with all that they include.

    A match is (type, document) with `_id`, and the fields that `includes` names; what is included
    has `_id` and `raw`.
    """
    number = len(matches)
    while True:
        walk = _walked(lookup, includes, matches[:number], budget)
        if not walk.left_out:
            return Page(number, walk.included)
        if number == 1:
            return Page(number, walk.included, (_told(walk.left_out, budget),))
        number //= 2


def check(includes: Includes, presentation: Presentation) -> None:
    """Raise BadRequest if narratives alone are asked for, with which R4 includes nothing."""
    if includes and presentation.summary == "text":
        raise BadRequest.because("search-include-with-text")


@dataclass(frozen=True, slots=True)
class _Step:
    """One query of a round.

    Where `names` are given, a row counts only if it refers under them to one of `wanted`.
    `example` is a search that finds page by page what this step does for one resource.
    """

    type: str
    condition: Condition
    example: str
    names: Names | None = None
    wanted: frozenset[Pointer] = frozenset()

    def counts(self, pointers: Pointers, row: Document) -> bool:
        """Tell whether `row` is one that was asked for."""
        return self.names is None or any(
            pointer in self.wanted for pointer in pointers.of(self.type, self.names, row)
        )


class _Full(Exception):
    """There is no room for more, or no time to look for it."""


@dataclass(slots=True)
class _Walk:
    """What was found so far; `left_out` are the steps that there was no room for.

    `is_last` says that what fits will be used even if it is not all.
    """

    lookup: Lookup
    pointers: Pointers
    budget: Budget
    known: set[tuple[str, str]]
    numbers: Counter[str]
    is_last: bool
    included: list[Found] = field(default_factory=list)
    left_out: list[_Step] = field(default_factory=list)
    size: int = 0
    queries: int = 0

    def round(self, frontier: Sequence[Found], ways: Ways, fields: Sequence[str]) -> list[Found]:
        """Include what `ways` lead to from `frontier`, and return it, with `fields`."""
        start = len(self.included)
        steps = [*self._forward(frontier, ways), *self._reverse(frontier, ways)]
        for number, step in enumerate(steps):
            try:
                self._take(
                    step, ("raw", *TOLD, "pt", "t") if step.names else ("raw", *TOLD, *fields)
                )
            except _Full:
                self.left_out = steps[number:]
                break
        return self.included[start:]

    def _take(self, step: _Step, fields: Sequence[str]) -> None:
        """Include all that `step` finds. Raises _Full."""
        rows = self._rows(step.type, step.condition, fields, _FEW)
        self._add(step, rows)
        if len(rows) < _FEW:
            return
        # Of many, no more are read at a time than take little memory.
        limit = self.budget.resources - len(self.included) + self.numbers[step.type] + 1
        named = self._rows(step.type, step.condition, (), limit)
        if len(named) == limit and not self.is_last:
            raise _Full
        new = sorted(row["_id"] for row in named if (step.type, row["_id"]) not in self.known)
        usual = max(1, sum(len(row["raw"]) for row in rows) // len(rows))
        for ids in _portions(new, max(1, self.budget.size // usual // 8)):
            self._add(step, self._rows(step.type, {"_id": {"$in": ids}}, fields, len(ids)))
        if len(named) == limit:
            raise _Full

    def _rows(
        self, type: str, condition: Condition, fields: Sequence[str], limit: int
    ) -> list[Document]:
        self.queries += 1
        if self.queries > self.budget.queries:
            raise _Full
        return self.lookup.rows(type, condition, fields, limit)

    def _add(self, step: _Step, rows: Iterable[Document]) -> None:
        """Include those of `rows` that count and are new. Raises _Full."""
        for row in sorted(rows, key=lambda row: str(row["_id"])):
            key = step.type, row["_id"]
            if key in self.known or not step.counts(self.pointers, row):
                continue
            size = self.size + len(row["raw"])
            if len(self.included) == self.budget.resources or size > self.budget.size:
                raise _Full
            self.size = size
            self.known.add(key)
            self.numbers[step.type] += 1
            self.included.append((step.type, row))

    def _forward(self, frontier: Sequence[Found], ways: Ways) -> Iterator[_Step]:
        wanted: dict[str, dict[Pointer, str]] = {}
        for type, document in frontier:
            if names := ways.forward.get(type):
                example = f"_has:{type}:{next(iter(names))}:_id={document['_id']}"
                for pointer in self.pointers.of(type, names, document):
                    if (pointer.type, pointer.id) not in self.known:
                        wanted.setdefault(pointer.type, {}).setdefault(pointer, example)
        for type, pointers in sorted(wanted.items()):
            for some in _portions(pointers, _POINTERS_OF_A_QUERY):
                condition = self.pointers.condition(type, some)
                yield _Step(type, condition, f"{type}?{pointers[some[0]]}")

    def _reverse(self, frontier: Sequence[Found], ways: Ways) -> Iterator[_Step]:
        for source, names in sorted(ways.reverse.items()):
            types = frozenset[str]().union(*(reach.types for reach in names.values()))
            targets = [found for found in frontier if found[0] in types]
            for some in _portions(targets, _POINTERS_OF_A_QUERY // len(names)):
                yield self._pointing(source, names, some)

    def _pointing(self, source: str, names: Names, targets: Sequence[Found]) -> _Step:
        condition = self.pointers.pointing(source, names, targets)
        type, document = targets[0]
        name = next(name for name, reach in names.items() if type in reach.types)
        example = f"{source}?{name}={type}/{document['_id']}"
        if not any(reach.canonical for reach in names.values()):
            return _Step(source, condition, example)
        wanted = frozenset(pointer for each in targets for pointer in self.pointers.to(*each))
        return _Step(source, condition, example, names, wanted)


def _walked(lookup: Lookup, includes: Includes, matches: Sequence[Found], budget: Budget) -> _Walk:
    known = {(type, row["_id"]) for type, row in matches}
    numbers = Counter(type for type, _ in known)
    walk = _Walk(lookup, includes.pointers, budget, known, numbers, is_last=len(matches) == 1)
    frontier, ways = matches, includes.first
    while frontier and ways and not walk.left_out:
        frontier = walk.round(frontier, ways, includes.again.fields)
        ways = includes.again
    return walk


def _told(left_out: Sequence[_Step], budget: Budget) -> Issue:
    types = sorted({step.type for step in left_out})
    more = ["…"] if len(types) > _TOLD else []
    arguments = {
        "limit": budget.resources,
        "megabytes": budget.size // 1_000_000,
        "types": ", ".join(types[:_TOLD] + more),
        "example": left_out[0].example,
    }
    return Issue("too-costly", "search-include-incomplete", arguments, severity="warning")


def _portions(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Yield `items` in lists of at most `size`."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
