"""A snapshot as a tree: elements, what is inside them, and the slices that they are divided into.

Types are entered only where a profile says something inside them, as in snapshots.

Spec: https://hl7.org/fhir/R4/elementdefinition.html#id
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Definition = dict[str, Any]

_ELE_1 = {
    "key": "ele-1",
    "severity": "error",
    "human": "All FHIR elements must have a @value or children",
    "expression": "hasValue() or (children().count() > id.count())",
    "source": "http://hl7.org/fhir/StructureDefinition/Element",
}
_SYSTEM = "http://hl7.org/fhirpath/System."
_ATTRIBUTES = frozenset({"Element.id", "Extension.url"})
_AFTER_BASE = ("contentReference", "type")


@dataclass(slots=True)
class Node:
    """One element, or one slice of it, while a snapshot is made; afterwards nothing changes it.

    `definition` is its ElementDefinition without ``id``, ``path`` and ``sliceName``. `own` are the
    keys that profiles have set in it: the rest is as the type has it. `is_entered` tells that
    `children` are known. `slices` are by name, ``a/b`` is a slice of ``a``.
    """

    name: str
    definition: Definition
    children: "dict[str, Node]" = field(default_factory=dict)
    slices: "dict[str, Node]" = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    is_entered: bool = False

    def copy(self) -> "Node":
        """Return a tree that can be changed without this one."""
        return Node(
            self.name,
            self.definition,
            {name: one.copy() for name, one in self.children.items()},
            {name: one.copy() for name, one in self.slices.items()},
            self.own,
            self.is_entered,
        )

    def as_slice(self) -> "Node":
        """Return what a new slice of this element begins as.

        What holds of the element holds of it, and is checked there: of its own it has nothing yet.
        """
        definition = {key: self.definition[key] for key in self.definition if key != "slicing"}
        children = {name: one.as_slice() for name, one in self.children.items()}
        for name, one in self.children.items():
            if "slicing" in one.definition:
                children[name].definition["slicing"] = one.definition["slicing"]
            children[name].slices = {key: each.as_slice() for key, each in one.slices.items()}
        return Node(self.name, definition, children, is_entered=self.is_entered)

    @property
    def types(self) -> list[Mapping[str, Any]]:
        """What it may be of, as in ``ElementDefinition.type``."""
        found: list[Mapping[str, Any]] = self.definition.get("type", [])
        return found

    @property
    def codes(self) -> tuple[str, ...]:
        """The names of the types that it may be of."""
        return tuple(dict.fromkeys(one["code"] for one in self.types))

    @property
    def min(self) -> int:
        """How often it must be there."""
        return int(self.definition.get("min", 0))

    @property
    def max(self) -> int | None:
        """How often it may be there, None for any number of times."""
        text = self.definition.get("max", "1")
        return None if text == "*" else int(text)

    def rows(self, id: str, path: str, *, is_resource: bool) -> Iterator[Definition]:
        """Yield the ElementDefinitions of this element, of what is inside it and of its slices."""
        yield _row(self, id, path, has_ele_1=not is_resource)
        for name, child in self.children.items():
            yield from child.rows(f"{id}.{name}", f"{path}.{name}", is_resource=False)
        for name, one in self.slices.items():
            yield from one.rows(f"{id}:{name}", path, is_resource=False)


def _row(node: Node, id: str, path: str, *, has_ele_1: bool) -> Definition:
    given = node.definition
    name = id.rpartition(".")[2].partition(":")[2]
    said = {key: value for key, value in given.items() if key not in _AFTER_BASE}
    said.setdefault("short", node.name)
    said.setdefault("definition", said["short"])
    said["min"], said["max"] = node.min, given.get("max", "1")
    said.setdefault("base", {"path": path, "min": node.min, "max": said["max"]})
    constraints = list(said.pop("constraint", ()))
    is_attribute = said["base"]["path"] in _ATTRIBUTES
    is_attribute = is_attribute or "Resource" in node.codes
    if has_ele_1 and not is_attribute and not any(one.startswith(_SYSTEM) for one in node.codes):
        constraints.insert(0, _ELE_1)
    last = {"constraint": constraints} if constraints else {}
    types = {key: given[key] for key in _AFTER_BASE if key in given}
    return {
        "id": id,
        "path": path,
        **({"sliceName": name} if name else {}),
        **said,
        **types,
        **last,
    }


def type_tree(elements: list[Definition]) -> Node:
    """Return the tree of a type of R4 from its rows in ``profiles/r4/snapshots.json``."""
    root: Node | None = None
    by_path: dict[str, Node] = {}
    for row in elements:
        path = row["path"]
        above, _, name = path.rpartition(".")
        definition = {key: value for key, value in row.items() if key != "path"}
        if "base" not in definition:
            low, high = row.get("min", 0), row.get("max", "1")
            definition["base"] = {"path": path, "min": low, "max": high}
        node = by_path[path] = Node(name, definition)
        if root is None:
            root = node
            root.is_entered = True
        else:
            parent = by_path[above]
            parent.children[name] = node
            parent.is_entered = True
    if root is None:
        message = "A type has at least one element."
        raise ValueError(message)
    return root
