"""The elements of a resource that a FHIRPath expression finds, each with its place.

The language is a part of FHIRPath that needs nothing but the resource and ends in a bounded time:
paths, the functions in `_FUNCTIONS`, comparisons, ``and``, ``or`` and ``xor``. What is beyond it is
refused, and so is an element that R4 does not have: nothing is found by mistake.

Spec: http://hl7.org/fhirpath/N1/, https://hl7.org/fhir/R4/fhirpath.html
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from server.fhir import json
from server.fhir.outcome import BadRequest, TooCostly, Unprocessable
from server.profiles import fhirpath
from server.profiles.fhirpath import Node
from server.profiles.places import Elements, Place

LONGEST = 1000
MOST_STEPS = 500_000
"""How many elements the expressions of one patch may look at."""
Item = Place | str | bool | int | Decimal
_ANY_RESOURCE = ("Resource", "DomainResource")
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


@lru_cache(maxsize=512)
def parsed(expression: str) -> Node:
    """Return the tree of `expression`. Raises BadRequest if it is none."""
    try:
        if len(expression) <= LONGEST:
            return fhirpath.parse(expression)
    except fhirpath.ExpressionError:
        pass
    raise BadRequest.because("patch-path-malformed", path=expression[:200])


class Finding:
    """Finds elements of `resource`; what it may look at is bounded over all its expressions."""

    def __init__(self, elements: Elements, resource: dict[str, Any]) -> None:
        self.elements = elements
        self.root = elements.resource(resource)
        self._steps = MOST_STEPS

    def found(self, tree: Node) -> list[Place]:
        """Return the places of the elements that `tree` finds in the resource.

        Raises Unprocessable if it finds values instead, or goes beyond the language; TooCostly if
        it takes too long.
        """
        items = self.values(tree, [self.root])
        places = [item for item in items if isinstance(item, Place)]
        if len(places) < len(items):
            raise Unprocessable.because("patch-path-gives-values")
        return places

    def values(self, node: Node, focus: Sequence[Item]) -> list[Item]:
        """Return what `node` gives, where `focus` is what a relative path starts from."""
        self._steps -= 1 + len(focus)
        if self._steps < 0:
            raise TooCostly.because("patch-path-too-costly")
        match node:
            case fhirpath.Literal(value):
                return [value]
            case fhirpath.This():
                return list(focus)
            case fhirpath.Name(name):
                return self._named(name, focus)
            case (
                fhirpath.Member(source, _)
                | fhirpath.Index(source, _)
                | fhirpath.Typed(_, source, _)
            ):
                return self._step(node, self.values(source, focus))
            case fhirpath.Call(source, name, arguments):
                given = focus if source is None else self.values(source, focus)
                return self._called(name, arguments, given, focus)
            case fhirpath.Binary("implies" | "+" | "&" as operator):
                raise Unprocessable.because("patch-path-unsupported", part=operator)
            case fhirpath.Binary(operator, left, right):
                return _combined(operator, self.values(left, focus), self.values(right, focus))
        raise Unprocessable.because("patch-path-unsupported", part=_outside(node))

    def holds(self, criterion: Node, item: Item) -> bool:
        """Tell whether `criterion` is true of `item`."""
        return _truth(self.values(criterion, [item])) is True

    def _step(
        self, node: fhirpath.Member | fhirpath.Index | fhirpath.Typed, items: Sequence[Item]
    ) -> list[Item]:
        match node:
            case fhirpath.Member(_, name):
                return self._parts(name, items)
            case fhirpath.Index(_, position):
                return list(items[position : position + 1])
            case fhirpath.Typed(operator, _, type):
                return _typed(operator, type, items)

    def _named(self, name: str, focus: Sequence[Item]) -> list[Item]:
        if not name[0].isupper():
            return self._parts(name, focus)
        for item in focus:
            if item is self.root and name not in (self.root.type, *_ANY_RESOURCE):
                raise Unprocessable.because(
                    "patch-path-other-type", type=name[:40], expected=self.root.type
                )
        return [i for i in focus if isinstance(i, Place) and (i.type == name or i is self.root)]

    def _parts(self, name: str, items: Sequence[Item]) -> list[Item]:
        found: list[Item] = []
        for item in items:
            if not isinstance(item, Place):
                raise Unprocessable.because("patch-path-unsupported", part=f".{name[:40]}")
            if not self.elements.properties(item.type, name):
                raise Unprocessable.because("patch-element-unknown", type=item.type, name=name[:40])
            found += self.elements.parts(item, name)
        self._steps -= len(found)
        return found

    def _called(
        self, name: str, arguments: Sequence[Node], items: Sequence[Item], focus: Sequence[Item]
    ) -> list[Item]:
        match name, arguments:
            case "where", (criterion,):
                return [item for item in items if self.holds(criterion, item)]
            case "exists", (criterion,):
                return [any(self.holds(criterion, item) for item in items)]
            case "all", (criterion,):
                return [all(self.holds(criterion, item) for item in items)]
            case "extension", (fhirpath.Literal(str(url)),):
                named = fhirpath.Binary("=", fhirpath.Name("url"), fhirpath.Literal(url))
                return [i for i in self._parts("extension", items) if self.holds(named, i)]
        function = _FUNCTIONS.get((name, len(arguments)))
        if function is None:
            raise Unprocessable.because("patch-path-unsupported", part=f"{name[:40]}()")
        self._steps -= sum(_weight(item) for item in items)
        return function(items, *(self.values(argument, focus) for argument in arguments))


@dataclass(frozen=True, slots=True)
class _Text:
    """A function of one text, and perhaps of another one."""

    of: Callable[..., Item]

    def __call__(self, *given: Sequence[Item]) -> list[Item]:
        """Return what it gives, nothing if a text is missing."""
        texts = [_comparable(one[0]) for one in given if len(one) == 1]
        if len(texts) < len(given) or not all(isinstance(text, str) for text in texts):
            return []
        return [self.of(*texts)]


def _cut(items: Sequence[Item], count: Sequence[Item], *, takes: bool) -> list[Item]:
    match count:
        case [int(number)]:
            end = max(number, 0)
            return list(items[:end] if takes else items[end:])
    return []


_FUNCTIONS: Mapping[tuple[str, int], Callable[..., list[Item]]] = {
    ("exists", 0): lambda items: [bool(items)],
    ("empty", 0): lambda items: [not items],
    ("not", 0): lambda items: [] if (known := _truth(items)) is None else [not known],
    ("count", 0): lambda items: [len(items)],
    ("hasValue", 0): lambda items: [len(items) == 1 and _has_value(items[0])],
    ("first", 0): lambda items: list(items[:1]),
    ("last", 0): lambda items: list(items[-1:]),
    ("tail", 0): lambda items: list(items[1:]),
    ("take", 1): lambda items, count: _cut(items, count, takes=True),
    ("skip", 1): lambda items, count: _cut(items, count, takes=False),
    ("startsWith", 1): _Text(str.startswith),
    ("endsWith", 1): _Text(str.endswith),
    ("contains", 1): _Text(str.__contains__),
}


def _outside(node: fhirpath.Resource | fhirpath.Environment) -> str:
    """Return how `node` is written."""
    return f"%{node.name[:40]}" if isinstance(node, fhirpath.Environment) else "%resource"


def _typed(operator: str, type: str, items: Sequence[Item]) -> list[Item]:
    fitting = [item for item in items if isinstance(item, Place) and item.type == type]
    if operator == "is":
        return [bool(fitting)] if len(items) == 1 else []
    return list(fitting)


def _combined(operator: str, left: Sequence[Item], right: Sequence[Item]) -> list[Item]:
    """Return what an operator gives; nothing where FHIRPath cannot tell."""
    match operator:
        case "and" | "or" | "xor":
            return _logical(operator, _truth(left), _truth(right))
        case "contains":
            left, right, operator = right, left, "in"
    if operator == "|":
        raise Unprocessable.because("patch-path-unsupported", part="|")
    lefts, rights = [_comparable(i) for i in left], [_comparable(i) for i in right]
    match operator, lefts, rights:
        case "in", [one], _:
            return [one in rights]
        case (("=" | "!="), [_, *_], [_, *_]):
            return [(lefts == rights) == (operator == "=")]
        case (("<" | "<=" | ">" | ">="), [tuple(one)], [tuple(other)]):
            return [_ORDERS[operator](one, other)]
        case (("<" | "<=" | ">" | ">="), [_, *_], [_, *_]):
            raise Unprocessable.because("patch-path-unsupported", part=operator)
    return []


def _logical(operator: str, left: bool | None, right: bool | None) -> list[Item]:  # noqa: FBT001
    if operator == "xor":
        return [] if left is None or right is None else [left != right]
    decides = operator == "or"
    if decides in (left, right):
        return [decides]
    return [] if left is None or right is None else [not decides]


def _truth(items: Sequence[Item]) -> bool | None:
    """Return what `items` say where a boolean is expected: one of another type says yes."""
    if len(items) > 1:
        raise Unprocessable.because("patch-path-several-values")
    if not items:
        return None
    known = items[0].value if isinstance(items[0], Place) else items[0]
    return known if isinstance(known, bool) else True


def _comparable(item: Item) -> Any:  # noqa: ANN401  # a bool, a str or a number as a tuple
    """Return the value of `item`, numbers as `json.comparable` gives them.

    Raises Unprocessable if it is not primitive: that has no bounds.
    """
    value = item.value if isinstance(item, Place) else item
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | Decimal):
        return (Decimal(value),)
    if isinstance(value, dict):
        raise Unprocessable.because("patch-path-unsupported", part="=")
    return json.comparable(json.dumps(value))


def _has_value(item: Item) -> bool:
    value = item.value if isinstance(item, Place) else item
    return value is not None and not isinstance(value, dict)


def _weight(item: Item) -> int:
    """Return how many steps it takes to look at `item`, which may be a long text."""
    value = item.value if isinstance(item, Place) else item
    return len(value) // 100 if isinstance(value, str) else 0
