"""What a value set is composed of, as one expression for each code system in it.

Includes are united, what one include names is intersected, excludes are taken away: all of it
becomes expressions, of which nothing is listed before somebody asks.

Spec: https://hl7.org/fhir/R4/valueset.html#compositions
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from server.fhir.outcome import TooCostly, Unprocessable
from server.terminology import filters
from server.terminology.expressions import (
    EVERY,
    Expression,
    Inactive,
    Listed,
    Not,
    conjunction,
    disjunction,
)
from server.terminology.membership import Code
from server.terminology.systems import System

Json = Mapping[str, Any]
_MOST_SETS = 50
_DEEPEST = 10
_MOST_CODES = 100_000
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Part:
    """What a value set has of one edition of a code system; `system` None if that is not here.

    `is_pinned` tells whether the value set names the edition. `labels` are what it calls concepts
    by itself: an include's ``concept``, by code.
    """

    url: str
    version: str | None
    system: System | None
    expression: Expression
    is_pinned: bool = False
    labels: Mapping[str, Json] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str | None]:
        """Which edition of which code system it is about."""
        return self.url, self.version


Composition = tuple[Part, ...]


def about(composition: Composition, code: Code) -> Iterator[Part]:
    """Yield the parts that may have `code`: those of its system and edition, if it names one."""
    for part in composition:
        is_edition = code.version is None or part.version in (None, code.version)
        if code.system in (None, part.url) and is_edition:
            yield part


class Known(Protocol):
    """Who knows the code systems and value sets that a composition may name."""

    def version(self, url: str, named: str | None) -> str | None:
        """Return which version of `url` is meant where `named` is. Raises Unprocessable."""

    def system(self, url: str, version: str | None, until: str | None) -> System | None:
        """Return an edition of a code system, None if it is not here."""

    def value_set(self, canonical: str) -> Json:
        """Return the value set that is called so. Raises NotFound."""


@dataclass(slots=True)
class Composer:
    """Composes one value set, and those that it imports; not for several threads at once."""

    known: Known
    _sets: dict[str, Composition] = field(default_factory=dict)
    _codes: int = 0

    def compose(self, resource: Json, inside: tuple[str, ...] = ()) -> Composition:
        """Return what the ValueSet `resource` is composed of.

        Raises Unprocessable if it cannot be told, TooCostly if it takes too much, NotFound if it
        imports a value set that is not here.
        """
        compose = resource.get("compose", {})
        if _is_expanded(resource) or "include" not in compose:
            return self._expanded(resource)
        until = compose.get("lockedDate")
        included = _united(
            part for one in compose["include"] for part in self._element(one, until, inside)
        )
        excluded = [
            part for one in compose.get("exclude", ()) for part in self._element(one, until, inside)
        ]
        active = Not(Inactive()) if compose.get("inactive") is False else EVERY
        return tuple(
            replace(one, expression=conjunction((_without(one, excluded), active)))
            for one in included
        )

    def named(self, canonical: str, inside: tuple[str, ...] = ()) -> Composition:
        """Return what the value set called `canonical` is composed of. Raises as `compose`."""
        if canonical in inside:
            raise Unprocessable.because("value-set-cyclic", value=canonical[:_SHOWN])
        found = self._sets.get(canonical)
        if found is None:
            if len(inside) >= _DEEPEST or len(self._sets) >= _MOST_SETS:
                raise TooCostly.because("value-sets-too-many", limit=_MOST_SETS)
            found = self.compose(self.known.value_set(canonical), (*inside, canonical))
            self._sets[canonical] = found
        return found

    def _element(self, one: Json, until: str | None, inside: tuple[str, ...]) -> Composition:
        """Return what one include or exclude means: what is in all that it names."""
        imported = [self.named(other, inside) for other in one.get("valueSet", ())]
        if "system" in one:
            return tuple(self._of_system(one, until, imported))
        if not imported:
            raise Unprocessable.because("value-set-include-empty")
        return tuple(
            replace(part, expression=_intersected(part, imported[1:])) for part in imported[0]
        )

    def _of_system(
        self, one: Json, until: str | None, imported: Sequence[Composition]
    ) -> Iterator[Part]:
        url = one["system"]
        version = self.known.version(url, one.get("version"))
        system = self.known.system(url, version, until)
        rows = one.get("concept", ())
        self._count(len(rows))
        given = [filters.expression(url, system, each) for each in one.get("filter", ())]
        if rows:
            given.append(Listed(tuple(dict.fromkeys(row["code"] for row in rows))))
        part = Part(
            url=url,
            version=system.about.version if system is not None else version,
            system=system,
            expression=conjunction(given),
            is_pinned="version" in one,
            labels={row["code"]: row for row in rows if len(row) > 1},
        )
        yield replace(part, expression=_intersected(part, imported))

    def _expanded(self, resource: Json) -> Composition:
        """Return what is listed in a value set that has but an expansion."""
        if not _is_expanded(resource):
            raise Unprocessable.because("value-set-empty", value=resource.get("url", "")[:_SHOWN])
        rows = list(_contained(resource["expansion"]))
        self._count(len(rows))
        found: dict[tuple[str, str | None], dict[str, Json]] = {}
        for row in rows:
            if "code" in row and row.get("abstract") is not True:
                key = row.get("system", ""), row.get("version")
                found.setdefault(key, {})[row["code"]] = row
        return tuple(
            Part(
                url,
                version,
                self.known.system(url, version, None),
                Listed(tuple(codes)),
                is_pinned=version is not None,
                labels=codes,
            )
            for (url, version), codes in found.items()
        )

    def _count(self, codes: int) -> None:
        self._codes += codes
        if self._codes > _MOST_CODES:
            raise TooCostly.because("value-set-too-large", limit=_MOST_CODES)


def _is_expanded(resource: Json) -> bool:
    """Tell whether the whole expansion is in the resource, which may hold but a page of it."""
    expansion = resource.get("expansion")
    if expansion is None or int(expansion.get("offset", 0)) > 0:
        return False
    return int(expansion.get("total", 0)) <= sum(1 for _ in _contained(expansion))


def _contained(expansion: Json) -> Iterator[Json]:
    left = list(reversed(expansion.get("contains", ())))
    while left:
        row = left.pop()
        yield row
        left += reversed(row.get("contains", ()))


def _united(parts: Iterable[Part]) -> list[Part]:
    """Return `parts` with those of one edition made into one, in the order of the first of each."""
    found: dict[tuple[str, str | None], Part] = {}
    for part in parts:
        known = found.get(part.key)
        if known is None:
            found[part.key] = part
            continue
        found[part.key] = replace(
            part,
            expression=disjunction((known.expression, part.expression)),
            is_pinned=known.is_pinned and part.is_pinned,
            labels={**part.labels, **known.labels},
        )
    return list(found.values())


def _intersected(part: Part, others: Iterable[Composition]) -> Expression:
    """Return what `part` has in common with each of `others`."""
    return conjunction(
        (
            part.expression,
            *(
                disjunction(each.expression for each in other if _is_same(each, part))
                for other in others
            ),
        )
    )


def _without(part: Part, excluded: Iterable[Part]) -> Expression:
    """Return `part` without what is `excluded`, which is of all editions if it names none."""
    taken = [
        each.expression
        for each in excluded
        if each.url == part.url and (_is_same(each, part) or not each.is_pinned)
    ]
    return part.expression if not taken else conjunction((part.expression, Not(disjunction(taken))))


def _is_same(one: Part, other: Part) -> bool:
    return one.url == other.url and one.version == other.version
