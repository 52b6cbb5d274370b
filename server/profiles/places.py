"""Places in a resource: where an element stands in its JSON, so that it can be changed there.

A primitive has two JSON values: its own, and behind ``_`` the object with its id and extensions;
of several primitives both are arrays, with null where one has nothing. An element that loses all
its content goes itself, as FHIR has no empty elements.

Spec: https://hl7.org/fhir/R4/json.html#primitive
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from server.profiles.shapes import Shape, Slot

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """What an element has: its `value`, and of a primitive the object with its extensions.

    Numbers in it are as `server.fhir.json.exact` gives them. Either part may be None.
    """

    value: Any
    sibling: Object | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """One element: the property `key` of the object `holder`, or the item `index` of that.

    `type` is a primitive type or the path of a shape. `above` is the element that this is a part
    of, None for the resource itself, which stands in a holder of its own.
    """

    type: str
    holder: Object
    key: str
    index: int | None = None
    above: "Place | None" = None

    @property
    def value(self) -> Any:  # noqa: ANN401  # any JSON
        """The JSON value, None if a primitive has extensions only."""
        return self._part(self.key)

    @property
    def sibling(self) -> Object | None:
        """The id and extensions of a primitive, None if it has none."""
        found: Object | None = self._part(f"_{self.key}")
        return found

    def _part(self, key: str) -> Any:  # noqa: ANN401  # any JSON
        found = self.holder.get(key)
        return found[self.index] if self.index is not None and found is not None else found

    def remove(self) -> None:
        """Take the element away, and what is left empty by that."""
        if self.index is None:
            for key in (self.key, f"_{self.key}"):
                self.holder.pop(key, None)
        else:
            take(self.holder, self.key, self.index)
        if not self.holder and self.above is not None:
            self.above.emptied()

    def emptied(self) -> None:
        """Go on after the object with the parts of this element has become empty."""
        if self.value is None or isinstance(self.value, dict):
            self.remove()
        else:
            self.fill(Content(self.value))

    def fill(self, content: Content) -> None:
        """Have `content` here instead of what there is."""
        if self.index is not None:
            take(self.holder, self.key, self.index)
            put(self.holder, self.key, self.index, content)
            return
        for key, part in ((self.key, content.value), (f"_{self.key}", content.sibling)):
            if part is not None:
                self.holder[key] = part
            else:
                self.holder.pop(key, None)


def size(holder: Mapping[str, Any], key: str) -> int:
    """Return how many elements the list `key` of `holder` has."""
    return max(len(holder.get(name) or ()) for name in (key, f"_{key}"))


def put(holder: Object, key: str, index: int, content: Content) -> None:
    """Put `content` at `index` into the list `key` of `holder`."""
    count = size(holder, key)
    for name, part in ((key, content.value), (f"_{key}", content.sibling)):
        if part is not None or name in holder:
            holder.setdefault(name, [None] * count).insert(index, part)


def take(holder: Object, key: str, index: int) -> Content:
    """Return what is at `index` of the list `key` of `holder`, and remove it."""
    parts = []
    for name in (key, f"_{key}"):
        items = holder.get(name)
        parts.append(items.pop(index) if items is not None else None)
        if items is not None and all(item is None for item in items):
            del holder[name]
    return Content(*parts)


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements of each type by name: the JSON properties that one may stand in."""

    shapes: Mapping[str, Shape]
    names: Mapping[str, Mapping[str, tuple[tuple[str, Slot], ...]]]

    @classmethod
    def of(cls, shapes: Mapping[str, Shape]) -> "Elements":
        """Return the elements of the types that have `shapes`."""
        return cls(shapes, {path: _by_name(shape) for path, shape in shapes.items()})

    def resource(self, resource: Object) -> Place:
        """Return the place of a whole resource."""
        return Place(resource["resourceType"], {"resource": resource}, "resource")

    def properties(self, type: str, name: str) -> tuple[tuple[str, Slot], ...]:
        """Return the properties for the element `name` of `type`, none if it has no such."""
        return self.names[self._path(type)].get(name, ())

    def property(self, type: str, key: str) -> tuple[tuple[str, Slot], ...]:
        """Return the one property `key` of `type`, nothing if it has no such."""
        slot = self.shapes[self._path(type)].slots.get(key)
        return () if slot is None else ((key, slot),)

    def slot(self, place: Place, key: str) -> Slot:
        """Return what the property `key` of the element at `place` may hold."""
        return self.shapes[self._path(place.type)].slots[key]

    def _path(self, type: str) -> str:
        # A primitive has the parts of every element: an id and extensions.
        return type if type in self.shapes else "Element"

    def inside(self, place: Place) -> Object:
        """Return the object with the parts of the element at `place`, made if there is none."""
        is_primitive = place.type not in self.shapes
        if is_primitive and place.sibling is None:
            place.fill(Content(place.value, {}))
        return cast("Object", place.sibling if is_primitive else place.value)

    def parts(self, place: Place, name: str) -> Iterator[Place]:
        """Yield the places of the elements `name` that the one at `place` has."""
        holder = place.value if place.type in self.shapes else place.sibling
        if holder is None:
            return
        for key, slot in self.properties(place.type, name):
            if slot.many:
                for index in range(size(holder, key)):
                    yield _typed(Place(slot.type, holder, key, index, place))
            elif key in holder or f"_{key}" in holder:
                yield _typed(Place(slot.type, holder, key, None, place))


def _typed(place: Place) -> Place:
    """Return `place` with the type of the resource that is there, if it is one."""
    if place.type != "Resource":
        return place
    return Place(place.value["resourceType"], place.holder, place.key, place.index, place.above)


def _by_name(shape: Shape) -> Mapping[str, tuple[tuple[str, Slot], ...]]:
    found: dict[str, tuple[tuple[str, Slot], ...]] = {}
    for key, slot in shape.slots.items():
        found[slot.name] = (*found.get(slot.name, ()), (key, slot))
    return found
