"""The thorough check of a resource: every fault, and where it is.

It is asked only when the quick check says no, and agrees with it on every input.

Spec: https://hl7.org/fhir/R4/validation.html
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from server.fhir.outcome import Issue
from server.profiles.bindings import has_coding_in
from server.profiles.explain import brief, value_fault
from server.profiles.rules import Rules, has_content_of_one_kind, is_contained
from server.profiles.shapes import Shape, Slot

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch
# Words of FHIRPath's grammar that an element's name would be taken for.
_WORDS = frozenset({"and", "div", "false", "implies", "mod", "or", "true", "xor"})


@dataclass(frozen=True, slots=True)
class Thorough:
    """The faults of resources, by `rules`."""

    rules: Rules

    def resource(self, value: object, path: str | None = None) -> Iterator[Issue]:
        """Yield every fault of the resource `value`, which stands at `path` if inside another."""
        if type(value) is not dict:
            yield _not_an_object(value, path)
            return
        name = value.get("resourceType")
        if name is None:
            yield Issue("required", "structure-resource-type-missing", {}, path)
        elif type(name) is not str or name not in self.rules.resource_types:
            yield Issue("value", "structure-resource-type-unknown", {"value": brief(name)}, path)
        else:
            shape = self.rules.shapes[name]
            yield from self._object(shape, value, path or name, frozenset({"resourceType"}))

    def _object(
        self, shape: Shape, value: object, path: str, known: frozenset[str] = frozenset()
    ) -> Iterator[Issue]:
        if type(value) is not dict:
            yield _not_an_object(value, path)
            return
        if not value:
            yield Issue("structure", "structure-empty-object", {}, path)
            return
        for key, item in value.items():
            if key in shape.slots:
                yield from self._property(shape.slots[key], key, value, path)
            elif key in shape.siblings:
                yield from self._sibling(shape.siblings[key], value.get(key[1:]), item, path)
            elif key not in known:
                yield _unknown(shape, key, path)
        yield from _missing(shape, value, path)
        yield from _chosen_twice(shape, value, path)
        if shape.path == "Extension" and not has_content_of_one_kind(value, shape.choices["value"]):
            yield Issue("invariant", "structure-extension-content", {}, path)

    def _property(
        self, slot: Slot, key: str, parent: Mapping[str, Any], path: str
    ) -> Iterator[Issue]:
        value, here = parent[key], f"{path}.{quoted(slot.name)}"
        if not slot.many:
            if type(value) is list:
                yield Issue("structure", "structure-not-an-array", {"element": slot.name}, here)
            else:
                yield from self._item(slot, value, here)
        elif type(value) is not list:
            yield Issue("structure", "structure-array", {"element": slot.name}, here)
        elif not value:
            yield Issue("structure", "structure-empty-array", {}, here)
        else:
            gaps = slot.primitive and type(parent.get(f"_{key}")) is list
            for index, item in enumerate(value):
                # The sibling answers for the gaps.
                if item is not None or not gaps:
                    yield from self._item(slot, item, f"{here}[{index}]")

    def _item(self, slot: Slot, value: object, path: str) -> Iterator[Issue]:
        if value is None:
            yield Issue("structure", "structure-null", {}, path)
        elif slot.primitive:
            if not self.rules.primitive(slot)(value):
                yield value_fault(self.rules, slot, value, path)
        elif slot.type == "Resource":
            yield from self.resource(value, path)
            if is_contained(slot) and type(value) is dict and "contained" in value:
                yield Issue("invariant", "structure-nested-contained", {}, f"{path}.contained")
        else:
            yield from self._complex(slot, value, path)

    def _complex(self, slot: Slot, value: object, path: str) -> Iterator[Issue]:
        found = False
        for issue in self._object(self.rules.shapes[slot.type], value, path):
            found = True
            yield issue
        value_set = self.rules.value_set(slot)
        # Codings that are not even well formed are told of already.
        if found or value_set is None or type(value) is not dict:
            return
        if not has_coding_in(value, value_set):
            arguments = {"value_set": slot.element.binding}
            yield Issue("code-invalid", "structure-concept-not-in-value-set", arguments, path)

    def _sibling(self, slot: Slot, values: object, siblings: object, path: str) -> Iterator[Issue]:
        here = f"{path}.{quoted(slot.name)}"
        element = self.rules.shapes["Element"]
        if not slot.many:
            yield from self._object(element, siblings, here)
        elif type(siblings) is not list:
            yield Issue("structure", "structure-array", {"element": f"_{slot.name}"}, here)
        elif not siblings:
            yield Issue("structure", "structure-empty-array", {}, here)
        elif type(values) is list and len(values) != len(siblings):
            arguments = {"element": slot.name, "values": len(values), "siblings": len(siblings)}
            yield Issue("structure", "structure-sibling-length", arguments, here)
        else:
            present = values if type(values) is list else [None] * len(siblings)
            for index, (value, sibling) in enumerate(zip(present, siblings, strict=True)):
                at = f"{here}[{index}]"
                if sibling is not None:
                    yield from self._object(element, sibling, at)
                elif value is None:
                    yield Issue("structure", "structure-null", {}, at)


def _not_an_object(value: object, path: str | None) -> Issue:
    message = "structure-null" if value is None else "structure-not-an-object"
    return Issue("structure", message, {"value": brief(value)}, path)


def _unknown(shape: Shape, key: str, path: str) -> Issue:
    arguments = {"element": brief(key), "parent": shape.path}
    return Issue("structure", "structure-unknown-element", arguments, f"{path}.{quoted(key)}")


def _missing(shape: Shape, value: Mapping[str, Any], path: str) -> Iterator[Issue]:
    for name, keys in shape.required.items():
        if keys.isdisjoint(value):
            arguments = {"element": name, "parent": shape.path}
            yield Issue("required", "structure-required", arguments, f"{path}.{quoted(name)}")


def _chosen_twice(shape: Shape, value: Mapping[str, Any], path: str) -> Iterator[Issue]:
    for name, keys in shape.choices.items():
        chosen = {key.removeprefix("_") for key in keys.intersection(value)}
        if len(chosen) > 1:
            arguments = {"element": f"{name}[x]", "found": ", ".join(sorted(chosen))}
            yield Issue("structure", "structure-choice", arguments, f"{path}.{quoted(name)}")


def quoted(name: str) -> str:
    """Return `name` as FHIRPath writes it, in back quotes where it must."""
    if _IDENTIFIER(name) and name not in _WORDS:
        return name[:40]
    escaped = name[:40].replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"
