"""Back from a place in a resource to the data element of the row that stands there.

A fault that is found in what a row came to, such as a broken invariant, tells a path of FHIR; who
filled in the row knows its columns. The nearest element at or around the place is meant.

Spec: https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.expression
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from server.mappings.datasets import DataSet
from server.mappings.reading import Putting, beside
from server.mappings.tables import Element
from server.records.cells import WrongCellError
from server.records.datasets import Loaded, divided

Json = Any
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)(?:\[([0-9]+)\])?")
Steps = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Traced:
    """The element that is meant, and its value as the row has it, empty if it has none."""

    element: Element
    value: str


def traced(
    dataset: DataSet, row: Mapping[str, str], role: str, resource: Json, expression: str
) -> Traced | None:
    """Return what stands at `expression` in `resource`, which `row` came to; None if nothing does.

    `role` is that of the resource in `dataset`. Its numbers are to be their digits, as
    `server.fhir.json.spelled` reads them.
    """
    name, _, number = role.partition("#")
    place = dataset.made.layout.places.get(name)
    if place is None:
        return None
    found = dataset.made.finder.inside(place, int(number or 0), resource)
    places = {
        id(node): (number, index) for number, at in found.at.items() for index, node in at.items()
    }
    known = {name: text for name, text in row.items() if name in dataset.made.shape.fields}
    tracing = _Tracing(dataset, known, dataset.made.shape.load(known))
    for node, rest in reversed(list(_nodes(resource, expression))):
        if id(node) in places:
            meant = tracing.meant(*places[id(node)], node, rest)
            if meant is not None:
                return meant
    return None


def _nodes(resource: Json, expression: str) -> Iterator[tuple[Json, Steps]]:
    """Yield the objects on the way to `expression`, each with the steps that are left."""
    steps = tuple((one[1], int(one[2]) if one[2] else None) for one in _STEP.finditer(expression))
    node = resource
    yield node, steps
    for number, (name, at) in enumerate(steps, 1):
        node = node.get(name)
        if isinstance(node, list):
            node = node[at or 0] if (at or 0) < len(node) else None
        if not isinstance(node, dict):
            return
        yield node, steps[number:]


@dataclass(frozen=True, slots=True)
class _Tracing:
    """A row, of which the element at some place is asked."""

    dataset: DataSet
    row: Mapping[str, str]
    loaded: Loaded

    def meant(self, place: int, index: int, node: Json, rest: Steps) -> Traced | None:
        """Return what stands in `node`, the one with `index` at `place`, under the next step."""
        name = rest[0][0] if rest else ""
        here = [one for one in self.dataset.made.putting.values() if _is_at(one, place)]
        named = [one for one in here if name and _is_under(one, place, name)]
        merged = [
            one for one in here if _is_under(one, place, "") and self._makes(one, index, name)
        ]
        if named:
            told = [self._traced(one, index, node.get(name)) for one in named]
        elif merged:
            told = [self._traced(one, index, node) for one in merged]
        else:
            told = [self._traced(one, index, None) for one in here if len(here) == 1]
        return next((one for one in told if one.value), told[0] if told else None)

    def _makes(self, putting: Putting, index: int, name: str) -> bool:
        """Tell whether the value of an element that is merged into a node makes `name` there."""
        cell = self.loaded.cells.get(putting.element.name)
        at = index if putting.element.repeats else 0
        if cell is None or at >= len(cell.values) or not cell.values[at]:
            return False
        try:
            made = putting.conversion.read(cell.values[at], partial(beside, self.loaded.cells, at))
        except WrongCellError:
            return False
        return isinstance(made, dict) and not {name, f"_{name}"}.isdisjoint(made)

    def _traced(self, putting: Putting, index: int, stood: Json) -> Traced:
        """Return an element with the value that stands there; what others told is none of it."""
        element = putting.element
        text = self.row.get(element.name, "")
        values = divided(self.dataset.made.shape.columns[element.name], text)
        at = index if element.repeats else 0
        value = values[at] if at < len(values) else ""
        read = self.loaded.cells.get(element.name)
        stands = None if stood is None else putting.conversion.restore(stood)
        if element.repeats and stands is not None and read is not None:
            is_here = at < len(values) and read.values[at] == stands
            others = [one for one, each in zip(values, read.values, strict=True) if each == stands]
            value = value if is_here else next(iter(others), "")
        return Traced(element, value)


def _is_at(putting: Putting, place: int) -> bool:
    """Tell whether an element stands in the node at `place`, or in one beneath it."""
    for spot in (*putting.spots, *putting.instead.values()):
        above = spot.place
        while above.number != place and above.parent is not None:
            above = above.parent
        if above.number == place:
            return True
    return False


def _is_under(putting: Putting, place: int, name: str) -> bool:
    """Tell whether an element stands in the node at `place` under `name`."""
    spots = (*putting.spots, *putting.instead.values())
    return any(one.place.number == place and one.name == name for one in spots)
