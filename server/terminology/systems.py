"""Code systems: what each has to tell of its concepts, and those that fit into memory.

Of a system with many concepts, a database tells the same (`System`).

Spec: https://hl7.org/fhir/R4/codesystem.html
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from server.fhir.outcome import TooCostly
from server.terminology.concepts import Concept, properties
from server.terminology.expressions import Expression

Json = Mapping[str, Any]
_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class About:
    """What a code system says of itself. `is_whole` tells whether all its concepts are here."""

    url: str
    version: str | None = None
    name: str | None = None
    is_whole: bool = True
    is_case_sensitive: bool = True
    language: str | None = None
    property_types: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, resource: Json, *, is_whole: bool | None = None) -> Self:
        """Return what the CodeSystem `resource` says of itself."""
        return cls(
            url=resource.get("url", ""),
            version=resource.get("version"),
            name=resource.get("title") or resource.get("name"),
            is_whole=resource.get("content") == "complete" if is_whole is None else is_whole,
            is_case_sensitive=resource.get("caseSensitive", True),
            language=resource.get("language"),
            property_types={one["code"]: one["type"] for one in resource.get("property", ())},
        )


class System(Protocol):
    """One edition of a code system."""

    @property
    def about(self) -> About:
        """What it says of itself."""

    def concepts(self, codes: Iterable[str]) -> Mapping[str, Concept]:
        """Return those of `codes` that it has, by the code that was asked for."""

    def children(self, code: str) -> Sequence[str]:
        """Return the codes directly beneath `code`."""

    def count(self, wanted: Expression) -> int:
        """Return how many of its concepts are meant."""

    def chosen(self, wanted: Expression, offset: int, limit: int) -> Sequence[Concept]:
        """Return those that are meant, in order, without the first `offset`, at most `limit`."""


@dataclass(frozen=True, slots=True)
class Table:
    """A code system in memory; its concepts in order."""

    about: About
    by_code: Mapping[str, Concept]
    below: Mapping[str, tuple[str, ...]]
    _folded: Mapping[str, str] = field(default_factory=dict)

    def concepts(self, codes: Iterable[str]) -> Mapping[str, Concept]:
        """Return those of `codes` that it has, by the code that was asked for."""
        found = {}
        for code in codes:
            concept = self.by_code.get(code) or self._in_other_case(code)
            if concept is not None:
                found[code] = concept
        return found

    def children(self, code: str) -> Sequence[str]:
        """Return the codes directly beneath `code`."""
        return self.below.get(code, ())

    def count(self, wanted: Expression) -> int:
        """Return how many of its concepts are meant."""
        return sum(1 for _ in self._meant(wanted))

    def chosen(self, wanted: Expression, offset: int, limit: int) -> Sequence[Concept]:
        """Return those that are meant, in order, without the first `offset`, at most `limit`."""
        found = list(self._meant(wanted))
        return found[offset : offset + limit]

    def _meant(self, wanted: Expression) -> Iterator[Concept]:
        codes = wanted.listed()
        asked = (
            self.by_code.values()
            if codes is None
            else (self.by_code[code] for code in codes if code in self.by_code)
        )
        return (concept for concept in asked if wanted.holds(concept))

    def _in_other_case(self, code: str) -> Concept | None:
        found = self._folded.get(code.casefold())
        return None if found is None else self.by_code[found]


def table(resource: Json) -> Table:
    """Return the concepts of a CodeSystem.

    A concept is beneath another if it is nested in it or says so by the property ``parent`` or
    ``child``. One that names itself or goes in a circle is beneath all that it reaches.
    """
    rows: dict[str, Json] = {}
    parents: dict[str, dict[str, None]] = defaultdict(dict)
    for above, row in _nested(resource):
        code = row["code"]
        rows.setdefault(code, row)
        if above is not None:
            parents[code][above] = None
        for name, value in properties(row.get("property", ())):
            if name == "parent":
                parents[code][value] = None
            elif name == "child":
                parents[value][code] = None
    known = {code: tuple(one for one in parents.get(code, ()) if one in rows) for code in rows}
    reached = ancestors(known)
    below: dict[str, list[str]] = defaultdict(list)
    for code, above_it in known.items():
        for one in above_it:
            below[one].append(code)
    about = About.of(resource)
    concepts = {
        code: concept(row, known[code], reached[code], has_children=code in below)
        for code, row in rows.items()
    }
    cased = (
        {} if about.is_case_sensitive else {code.casefold(): code for code in reversed(concepts)}
    )
    return Table(about, concepts, {code: tuple(found) for code, found in below.items()}, cased)


def concept(
    row: Json, parents: tuple[str, ...], above: frozenset[str], *, has_children: bool
) -> Concept:
    """Return the concept that a ``CodeSystem.concept`` describes."""
    return Concept(
        code=row["code"],
        display=row.get("display"),
        definition=row.get("definition"),
        designations=row.get("designation", ()),
        properties=row.get("property", ()),
        parents=parents,
        ancestors=above,
        has_children=has_children,
    )


def ancestors(parents: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """Return for each code all that subsume it, itself among them. Circles end.

    Raises TooCostly if one is beneath more than 100 others in a row.
    """
    found: dict[str, frozenset[str]] = {}
    for start in parents:
        path = {start: None}
        while path:
            code = next(reversed(path))
            missing = (one for one in parents[code] if one not in found and one not in path)
            first = None if code in found else next(missing, None)
            if first is not None:
                path[first] = None
                if len(path) > _DEEPEST:
                    raise TooCostly.because("code-system-too-deep", limit=_DEEPEST)
                continue
            del path[code]
            found.setdefault(code, _with_above(code, parents, found))
    return found


def _with_above(
    code: str, parents: Mapping[str, Sequence[str]], found: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    reached, left = {code}, list(parents[code])
    while left:
        one = left.pop()
        if one in found:
            reached |= found[one]
        elif one not in reached:
            reached.add(one)
            left += parents.get(one, ())
    return frozenset(reached)


def _nested(resource: Json) -> Iterator[tuple[str | None, Json]]:
    """Yield every concept, before those nested in it, with the code of the one that it is in."""
    left: list[tuple[str | None, Json]] = [
        (None, one) for one in reversed(resource.get("concept", ()))
    ]
    while left:
        above, row = left.pop()
        yield above, row
        left += [(row["code"], inner) for inner in reversed(row.get("concept", ()))]
