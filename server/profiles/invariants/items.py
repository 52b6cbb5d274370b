"""The values that expressions are about: JSON, with the type that R4 gives it.

Spec: https://hl7.org/fhir/R4/fhirpath.html#types
"""

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import msgspec

from server.profiles.shapes import Shape, Slot


class Item(msgspec.Struct, frozen=True, gc=False):
    """One value: `value` is its JSON, None for a primitive that has only extensions.

    `type` is a FHIR type, or the path of a backbone element. `beside` has the id and the
    extensions of a primitive. Of these many are made, and a Struct is made in a fifth of the time;
    JSON has no circles, so the collector need not look at it.
    """

    value: Any
    type: str
    beside: Mapping[str, Any] | None = None


Items = list[Item]
NOTHING: Items = []
TRUE: Items = [Item(value=True, type="boolean")]
FALSE: Items = [Item(value=False, type="boolean")]


def truth(value: bool | None) -> Items:  # noqa: FBT001  # it is what this is about
    """Return the collection that `value` is, where None is none."""
    return NOTHING if value is None else TRUE if value else FALSE


def is_true(items: Items) -> bool | None:
    """Return what `items` mean as a truth, None for nothing; any single value is true."""
    if not items:
        return None
    return not (len(items) == 1 and items[0].value is False)


class Place(msgspec.Struct, frozen=True):
    """Where an element is: in the property `key`, and beside it in `sibling`.

    `type` is None for a resource, which says itself of which type it is.
    """

    key: str
    sibling: str | None
    type: str | None
    is_many: bool

    def items(self, parent: Mapping[str, Any]) -> Items:
        """Return what `parent` has there."""
        value: Any = parent.get(self.key)
        beside = parent.get(self.sibling) if self.sibling is not None else None
        type_ = self.type
        if type_ is None:
            return [resource(one) for one in (value if self.is_many else (value,))]
        if not self.is_many:
            return [Item(value, type_, beside)]
        if beside is None:
            return [Item(one, type_) for one in value or ()]
        pairs = zip_longest(value or (), beside)
        return [Item(one, type_, other) for one, other in pairs]


class Model:
    """What is inside a value, by the `shapes` of R4's types, whose structure is valid."""

    __slots__ = ("_all", "_names", "_places", "shapes")

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self.shapes = shapes
        self._places: dict[tuple[str, str], Mapping[str, Place]] = {}
        self._all: dict[str, Mapping[str, Place]] = {}
        self._names: dict[str, Mapping[str, str]] = {}

    def named(self, item: Item, name: str) -> Items:
        """Return the elements `name` of `item`."""
        return self.located(item, name)[0]

    def located(self, item: Item, name: str) -> tuple[Items, bool]:
        """Return the elements `name` of `item`, and whether they are written as an array."""
        value, type_ = item.value, item.type
        if type(value) is not dict:
            if item.beside is None or name not in ("id", "extension"):
                return _ABSENT
            value, type_ = item.beside, "Element"
        place = self.place(type_, name, value)
        return _ABSENT if place is None else (place.items(value), place.is_many)

    def place(self, type: str, name: str, value: Mapping[str, Any]) -> Place | None:
        """Return where `value`, which is of `type`, has the element `name`; None if it has none."""
        places = self._places.get((type, name))
        if places is None:
            places = self._find(type, name)
        # Of a choice there are up to fifty keys, and one at most is there.
        keys, others = (value, places) if len(places) > _FEW else (places, value)
        for key in keys:
            if key in others:
                return places[key]
        return None

    def names(self, type: str) -> Mapping[str, str]:
        """Return the name of the element that each property of a value of `type` is of."""
        names = self._names.get(type)
        if names is None:
            shape = self.shapes.get(type)
            slots = shape.slots if shape else {}
            own = {key: slot.name for key, slot in slots.items()}
            names = self._names[type] = {**own, **{f"_{key}": one for key, one in own.items()}}
        return names

    def children(self, item: Item) -> Items:
        """Return all elements of `item`."""
        value, type_ = item.value, item.type
        if type(value) is not dict:
            if item.beside is None:
                return NOTHING
            value, type_ = item.beside, "Element"
        places = self._all.get(type_)
        if places is None:
            slots = self.shapes[type_].slots
            places = self._all[type_] = {key: _place(key, slot) for key, slot in slots.items()}
        found: Items = []
        for key in value:
            name = key
            if key[0] == "_":
                name = key[1:]
                if name in value:
                    continue
            place = places.get(name)
            if place is not None:
                found += place.items(value)
        return found

    def _find(self, type: str, name: str) -> Mapping[str, Place]:
        shape = self.shapes.get(type)
        slots = shape.slots.items() if shape else ()
        found = dict[str, Place]()
        for place in (_place(key, slot) for key, slot in slots if slot.name == name):
            found[place.key] = place
            if place.sibling is not None:
                found[place.sibling] = place
        self._places[type, name] = found
        return found


_ABSENT: tuple[Items, bool] = (NOTHING, False)
_FEW = 2


def resource(value: Mapping[str, Any]) -> Item:
    """Return the resource `value`."""
    return Item(value, value["resourceType"])


def _place(key: str, slot: Slot) -> Place:
    type = None if slot.type == "Resource" else slot.type
    return Place(key, f"_{key}" if slot.primitive else None, type, slot.many)
