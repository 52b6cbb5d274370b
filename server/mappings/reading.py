"""From a row to a tree: values are put where the layout has a place for them.

Nodes come into being with the first value in them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from server.mappings import places as addresses
from server.mappings import visits
from server.mappings.conversions import Conversion
from server.mappings.layout import Layout, Place, Spot, full_url
from server.mappings.tables import Element, Every, Gather
from server.mappings.templates import fresh, merge, with_value
from server.records.cells import Told, WrongCellError
from server.records.datasets import Cell

Json = Any
FINISH: Mapping[str, Callable[[dict[str, Json]], None]] = {
    "address": addresses.joined,
    "record": visits.identified,
}
"""What is done with a node when all values are in their places."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of a row: its role in the data set, and what a Bundle calls its entry."""

    role: str
    full_url: str
    resource: dict[str, Json]


@dataclass(slots=True)
class Tree:
    """A tree that grows."""

    layout: Layout
    nodes: dict[tuple[int, int], dict[str, Json]] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    to_finish: list[tuple[str, dict[str, Json]]] = field(default_factory=list)

    def node(self, place: Place, index: int) -> dict[str, Json]:
        """Return the node at `place`, made now if it is not there yet."""
        key = place.number, 0 if place.repeating is None else index
        found = self.nodes.get(key)
        if found is None:
            found = self.nodes[key] = fresh(place.whole)
            if place.position:
                found[place.position] = place.first + index
            self._set_in(place, index, found)
            if place.finish:
                self.to_finish.append((place.finish, found))
        return found

    def _set_in(self, place: Place, index: int, node: dict[str, Json]) -> None:
        if place.parent is None:
            role = str(place.path)
            role = f"{role}#{index}" if index and place.repeats else role
            url = full_url(str(place.path), index if place.repeats else 0)
            self.entries.append(Entry(role, url, node))
            return
        parent = self.node(place.parent, index)
        if place.is_item:
            parent.setdefault(place.name, []).append(node)
        else:
            parent[place.name] = node

    def indexes(self, place: Place) -> Sequence[int]:
        """Return where a value that does not repeat stands: in each of what is there, or alone."""
        if place.repeating is None:
            return (0,)
        return [at for number, at in self.nodes if number == place.repeating] or (0,)

    def put(self, spot: Spot, index: int, value: Json) -> None:
        """Put `value` where it stands."""
        node = self.node(spot.place, index)
        if spot.twin is not None:
            texts = node.setdefault(spot.name, [])
            twins = node.setdefault(f"_{spot.name}", [])
            twins += [None] * (len(texts) - len(twins))
            texts.append(value)
            twins.append(with_value(spot.twin, value))
        elif spot.name:
            node[spot.name] = value
        else:
            merge(node, value)


@dataclass(frozen=True, slots=True)
class Putting:
    """How the values of one element get into a tree."""

    element: Element
    conversion: Conversion
    spots: tuple[Spot, ...]
    instead: Mapping[str, Spot]

    def put(self, tree: Tree, cells: Mapping[str, Cell]) -> list[Told]:
        """Put what `cells` have of the element into `tree`; return what cannot stand there."""
        told: list[Told] = []
        values = cells[self.element.name].values
        for index, value in enumerate(values):
            if not value:
                continue
            if value in self.instead and len([one for one in values if one]) > 1:
                told.append(Told("dataset-alone", value))
                continue
            if self.element.needs and not beside(cells, index, self.element.needs):
                told.append(Told("dataset-needs", value, {"needed": self.element.needs}))
                continue
            try:
                made = self.conversion.read(value, partial(beside, cells, index))
            except WrongCellError as wrong:
                told.append(Told(wrong.message, value, wrong.arguments))
                continue
            if made is not None:
                self._put(tree, index, value, made)
        return told

    def _put(self, tree: Tree, index: int, value: str, made: Json) -> None:
        spots = (self.instead[value],) if value in self.instead else self.spots
        number = 0
        for spot in spots:
            for place in (index,) if self.element.repeats else tree.indexes(spot.place):
                tree.put(spot, place, fresh(made) if number else made)
                number += 1


def beside(cells: Mapping[str, Cell], index: int, name: str) -> str:
    """Return the value of the element `name` in the place `index` of a row, "" if it has none."""
    cell = cells.get(name)
    if cell is None:
        return ""
    return cell.values[index] if index < len(cell.values) else ""


def share(every: Sequence[Every], tree: Tree, values: Mapping[str, Json]) -> None:
    """Put into all resources what they share; `values` are converted ones, by their element."""
    for one in every:
        for entry in tree.entries:
            if entry.resource["resourceType"] == one.type and one.element not in entry.resource:
                if one.of in values:
                    entry.resource[one.element] = fresh(values[one.of])
                else:
                    merge(entry.resource, fresh(one.otherwise))


def gather(lists: Sequence[Gather], tree: Tree) -> None:
    """Put the lists of references in their places."""
    for one in lists:
        references = [
            {"reference": entry.full_url}
            for entry in tree.entries
            if entry.resource["resourceType"] == one.type
        ]
        if references:
            spot = tree.layout.gathering[one.at]
            tree.node(spot.place, 0)[spot.name] = references


def finish(tree: Tree) -> None:
    """Do with each node what is to be done when all values are in their places."""
    for name, node in tree.to_finish:
        FINISH[name](node)
