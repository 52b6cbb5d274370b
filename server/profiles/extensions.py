"""Every extension in a resource, checked against its definition where that is known.

An unknown one is told as information. An unknown *modifier* extension is an error: it may change
what the element that it is in means, so nobody may take it for granted.

Spec: https://hl7.org/fhir/R4/extensibility.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from server.profiles.conformance import At, Compiled, Run
from server.profiles.invariants.items import Item
from server.profiles.shapes import Slot
from server.profiles.snapshots import STRUCTURE_DEFINITION

_Names = tuple[str, ...]
_KEYS = ("extension", "modifierExtension")


@dataclass(frozen=True, slots=True)
class Extensions:
    """Checks the extensions in resources. `bases` is the type that each type specializes."""

    bases: Mapping[str, str]

    def check(self, resource: Item, at: At, run: Run) -> None:
        """Note what is wrong with the extensions in `resource`, whose structure is valid."""
        if _has_any(resource.value):
            self._inside(resource, at, (resource.type,), run)

    def _inside(self, item: Item, at: At, holders: _Names, run: Run) -> None:
        """Check the extensions in `item`; `holders` are names that a context may call it."""
        value = item.value
        run.scope.spend(1)
        shape = run.model.shapes[item.type]
        for key, content in value.items():
            # Most of a resource is plain text, which nothing can be inside of.
            if type(content) is str or key in _KEYS:
                continue
            slot = shape.slots.get(key) or shape.siblings.get(key)
            if slot is None:
                continue
            for inner, here in _items(content, key, slot, at):
                if slot.type == "Resource":
                    name = inner.value["resourceType"]
                    self._inside(Item(inner.value, name), here, (name,), run)
                elif type(inner.value) is dict:
                    self._inside(inner, here, (slot.type, slot.element.path), run)
        for key in _KEYS:
            for place, one in enumerate(value.get(key, ())):
                self._extension(one, (at, key, place), holders, run)

    def _extension(self, value: Mapping[str, object], at: At, holders: _Names, run: Run) -> None:
        url = str(value["url"])
        is_modifier = at[1] == "modifierExtension"
        compiled = run.find(url) if ":" in url else None
        if compiled is not None and compiled.type == "Extension":
            item = Item(value, "Extension")
            self._context(compiled, url, at, holders, run)
            compiled.check(item, at, run)
            self._inside(item, at, ("Extension", url), run)
        elif is_modifier:
            run.tell("extension", "extension-modifier-unknown", at, {"url": url[:200]})
        elif "Extension" not in holders:
            told = {"url": url[:200]}
            run.tell("extension", "extension-unknown", at, told, "information")

    def _context(self, compiled: Compiled, url: str, at: At, holders: _Names, run: Run) -> None:
        """Note it if the extension `compiled` may not be used in one of the `holders`."""
        names = {*holders, _plain(at[0])}
        for name in holders:
            base: str | None = name
            while base is not None and base not in ("", None):
                names.add(base)
                base = self.bases.get(base)
        if "Resource" not in names:
            names.add("Element")
        told = {"url": url[:200]}
        if compiled.is_modifier != (at[1] == "modifierExtension"):
            run.tell("extension", "extension-misplaced", at, {**told, "allowed": _other(at[1])})
        kinds = {kind for kind, _ in compiled.contexts}
        if not compiled.contexts or "fhirpath" in kinds:
            return
        if not any(expression in names for _, expression in compiled.contexts):
            listed = ", ".join(expression for _, expression in compiled.contexts)
            # R4's own contexts are incomplete: its examples use such extensions elsewhere.
            severity = "warning" if url.startswith(STRUCTURE_DEFINITION) else "error"
            told = {**told, "allowed": listed[:300]}
            run.tell("extension", "extension-misplaced", at, told, severity)


def _other(key: str) -> str:
    return "modifierExtension" if key == "extension" else "extension"


def _items(value: object, key: str, slot: Slot, at: At) -> Iterator[tuple[Item, At]]:
    type_ = "Element" if key.startswith("_") else slot.type
    if type(value) is list:
        for place, one in enumerate(value):
            if one is not None:
                yield Item(one, type_), (at, slot.name, place)
    else:
        yield Item(value, type_), (at, slot.name, None)


def _plain(where: At | None) -> str:
    names: list[str] = []
    while where is not None:
        where, name, _ = where
        names.append(name)
    return ".".join(reversed(names))


def _has_any(value: object) -> bool:
    if type(value) is dict:
        return any(key in value for key in _KEYS) or any(map(_has_any, value.values()))
    return type(value) is list and any(map(_has_any, value))
