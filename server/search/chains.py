"""Chains, forward and reverse: resources by what they point at, or by what points at them.

Few resources at the other end are named at once; of many, each page asks for those that
its rows point at, so that neither takes longer as data grows.

Spec: https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has
"""

from collections.abc import Sequence
from dataclasses import dataclass

from server.fhir.outcome import TooCostly
from server.search.conditions import Condition, all_of, any_of
from server.search.joins import Document, Lookup, resolved
from server.search.pointers import Names, Pointer, Pointers

_FEW = 500
_MOST = 20_000
_BATCH = 2000


@dataclass(frozen=True, slots=True)
class Chain:
    """Resources of `type` whose references under `names` lead to one that fulfils a condition.

    `targets` are the types they may lead to, each with its condition; `code` is what the query
    calls the references.
    """

    pointers: Pointers
    type: str
    code: str
    names: Names
    targets: tuple[tuple[str, Condition], ...]

    @property
    def fields(self) -> Sequence[str]:
        """The fields of a row that hold its references."""
        return ("pt", "t")

    def condition(self, lookup: Lookup) -> Condition:
        """Return the condition that names every target. Raises TooCostly if they are too many."""
        found = self._naming(lookup, _MOST)
        if found is None:
            raise TooCostly.because("search-join-too-many", parameter=self.code, limit=_MOST)
        return found

    def named(self, lookup: Lookup) -> Condition | None:
        """Return the condition that names every target, None if they are many."""
        try:
            return self._naming(lookup, _FEW)
        except TooCostly:
            return None

    def kept(self, rows: Sequence[Document], lookup: Lookup) -> list[Document]:
        """Return those of `rows` that point at a target."""
        held = [set(self.pointers.of(self.type, self.names, row)) for row in rows]
        every = set[Pointer]().union(*held)
        good: set[Pointer] = set()
        for type, inner in self.targets:
            wanted = {pointer for pointer in every if pointer.type == type}
            if wanted:
                where = all_of([self.pointers.condition(type, wanted), inner])
                for found in _matching(type, where, self._known_by, _MOST, lookup):
                    good.update(self.pointers.to(type, found))
        return [row for row, pointers in zip(rows, held, strict=True) if pointers & good]

    @property
    def _known_by(self) -> Sequence[str]:
        return _known_by(self.names)

    def _naming(self, lookup: Lookup, limit: int) -> Condition | None:
        parts: list[Condition] = []
        left = limit
        for type, inner in self.targets:
            rows = _matching(type, inner, self._known_by, left + 1, lookup)
            left -= len(rows)
            if left < 0:
                return None
            targets = [(type, row) for row in rows]
            parts.append(self.pointers.leading(self.type, self.names, targets))
        return any_of(parts)


@dataclass(frozen=True, slots=True)
class Has:
    """Resources of `type` at which references under `names` of a `source` lead.

    `inner` is the condition that the resource of type `source` fulfils; `code` is what the query
    calls the references.
    """

    pointers: Pointers
    type: str
    source: str
    code: str
    names: Names
    inner: Condition

    @property
    def fields(self) -> Sequence[str]:
        """The fields of a row that tell by which URL it is known."""
        return _known_by(self.names)

    def condition(self, lookup: Lookup) -> Condition:
        """Return the condition that names every resource pointed at.

        Raises TooCostly if too many point.
        """
        rows = self._pointing(self.inner, _MOST + 1, lookup)
        if len(rows) > _MOST:
            raise TooCostly.because("search-join-too-many", parameter=self.code, limit=_MOST)
        return self.pointers.condition(self.type, self._led(rows))

    def named(self, lookup: Lookup) -> Condition | None:
        """Return the condition that names every resource pointed at, None if many point."""
        try:
            rows = self._pointing(self.inner, _FEW + 1, lookup)
        except TooCostly:
            return None
        return None if len(rows) > _FEW else self.pointers.condition(self.type, self._led(rows))

    def kept(self, rows: Sequence[Document], lookup: Lookup) -> list[Document]:
        """Return those of `rows` that are pointed at."""
        left = list(rows)
        good: set[str] = set()
        while left:
            targets = [(self.type, row) for row in left]
            pointing = self.pointers.pointing(self.source, self.names, targets)
            found = self._pointing(all_of([pointing, self.inner]), _BATCH, lookup)
            led = self._led(found)
            hit = {row["_id"] for row in left if led & set(self.pointers.to(self.type, row))}
            good |= hit
            if len(found) < _BATCH or not hit:
                break
            left = [row for row in left if row["_id"] not in hit]
        return [row for row in rows if row["_id"] in good]

    def _pointing(self, condition: Condition, limit: int, lookup: Lookup) -> list[Document]:
        fields = self.pointers.fields(self.source, self.names, self.type)
        return _matching(self.source, condition, fields, limit, lookup)

    def _led(self, rows: Sequence[Document]) -> set[Pointer]:
        """Return where the references of `rows` lead, among resources of the type."""
        found = (
            pointer for row in rows for pointer in self.pointers.of(self.source, self.names, row)
        )
        return {pointer for pointer in found if pointer.type == self.type}


def _known_by(names: Names) -> Sequence[str]:
    """Return the field that tells by which URL a resource is known, if references are by URL."""
    return ("t",) if any(reach.canonical for reach in names.values()) else ()


def _matching(
    type: str, condition: Condition, fields: Sequence[str], limit: int, lookup: Lookup
) -> list[Document]:
    """Return at most `limit` resources that fulfil `condition`, which may have joins."""
    ready = resolved(condition, lookup)
    parts = [ready.condition, *(sieve.condition(lookup) for sieve in ready.sieves)]
    return lookup.rows(type, all_of([part for part in parts if part]), fields, limit)
