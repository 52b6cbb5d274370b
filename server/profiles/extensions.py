"""Every extension in a resource, checked against its definition where that is known.

An unknown one is told as information. An unknown *modifier* extension is an error: it may change
what the element that it is in means, so nobody may take it for granted.

Spec: https://hl7.org/fhir/R4/extensibility.html
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from server.profiles.conformance import Compiled, Run
from server.profiles.invariants.items import Item
from server.profiles.shapes import Shape, Slot
from server.profiles.snapshots import STRUCTURE_DEFINITION
from server.profiles.steps import At

_Names = tuple[str, ...]
_KEYS = ("extension", "modifierExtension")


class _Way(msgspec.Struct, frozen=True):
    """What stands in a property that may have extensions inside it.

    `type` is None for a resource; `holders` are names that the context of an extension may use.
    """

    name: str
    type: str | None
    holders: _Names


class Extensions:
    """Checks the extensions in resources. `bases` is the type that each type specializes."""

    __slots__ = ("_ways", "bases", "shapes")

    def __init__(self, bases: Mapping[str, str], shapes: Mapping[str, Shape]) -> None:
        self.bases = bases
        self.shapes = shapes
        self._ways: dict[str, Mapping[str, _Way]] = {}

    def check(self, resource: Item, at: At, run: Run) -> None:
        """Note what is wrong with the extensions in `resource`, whose structure is valid."""
        self._inside(resource.value, resource.type, at, (resource.type,), run)

    def _inside(
        self, value: Mapping[str, Any], type_: str, at: At, holders: _Names, run: Run
    ) -> None:
        """Check the extensions in `value`; `holders` are names that a context may call it."""
        run.scope.spend(1)
        ways = self._ways.get(type_)
        if ways is None:
            ways = self._ways[type_] = _ways(self.shapes[type_])
        for key, content in value.items():
            # Most of a resource is plain text, which nothing can be inside of.
            way = ways.get(key) if type(content) is not str else None
            if way is None:
                continue
            if type(content) is list:
                for place, one in enumerate(content):
                    self._content(one, way, (at, way.name, place), run)
            else:
                self._content(content, way, (at, way.name, None), run)
        for key in _KEYS:
            if key in value:
                for place, one in enumerate(value[key]):
                    self._extension(one, (at, key, place), holders, run)

    def _content(self, value: object, way: _Way, at: At, run: Run) -> None:
        if type(value) is not dict:
            return
        if way.type is None:
            name = value["resourceType"]
            self._inside(value, name, at, (name,), run)
        else:
            self._inside(value, way.type, at, way.holders, run)

    def _extension(self, value: Mapping[str, Any], at: At, holders: _Names, run: Run) -> None:
        url = str(value["url"])
        is_modifier = at[1] == "modifierExtension"
        compiled = run.find(url) if ":" in url else None
        if compiled is not None and compiled.type == "Extension":
            item = Item(value, "Extension")
            self._context(compiled, url, at, holders, run)
            compiled.check(item, at, run)
            self._inside(value, "Extension", at, ("Extension", url), run)
        elif is_modifier:
            run.tell("extension", "extension-modifier-unknown", at, {"url": url[:200]})
        elif "Extension" not in holders:
            told = {"url": url[:200]}
            run.tell("extension", "extension-unknown", at, told, "information")

    def _context(self, compiled: Compiled, url: str, at: At, holders: _Names, run: Run) -> None:
        """Note it if the extension `compiled` may not be used in one of the `holders`."""
        told = {"url": url[:200]}
        if compiled.is_modifier != (at[1] == "modifierExtension"):
            run.tell("extension", "extension-misplaced", at, {**told, "allowed": _other(at[1])})
        allowed = [expression for _, expression in compiled.contexts]
        if not allowed or any(one in holders for one in allowed):
            return
        if any(kind == "fhirpath" for kind, _ in compiled.contexts):
            return
        if self._names(at, holders).isdisjoint(allowed):
            listed = ", ".join(allowed)
            # R4's own contexts are incomplete: its examples use such extensions elsewhere.
            severity = "warning" if url.startswith(STRUCTURE_DEFINITION) else "error"
            told = {**told, "allowed": listed[:300]}
            run.tell("extension", "extension-misplaced", at, told, severity)

    def _names(self, at: At, holders: _Names) -> set[str]:
        """Return all names of what has the extension `at`: its path, its types and their bases."""
        names = {*holders, _plain(at[0])}
        for name in holders:
            base: str | None = name
            while base:
                names.add(base)
                base = self.bases.get(base)
        if "Resource" not in names:
            names.add("Element")
        return names


def _other(key: str) -> str:
    return "modifierExtension" if key == "extension" else "extension"


def _ways(shape: Shape) -> Mapping[str, _Way]:
    """Return what may have extensions inside it, by property, but for extensions themselves."""
    found = {key: _way(slot, slot.type) for key, slot in shape.slots.items() if not slot.primitive}
    beside = {key: _way(slot, "Element") for key, slot in shape.siblings.items()}
    return {key: way for key, way in (found | beside).items() if key not in _KEYS}


def _way(slot: Slot, type: str) -> _Way:
    return _Way(slot.name, None if type == "Resource" else type, (slot.type, slot.element.path))


def _plain(where: At | None) -> str:
    names: list[str] = []
    while where is not None:
        where, name, _ = where
        names.append(name)
    return ".".join(reversed(names))
