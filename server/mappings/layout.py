"""The tree of a data set, laid out once: which nodes there are, and where each value goes.

A node stands in another one under a name, alone or as an item of a list. Values stand in nodes:
under a name, or merged into the node itself. All that a row's reading and its restoring have to
know is worked out here.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from server.mappings.paths import Path
from server.mappings.tables import Element, Node, Table, WrongTableError
from server.mappings.templates import filled, weight

Json = Any
_UNIT = "（("
_ROLES = uuid.uuid5(uuid.NAMESPACE_URL, "https://tongkang.example/fhir/mappings")


def full_url(role: str, index: int = 0) -> str:
    """Return by what the entry of a Bundle is called that has the resource in `role`."""
    return f"urn:uuid:{uuid.uuid5(_ROLES, f'{role}#{index}' if index else role)}"


@dataclass(frozen=True, slots=True)
class Place:
    """A node of the tree. `number` is its own in its layout; `parent` is None for a resource.

    It stands in its parent under `name`, in a list if it `is_item`. `repeats` tells whether there
    is one for each value; `repeating` is the number of the node that does, itself or one above.
    """

    number: int
    path: Path
    parent: "Place | None"
    fixed: Mapping[str, Json]
    whole: Mapping[str, Json]
    repeats: bool = False
    repeating: int | None = None
    position: str = ""
    first: int = 1
    finish: str = ""
    always: bool = False
    name: str = field(init=False)
    is_item: bool = field(init=False)

    def __post_init__(self) -> None:
        """Note the name of the element that it is, and whether it is an item of a list."""
        object.__setattr__(self, "name", self.path.last.name)
        is_item = self.parent is not None and self.path.last.item is not None
        object.__setattr__(self, "is_item", is_item)

    @property
    def weight(self) -> int:
        """Return how much it takes to be found as this node."""
        return weight(self.fixed)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value stands: in the node `place` under `name`, or in it itself without one.

    With a `twin` it is a text in a list, told apart by what stands beside it in ``_name``.
    """

    place: Place
    name: str = ""
    twin: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """All nodes of a data set, by path, and the spot of each element."""

    places: Mapping[str, Place]
    spots: Mapping[str, Spot]
    also: Mapping[str, tuple[Spot, ...]]
    instead: Mapping[str, Mapping[str, Spot]]
    gathering: Mapping[str, Spot]


@dataclass(slots=True)
class _Laying:
    """A layout while it is made."""

    table: Table
    nodes: dict[str, Node]
    references: Mapping[str, str]
    places: dict[str, Place] = field(default_factory=dict)

    def place(self, path: Path) -> Place:
        """Return the node at `path`, with all that it stands in."""
        key = str(path)
        if key not in self.places:
            parent = self.place(path.parent) if len(path.steps) > 1 else None
            node = self.nodes.get(key, Node(key))
            repeats = node.repeats or bool(node.position)
            above = None if parent is None else parent.repeating
            if repeats and above is not None:
                raise WrongTableError(f"{self.table.name}: {key} repeats in what repeats.")
            number = len(self.places)
            fixed, added = (self._filled(one) for one in (node.fixed, node.added))
            if parent is None:
                fixed = {"resourceType": path.last.name, **fixed}
            self.places[key] = Place(
                number=number,
                path=path,
                parent=parent,
                fixed=fixed,
                whole={**fixed, **added},
                repeats=repeats,
                repeating=number if repeats else above,
                position=node.position,
                first=node.first,
                finish=node.finish,
                always=node.always,
            )
        return self.places[key]

    def _filled(self, template: Mapping[str, Json]) -> dict[str, Json]:
        return dict(filled(template, self.references)) if template else {}

    def spot(self, path: Path) -> Spot:
        """Return where a value with this target stands."""
        if len(path.steps) == 1:
            return Spot(self.place(path))
        node = self.nodes.get(str(path))
        if path.last.item is None:
            return Spot(self.place(path.parent), path.last.name)
        if node is not None and node.finish == "text":
            return Spot(self.place(path.parent), path.last.name, self._filled(node.fixed))
        return Spot(self.place(path))


def laid_out(table: Table) -> Layout:
    """Return the layout of `table`. Raises WrongTableError."""
    nodes = {str(Path.parse(node.at)): node for node in table.nodes}
    for element in table.elements:
        if element.shape:
            node = _shaped(element, table)
            nodes.setdefault(node.at, node)
    laying = _Laying(table, nodes, _references(table, nodes))
    for node in nodes.values():
        if node.always:
            laying.place(Path.parse(node.at))
    kept = [element for element in table.elements if element.target]
    spots = {one.name: laying.spot(Path.parse(one.target)) for one in kept}
    also = {one.name: tuple(laying.spot(Path.parse(path)) for path in one.also) for one in kept}
    instead = {
        one.name: {value: laying.spot(Path.parse(path)) for value, path in one.instead.items()}
        for one in kept
    }
    gathering = {one.at: laying.spot(Path.parse(one.at)) for one in table.gather}
    return Layout(laying.places, spots, also, instead, gathering)


def _references(table: Table, paths: Iterable[str]) -> dict[str, str]:
    """Return what placeholders for references to the resources of a row stand for."""
    targets = [element.target for element in table.elements if element.target]
    roots = {str(next(Path.parse(one).heads())) for one in [*targets, *paths]}
    return {f"ref:{name}": full_url(name) for name in roots}


def _shaped(element: Element, table: Table) -> Node:
    """Return the first node of several in which `element` stands, as its shape has it."""
    if element.shape not in table.shapes:
        raise WrongTableError(f"{table.name}: there is no shape {element.shape}.")
    shape = table.shapes[element.shape]
    short = element.name
    for sign in _UNIT:
        short = short.partition(sign)[0]
    said = {
        "de": element.de or None,
        "name": element.name,
        "short": short,
        "edition": table.head.edition,
        "loinc": element.options.get("loinc"),
        "category": element.options.get("category"),
        "profile": element.options.get("profile"),
    }
    heads = Path.parse(element.target).heads()
    return Node(
        at=str(next(one for one in heads if one.last.item is not None)),
        fixed=filled(shape.fixed, said),
        added=filled(shape.added, said),
        repeats=shape.repeats or element.repeats,
    )
