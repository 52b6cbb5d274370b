"""From a tree to a row: nodes are found again by what is fixed in them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.mappings.conversions import Conversion
from server.mappings.layout import Layout, Place, Spot
from server.mappings.tables import Element
from server.mappings.templates import matches
from server.records.datasets import joined

Json = Any
Node = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds the nodes of a layout in resources. `beneath` has those in each, the heaviest first."""

    beneath: Mapping[int | None, tuple[Place, ...]]

    @classmethod
    def of(cls, layout: Layout) -> "Finder":
        """Return the finder of `layout`."""
        found: dict[int | None, list[Place]] = {}
        for place in layout.places.values():
            key = None if place.parent is None else place.parent.number
            found.setdefault(key, []).append(place)
        return cls(
            {
                key: tuple(sorted(places, key=lambda one: -one.weight))
                for key, places in found.items()
            }
        )

    def nodes(self, resources: Iterable[Node]) -> "Found":
        """Return the nodes in `resources`."""
        found = Found()
        for resource in resources:
            for place in self.beneath.get(None, ()):
                if matches(place.fixed, resource) and found.takes(place):
                    self._enter(found, place, found.next(place), resource)
                    break
        return found

    def inside(self, place: Place, index: int, resource: Node) -> "Found":
        """Return the nodes in `resource`, which is known to be the one with `index` at `place`."""
        found = Found()
        self._enter(found, place, index, resource)
        return found

    def _enter(self, found: "Found", place: Place, index: int, node: Node) -> None:
        found.at.setdefault(place.number, {})[index] = node
        inner = self.beneath.get(place.number, ())
        for one in inner:
            if not one.is_item and isinstance(node.get(one.name), Mapping):
                self._enter(found, one, index, node[one.name])
        for name in dict.fromkeys(one.name for one in inner if one.is_item):
            self._claim(found, [one for one in inner if one.name == name], index, node.get(name))

    def _claim(self, found: "Found", places: Sequence[Place], index: int, items: Json) -> None:
        for item in items if isinstance(items, list) else ():
            for place in places:
                number = _number(place, item, found.next(place)) if place.repeats else index
                if matches(place.fixed, item) and number not in found.at.get(place.number, {}):
                    self._enter(found, place, number, item)
                    break


def _number(place: Place, item: Json, next: int) -> int:
    """Return which of the nodes at `place` this `item` is: by its position, or else the next."""
    said = item.get(place.position) if place.position and isinstance(item, Mapping) else None
    if said is not None and str(said).isdigit() and place.first <= int(said) < place.first + 1000:
        return int(said) - place.first
    return next


@dataclass(slots=True)
class Found:
    """The nodes that were found: by the number of their place and their index."""

    at: dict[int, dict[int, Node]] = field(default_factory=dict)

    def next(self, place: Place) -> int:
        """Return the index of the next node at `place`."""
        return len(self.at.get(place.number, {})) if place.repeats else 0

    def takes(self, place: Place) -> bool:
        """Tell whether there may be another node at `place`."""
        return place.repeats or place.number not in self.at

    def values(self, spot: Spot) -> dict[int, Json]:
        """Return what stands at `spot`, by index."""
        nodes = self.at.get(spot.place.number, {})
        if spot.twin is not None:
            return {
                index: text
                for index, node in nodes.items()
                for text, twin in zip(
                    node.get(spot.name, ()), node.get(f"_{spot.name}", ()), strict=False
                )
                if matches(spot.twin, twin)
            }
        if not spot.name:
            return dict(nodes)
        return {index: node[spot.name] for index, node in nodes.items() if spot.name in node}


@dataclass(frozen=True, slots=True)
class Taking:
    """How the values of one element are got out of a tree."""

    element: Element
    conversion: Conversion
    spots: tuple[Spot, ...]

    def take(self, found: Found) -> str | None:
        """Return the cell of the element, None if it has nothing."""
        values: dict[int, str] = {}
        for spot in self.spots:
            for index, value in found.values(spot).items():
                restored = self.conversion.restore(value)
                if restored is not None:
                    values.setdefault(index, restored)
        if not values:
            return None
        if not self.element.repeats:
            return values[min(values)]
        texts = (values.get(index, "") for index in range(max(values) + 1))
        return joined(texts, self.element.parsed.kind)
