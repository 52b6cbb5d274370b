"""The values that expressions are about: JSON, with the type that R4 gives it.

Spec: https://hl7.org/fhir/R4/fhirpath.html#types
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from server.profiles.shapes import Shape, Slot


@dataclass(frozen=True, slots=True)
class Item:
    """One value: `value` is its JSON, None for a primitive that has only extensions.

    `type` is a FHIR type, or the path of a backbone element. `beside` has the id and the
    extensions of a primitive.
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


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an element is: in the property `key`, and beside it in `sibling`."""

    key: str
    sibling: str | None
    slot: Slot


@dataclass(frozen=True, slots=True)
class Model:
    """What is inside a value, by the `shapes` of R4's types."""

    shapes: Mapping[str, Shape]
    _places: dict[tuple[str, str], tuple[_Place, ...]] = field(default_factory=dict)

    def named(self, item: Item, name: str) -> Items:
        """Return the elements `name` of `item`."""
        value, type_ = item.value, item.type
        if type(value) is not dict:
            if item.beside is None or name not in ("id", "extension"):
                return NOTHING
            value, type_ = item.beside, "Element"
        found: Items = []
        places = self._places.get((type_, name))
        for place in self._find(type_, name) if places is None else places:
            if place.key in value or place.sibling in value:
                _add(found, value, place)
        return found

    def located(self, item: Item, name: str) -> tuple[Items, bool]:
        """Return the elements `name` of `item`, and whether they are written as an array."""
        found = self.named(item, name)
        if not found:
            return found, False
        type_ = item.type if type(item.value) is dict else "Element"
        return found, self._places[type_, name][0].slot.many

    def children(self, item: Item) -> Items:
        """Return all elements of `item`."""
        value, type_ = item.value, item.type
        if type(value) is not dict:
            if item.beside is None:
                return NOTHING
            value, type_ = item.beside, "Element"
        names = dict.fromkeys(key.removeprefix("_") for key in value)
        slots = self.shapes[type_].slots
        found: Items = []
        for key in names:
            if key in slots:
                _add(found, value, _place(key, slots[key]))
        return found

    def _find(self, type: str, name: str) -> tuple[_Place, ...]:
        shape = self.shapes.get(type)
        slots = shape.slots.items() if shape else ()
        found = tuple(_place(key, slot) for key, slot in slots if slot.name == name)
        self._places[type, name] = found
        return found


def resource(value: Mapping[str, Any]) -> Item:
    """Return the resource `value`."""
    return Item(value, value["resourceType"])


def _place(key: str, slot: Slot) -> _Place:
    return _Place(key, f"_{key}" if slot.primitive else None, slot)


def _add(found: Items, parent: Mapping[str, Any], place: _Place) -> None:
    """Add what `parent` has at `place` to `found`."""
    slot = place.slot
    value = parent.get(place.key)
    beside = parent.get(place.sibling) if place.sibling is not None else None
    if not slot.many:
        found.append(_item(value, slot, beside))
    elif beside is None:
        found.extend(_item(one, slot, None) for one in value or ())
    else:
        pairs = zip_longest(value or (), beside)
        found.extend(_item(one, slot, other) for one, other in pairs)


def _item(value: Any, slot: Slot, beside: Mapping[str, Any] | None) -> Item:  # noqa: ANN401  # JSON
    type = value["resourceType"] if slot.type == "Resource" else slot.type
    return Item(value, type, beside)
