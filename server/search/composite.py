"""Search parameters of type composite: several values that belong together.

Where they belong together in the resource itself, the composite is the conjunction of its
components' own parameters and has no entries. Else there is one entry of `k` for each element they
are in: ``{p: code, t, d, n, q, s}`` with the components' entries, named 1, 2, 3.

Spec: https://hl7.org/fhir/R4/search.html#composite
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.profiles.definitions import Definitions, SearchParameter
from server.profiles.fhirpath import ExpressionError
from server.search.expressions import Branch, branches
from server.search.implied import implied_codes
from server.search.kinds import KINDS
from server.search.parameter import Entries, Environment, Extract, Parameter
from server.search.steps import Json, Resource, ValuesOf

_Ways = Mapping[str, tuple[Branch, ...]]


@dataclass(frozen=True, slots=True)
class Focus:
    """One kind of element that the values of the composite `code` are in."""

    code: str
    values: ValuesOf
    components: tuple[tuple[tuple[ValuesOf, Extract], ...], ...]

    def adding(self, resource: Resource) -> Extract:
        """Return what adds the entry of one element of `resource`, if it has every component."""

        def add(element: Json, found: Entries) -> None:
            entry = self._entry(element, resource)
            if entry is not None:
                found.k.append({"p": self.code, **entry})

        return add

    def _entry(self, element: Json, resource: Resource) -> dict[str, Any] | None:
        found = Entries()
        for component in self.components:
            values = [(add, value) for get, add in component for value in get(element, resource)]
            if not values:
                return None
            for add, value in values:
                add(value, found)
        return found.document()


@dataclass(frozen=True, slots=True)
class Composite:
    """One composite. `members` say how its parts are searched, `count` how many there are.

    `together` are the parameters whose conjunction it is in the resource itself, empty if it
    is not about that; `members` the components of its entries, empty if it has none.
    """

    code: str
    count: int
    together: tuple[Parameter, ...]
    members: tuple[Parameter, ...]
    foci: tuple[Focus, ...]


def composites(
    definitions: Definitions,
    type: str,
    parameters: Mapping[str, Parameter],
    ways: _Ways,
    environment: Environment,
) -> Mapping[str, Composite]:
    """Return the composites of `type` that can be evaluated, by code."""
    facts = definitions.search_parameters[type]
    by_url = {fact.url: fact for fact in facts.values()}
    build = _Build(definitions, type, parameters, ways, environment, by_url)
    found = (build.composite(fact) for fact in facts.values() if fact.type == "composite")
    return {one.code: one for one in found if one is not None}


@dataclass(frozen=True, slots=True)
class _Build:
    """What is needed to build the composites of one type."""

    definitions: Definitions
    type: str
    parameters: Mapping[str, Parameter]
    ways: _Ways
    environment: Environment
    by_url: Mapping[str, SearchParameter]

    def composite(self, fact: SearchParameter) -> Composite | None:
        """Return the composite, None if one of its parts cannot be evaluated."""
        if fact.expression is None or any(url not in self.by_url for url, _ in fact.components):
            return None
        try:
            elements = branches(self.definitions, fact.expression, self.type)
            inner = [element for element in elements if element.steps]
            together = self._together(fact) if len(inner) < len(elements) else ()
            ways = [self._ways(fact, element) for element in inner]
        except ExpressionError:
            return None
        if None in together or not elements or not all(all(way) for way in ways):
            return None
        members = self._members(fact, ways) if ways else ()
        foci = tuple(
            self._focus(fact.code, element, way, members)
            for element, way in zip(inner, ways, strict=True)
        )
        return Composite(
            fact.code,
            len(fact.components),
            tuple(one for one in together if one is not None),
            members,
            foci,
        )

    def _ways(self, fact: SearchParameter, element: Branch) -> list[tuple[Branch, ...]]:
        """Return the ways from `element` to the values of each component."""
        found = []
        for url, expression in fact.components:
            kind, blank = KINDS[self.by_url[url].type], Parameter("", "", "")
            ways = branches(self.definitions, expression, element.type)
            found.append(tuple(w for w in ways if kind.extract(blank, w.type, self.environment)))
        return found

    def _members(
        self, fact: SearchParameter, ways: list[list[tuple[Branch, ...]]]
    ) -> tuple[Parameter, ...]:
        members = []
        for position, (url, _) in enumerate(fact.components):
            known = self.parameters[self.by_url[url].code]
            own = [way for focus in ways for way in focus[position]]
            members.append(
                Parameter(
                    code=fact.code,
                    type=known.type,
                    name=str(position + 1),
                    types=frozenset(way.type for way in own),
                    targets=known.targets,
                    implied=implied_codes(self.definitions, own),
                )
            )
        return tuple(members)

    def _focus(
        self,
        code: str,
        element: Branch,
        ways: list[tuple[Branch, ...]],
        members: tuple[Parameter, ...],
    ) -> Focus:
        components = []
        for member, own in zip(members, ways, strict=True):
            extract = KINDS[member.type].extract
            pairs = [(way.values(), extract(member, way.type, self.environment)) for way in own]
            components.append(tuple((get, add) for get, add in pairs if add is not None))
        return Focus(code, element.values(), tuple(components))

    def _together(self, fact: SearchParameter) -> tuple[Parameter | None, ...]:
        """Return the parameters that find the components in the resource itself."""
        return tuple(
            self._finder(self.by_url[url].type, branches(self.definitions, expression, self.type))
            for url, expression in fact.components
        )

    def _finder(self, kind: str, wanted: tuple[Branch, ...]) -> Parameter | None:
        """Return the parameter of that kind that finds `wanted` and the least besides."""
        paths = {(way.path, way.type) for way in wanted}
        able = [
            code
            for code, ways in self.ways.items()
            if self.parameters[code].type == kind
            and paths <= {(way.path, way.type) for way in ways}
        ]
        best = min(able, key=lambda code: (len(self.ways[code]), code), default=None)
        return None if best is None else self.parameters[best]
