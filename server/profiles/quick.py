"""The quick check of a resource: is all well? One closure per type, compiled at the start.

Nothing is reported here; what is wrong, and where, `server.profiles.thorough` tells. The two
agree on every input, which a property test holds them to.

Spec: https://hl7.org/fhir/R4/validation.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from operator import eq
from typing import Any

from server.profiles.bindings import has_coding_in
from server.profiles.primitives import Check
from server.profiles.rules import Rules, has_content_of_one_kind, is_contained
from server.profiles.shapes import Shape, Slot

# Tells whether a primitive property (None if absent) and its sibling go together.
_Pair = Callable[[Any, Any], bool]


def quick_check(rules: Rules) -> Check:
    """Return the function that tells whether a value is a resource without any fault."""
    compiler = _Compiler(rules)
    for name in sorted(rules.resource_types):
        compiler.by_type[name] = compiler.object(name)
    return _resource(compiler.by_type)


@dataclass(frozen=True, slots=True)
class _Compiler:
    """What has been compiled so far: `objects` by path, `by_type` the resource types."""

    rules: Rules
    objects: dict[str, Check] = field(default_factory=dict)
    by_type: dict[str, Check] = field(default_factory=dict)

    def object(self, path: str) -> Check:
        """Return the check of a JSON object with the children of `path`."""
        if path not in self.objects:
            shape = self.rules.shapes[path]
            slots: dict[str, Check] = {}
            pairs: dict[str, _Pair] = {}
            check = _object(shape, slots, pairs)
            if path == "Extension":
                check = _extension(check, shape.choices["value"])
            # Types contain each other, so the check is known before its tables are filled.
            self.objects[path] = check
            slots |= {key: self._slot(slot) for key, slot in shape.slots.items()}
            pairs |= {key: self._pair(slot) for key, slot in shape.siblings.items()}
            if path in self.rules.resource_types:
                slots["resourceType"] = partial(eq, path)
        return self.objects[path]

    def _slot(self, slot: Slot) -> Check:
        return _array(self._item(slot)) if slot.many else self._item(slot)

    def _item(self, slot: Slot) -> Check:
        if slot.primitive:
            return self.rules.primitive(slot)
        if slot.type == "Resource":
            resource = _resource(self.by_type)
            return _contained(resource) if is_contained(slot) else resource
        check = self.object(slot.type)
        value_set = self.rules.value_set(slot)
        return check if value_set is None else _concept(check, value_set)

    def _pair(self, slot: Slot) -> _Pair:
        element = self.object("Element")
        return _arrays(self._item(slot), element) if slot.many else _single(element)


def _resource(by_type: Mapping[str, Check]) -> Check:
    def check(value: object) -> bool:
        if type(value) is not dict:
            return False
        name = value.get("resourceType")
        return type(name) is str and name in by_type and by_type[name](value)

    return check


def _contained(resource: Check) -> Check:
    def check(value: object) -> bool:
        return type(value) is dict and "contained" not in value and resource(value)

    return check


def _object(shape: Shape, slots: Mapping[str, Check], pairs: Mapping[str, _Pair]) -> Check:
    choices = frozenset().union(*shape.choices.values())
    required = tuple(shape.required.items())
    slot_of, pair_of = slots.get, pairs.get

    def check(value: object) -> bool:
        if type(value) is not dict or not value:
            return False
        for key, item in value.items():
            slot = slot_of(key)
            if slot is None:
                pair = pair_of(key)
                if pair is None or not pair(value.get(key[1:]), item):
                    return False
            # An array of primitives may have gaps; then its sibling's pair checks them both.
            elif not slot(item) and not (type(item) is list and f"_{key}" in value):
                return False
        for name, keys in required:
            if name not in value and keys.isdisjoint(value):
                return False
        return not choices or len(choices.intersection(value)) < 2 or _chooses_once(value, shape)

    return check


def _chooses_once(value: Mapping[str, Any], shape: Shape) -> bool:
    return all(
        len({key.removeprefix("_") for key in keys.intersection(value)}) < 2
        for keys in shape.choices.values()
    )


def _extension(check: Check, values: frozenset[str]) -> Check:
    def extension(value: object) -> bool:
        return type(value) is dict and has_content_of_one_kind(value, values) and check(value)

    return extension


def _concept(check: Check, value_set: Mapping[str, frozenset[str]]) -> Check:
    def concept(value: object) -> bool:
        return check(value) and type(value) is dict and has_coding_in(value, value_set)

    return concept


def _array(item: Check) -> Check:
    def array(values: object) -> bool:
        if type(values) is not list or not values:
            return False
        for value in values:  # noqa: SIM110 - all() with a generator takes twice the time
            if not item(value):
                return False
        return True

    return array


def _single(element: Check) -> _Pair:
    def single(value: object, sibling: object) -> bool:
        return type(value) is not list and element(sibling)

    return single


def _arrays(item: Check, element: Check) -> _Pair:
    def arrays(values: object, siblings: object) -> bool:
        if type(siblings) is not list or not siblings:
            return False
        values = [None] * len(siblings) if values is None else values
        if type(values) is not list or len(values) != len(siblings):
            return False
        return all(
            (element(sibling) if sibling is not None else value is not None)
            and (value is None or item(value))
            for value, sibling in zip(values, siblings, strict=True)
        )

    return arrays
