"""Snapshots: all that holds of each element, made of what a profile says and what its base has.

Spec: https://hl7.org/fhir/R4/profiling.html#snapshot
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from server.fhir.json import Resource
from server.fhir.outcome import Issue, Unprocessable
from server.profiles.differentials import Step, merged, steps, url_slicing
from server.profiles.element_tree import Definition, Node, type_tree

STRUCTURE_DEFINITION = "http://hl7.org/fhir/StructureDefinition/"
_SYSTEM = "http://hl7.org/fhirpath/System."
_MOST_ROWS = 5000
_MOST_NODES = 50_000
_DEEPEST = 30

Find = Callable[[str], Resource | None]
"""From a canonical URL, with or without ``|version``, to the StructureDefinition that has it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What R4 itself defines: the tree of each type, and the profiles by URL, as differentials."""

    types: Mapping[str, Node]
    profiles: Mapping[str, Resource]


def load(folder: Path) -> Facts:
    """Return the facts in `folder`, which is ``profiles/r4``."""
    types = orjson.loads((folder / "snapshots.json").read_bytes())
    profiles = orjson.loads((folder / "profiles.json").read_bytes())
    return Facts(
        {one["type"]: type_tree(one["element"]) for one in types},
        {one["url"]: _as_resource(one) for one in profiles},
    )


def _as_resource(row: Mapping[str, Any]) -> Resource:
    header = {key: value for key, value in row.items() if key != "element"}
    return {
        "resourceType": "StructureDefinition",
        **header,
        "derivation": "constraint",
        "differential": {"element": row["element"]},
    }


@dataclass(slots=True)
class Snapshots:
    """Makes snapshots; `find` knows the profiles that are not R4's own. Each tree is made once."""

    facts: Facts
    find: Find
    _made: dict[str, Node] = field(default_factory=dict)
    _begun: list[str] = field(default_factory=list)

    def definition(self, canonical: str) -> Resource | None:
        """Return the StructureDefinition that `canonical` means, None if it is not known."""
        url = canonical.partition("|")[0]
        return self.facts.profiles.get(url) or self.find(canonical)

    def type_of(self, canonical: str) -> str | None:
        """Return the type that the profile or type `canonical` is about, None if not known."""
        name = canonical.partition("|")[0].removeprefix(STRUCTURE_DEFINITION)
        if name in self.facts.types:
            return name
        found = self.definition(canonical)
        return None if found is None else found["type"].rpartition("/")[2]

    def tree(self, canonical: str) -> Node | None:
        """Return the tree of a type or profile, None if it is not known; not to be changed.

        Raises Unprocessable if its differential is at fault.
        """
        name = canonical.partition("|")[0].removeprefix(STRUCTURE_DEFINITION)
        if name in self.facts.types:
            return self.facts.types[name]
        if canonical not in self._made:
            found = self.definition(canonical)
            if found is None:
                return None
            self._made[canonical] = self.made(found)
        return self._made[canonical]

    def made(self, definition: Resource) -> Node:
        """Return the tree that `definition`, a StructureDefinition of valid structure, makes.

        Raises Unprocessable with every fault in its differential; if its base is not known or
        goes in a circle; if it has neither a differential nor a base.
        """
        url, base_url = definition["url"], definition.get("baseDefinition", "")
        if url in self._begun or len(self._begun) > _DEEPEST:
            raise Unprocessable.because("snapshot-circular", profile=url[:200])
        self._begun.append(url)
        try:
            base = self.tree(base_url)
            if base is None:
                raise Unprocessable.because("snapshot-base-unknown", profile=base_url[:200])
            rows = definition.get("differential", {}).get("element", ())
            if len(rows) > _MOST_ROWS:
                raise Unprocessable.because("snapshot-too-large", profile=url[:200])
            making = _Making(self, url, base.copy(), is_new=_is_new(definition))
            making.apply(rows)
            return making.root
        finally:
            self._begun.pop()

    def inside(self, node: Node) -> Node | None:
        """Return the element whose children `node` has, by its type or by the profile on that."""
        if node.is_entered:
            return node
        reference = node.definition.get("contentReference")
        if reference is not None:
            return self._referenced(reference.rpartition("#")[2])
        types = [one for one in node.types if not one["code"].startswith(_SYSTEM)]
        if len({one["code"] for one in types}) != 1:
            return self.facts.types["Element"] if types else None
        profiles = [url for one in types for url in one.get("profile", ())]
        tree = self.tree(profiles[0]) if len(profiles) == 1 else None
        return tree or self.facts.types.get(types[0]["code"])

    def _referenced(self, path: str) -> Node | None:
        name, *names = path.split(".")
        node = self.facts.types.get(name)
        for each in names:
            node = None if node is None else node.children.get(each)
        return node

    def snapshot(self, definition: Resource) -> list[Definition]:
        """Return ``snapshot.element`` of `definition`. Raises as `made` does."""
        name = definition["type"].rpartition("/")[2]
        is_resource = definition["kind"] == "resource"
        return list(self.made(definition).rows(name, name, is_resource=is_resource))


def _is_new(definition: Resource) -> bool:
    return definition.get("derivation") == "specialization"


class _Making:
    """One snapshot in the making: `root` begins as its base and ends as its tree."""

    def __init__(self, snapshots: Snapshots, url: str, root: Node, *, is_new: bool) -> None:
        self._snapshots = snapshots
        self._url = url
        self.root = root
        self._is_new = is_new
        self._left = _MOST_NODES
        self._issues: list[Issue] = []
        self._short: list[tuple[Node, list[Mapping[str, Any]]]] = []

    def apply(self, rows: Iterable[Definition]) -> None:
        before: list[Step] = []
        for row in rows:
            before = steps(row, before)
            node = self._reached(before, row)
            if node is not None:
                told = merged(node, row, self._url, f"{row.get('id') or row['path']}")
                self._issues += told
        if self._issues:
            raise Unprocessable(*self._issues[:100])

    def _reached(self, path: list[Step], row: Definition) -> Node | None:
        """Return the node that `row` is about; None if there is none, which has been told then."""
        node = self.root
        for place, step in enumerate(path[1:], 1):
            self._enter(node)
            is_last = place == len(path) - 1
            found = self._child(node, step, row, is_last=is_last)
            if found is None:
                return None
            node = found
        return node

    def _child(self, node: Node, step: Step, row: Definition, *, is_last: bool) -> Node | None:
        child, name = node.children.get(step.name), step.slice
        if child is None:
            child = next(
                (one for one in node.children.values() if self._is_short(one, step.name)), None
            )
            name = step.name if child is not None else name
            if child is not None:
                self._narrow(child, step.name)
        if child is None and self._is_new and is_last:
            child = node.children[step.name] = Node(step.name, {})
            node.is_entered = True
        if child is None:
            self._tell("snapshot-path-unknown", row, element=step.name)
        elif name is not None:
            return self._slice(child, name, row, is_last=is_last or step.slice is None)
        return child

    def _slice(self, node: Node, name: str, row: Definition, *, is_last: bool) -> Node | None:
        known = node.slices.get(name)
        if known is not None:
            return known
        above = name.rpartition("/")[0]
        whole = node.slices.get(above) if above else node
        if whole is None or not is_last or row.get("sliceIsConstraining"):
            self._tell("snapshot-slice-unknown", row, slice=above or name)
            return None
        implied = url_slicing(node)
        if "slicing" not in whole.definition and implied is None:
            self._tell("snapshot-not-sliced", row, slice=name)
            return None
        if "slicing" not in whole.definition:
            whole.definition = {**whole.definition, "slicing": implied}
        whole.own |= {"slicing"}
        made = whole.as_slice()
        made.definition["min"] = 0
        typed = [one for one in made.types if _choice(node, one["code"]) == name]
        if typed:
            made.definition["type"] = typed
        self._insert(node, name, made)
        return made

    def _narrow(self, node: Node, name: str) -> None:
        """Leave to `node`, ``value[x]``, the types that are named in short: ``valueQuantity``."""
        types = self._before(node)
        if types is None and node.slices:
            return
        if types is None:
            types = node.types
            self._short.append((node, types))
        named = {name, *node.slices}
        narrowed = [one for one in types if _choice(node, one["code"]) in named]
        node.definition = {**node.definition, "type": narrowed}
        node.own |= {"type"}

    def _before(self, node: Node) -> list[Mapping[str, Any]] | None:
        """Return the types that `node` had before it was named in short, None if it was not."""
        return next((types for one, types in self._short if one is node), None)

    def _is_short(self, child: Node, name: str) -> bool:
        """Tell whether `name` is ``valueQuantity`` where `child` is ``value[x]``."""
        types = self._before(child) or child.types
        return any(_choice(child, one["code"]) == name for one in types)

    def _insert(self, node: Node, name: str, made: Node) -> None:
        """Put the slice `made` behind the last one that belongs to the same one as it."""
        above = name.rpartition("/")[0]
        family = [key for key in node.slices if key == above or key.startswith(f"{above}/")]
        if not above or not family:
            node.slices[name] = made
            return
        slices = dict[str, Node]()
        for key, one in node.slices.items():
            slices[key] = one
            if key == family[-1]:
                slices[name] = made
        node.slices = slices

    def _enter(self, node: Node) -> None:
        """Have the children of `node`, those of its type or of the profile on that."""
        if node.is_entered:
            return
        inside = self._snapshots.inside(node)
        node.is_entered = True
        if inside is not None:
            node.children = {name: one.copy() for name, one in inside.children.items()}
            self._left -= len(node.children)
        if self._left < 0:
            raise Unprocessable.because("snapshot-too-large", profile=self._url[:200])

    def _tell(self, message: str, row: Definition, **arguments: object) -> None:
        shown = {key: str(value)[:100] for key, value in arguments.items()}
        at = str(row.get("id") or row["path"])[:200]
        told = {"at": at, "profile": self._url, **shown}
        self._issues.append(Issue("invalid", message, told, "StructureDefinition.differential"))


def _choice(node: Node, code: str) -> str | None:
    if not node.name.endswith("[x]"):
        return None
    return node.name.removesuffix("[x]") + code[0].upper() + code[1:]
