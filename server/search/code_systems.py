"""A CodeSystem as it is asked for concepts: their hierarchy, and those with a property.

A concept is beneath another if it is nested in it or says so by the property ``parent`` or
``child``.

Spec: https://hl7.org/fhir/R4/codesystem.html#hierarchy
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from server.fhir.outcome import BadRequest
from server.search.values import shown

_Json = dict[str, Any]
_ITSELF = ("concept", "code")
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The concepts of the code system `url` by code, and how one subsumes another."""

    url: str
    concepts: Mapping[str, _Json]
    parents: Mapping[str, AbstractSet[str]]
    children: Mapping[str, AbstractSet[str]]

    def beneath(self, code: str) -> frozenset[str]:
        """Return `code` and all it subsumes. Raises BadRequest if there is no such concept."""
        return self._reached(code, self.children)

    def above(self, code: str) -> frozenset[str]:
        """Return `code` and all that subsume it. Raises BadRequest if there is no such concept."""
        return self._reached(code, self.parents)

    def selected(self, property: str, operator: str, value: str) -> frozenset[str]:
        """Return the codes that a filter of a value set selects.

        Raises BadRequest if it cannot be applied.
        """
        if property in _ITSELF and operator in _BY_SUBSUMPTION:
            return _BY_SUBSUMPTION[operator](self, value)
        matches = _BY_VALUE.get(operator)
        if matches is None or (operator == "exists" and value not in ("true", "false")):
            raise BadRequest.because(
                "search-value-set-filter",
                system=shown(self.url),
                property=shown(property),
                operator=shown(operator),
            )
        return frozenset(
            code for code in self.concepts if matches(self._values(code, property), value)
        )

    def _reached(self, code: str, steps: Mapping[str, AbstractSet[str]]) -> frozenset[str]:
        if code not in self.concepts:
            raise BadRequest.because(
                "search-code-unknown", system=shown(self.url), code=shown(code)
            )
        found, left = {code}, [code]
        while left:
            for other in steps.get(left.pop(), _NONE) - found:
                found.add(other)
                left.append(other)
        return frozenset(found)

    def _values(self, code: str, property: str) -> AbstractSet[str]:
        concept = self.concepts[code]
        match property:
            case "concept" | "code":
                return frozenset({code})
            case "display":
                return frozenset({concept["display"]} if "display" in concept else ())
            case "parent":
                return self.parents.get(code, _NONE)
            case "child":
                return self.children.get(code, _NONE)
        return frozenset(text for name, text in _properties(concept) if name == property)


def hierarchy(resource: _Json) -> Hierarchy:
    """Return the concepts of a CodeSystem.

    Raises BadRequest if not all of them are in the resource.
    """
    url = resource.get("url", "")
    if resource.get("content") != "complete":
        raise BadRequest.because("search-code-system-incomplete", system=shown(url))
    concepts: dict[str, _Json] = {}
    parents: dict[str, set[str]] = defaultdict(set)
    for above, concept in _concepts(resource):
        code = concept["code"]
        concepts[code] = concept
        if above is not None:
            parents[code].add(above)
        for name, value in _properties(concept):
            if name == "parent":
                parents[code].add(value)
            elif name == "child":
                parents[value].add(code)
    return Hierarchy(url, concepts, parents, _turned(parents, concepts))


def _concepts(resource: _Json) -> Iterator[tuple[str | None, _Json]]:
    """Yield every concept with the code of the one that it is nested in."""
    left: list[tuple[str | None, _Json]] = [(None, one) for one in resource.get("concept", ())]
    while left:
        above, concept = left.pop()
        yield above, concept
        left += [(concept["code"], inner) for inner in concept.get("concept", ())]


def _properties(concept: _Json) -> Iterator[tuple[str, str]]:
    """Yield the code and the value of each property; a Coding's value is its code."""
    for one in concept.get("property", ()):
        for name, value in one.items():
            if name.startswith("value"):
                yield one["code"], _text(value)


def _text(value: Any) -> str:  # noqa: ANN401  # any of FHIR's types
    match value:
        case bool():
            return "true" if value else "false"
        case {"code": str(code)}:
            return code
    return str(value)


def _turned(
    parents: Mapping[str, AbstractSet[str]], concepts: Mapping[str, _Json]
) -> Mapping[str, AbstractSet[str]]:
    children: dict[str, set[str]] = defaultdict(set)
    for code, above in parents.items():
        # A property may name what the system has no concept for.
        for other in above & concepts.keys() if code in concepts else ():
            children[other].add(code)
    return children


_BY_SUBSUMPTION: Mapping[str, Callable[[Hierarchy, str], frozenset[str]]] = {
    "is-a": lambda system, code: system.beneath(code),
    "descendent-of": lambda system, code: system.beneath(code) - {code},
    "is-not-a": lambda system, code: frozenset(system.concepts) - system.beneath(code),
    "generalizes": lambda system, code: system.above(code),
}
_BY_VALUE: Mapping[str, Callable[[AbstractSet[str], str], bool]] = {
    "=": lambda held, value: value in held,
    "in": lambda held, value: bool(held & _listed(value)),
    "not-in": lambda held, value: not held & _listed(value),
    "exists": lambda held, value: bool(held) == (value == "true"),
}


def _listed(value: str) -> frozenset[str]:
    return frozenset(one.strip() for one in value.split(","))
