"""The JSON shape of every type: which property may hold what.

Spec: https://hl7.org/fhir/R4/json.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from server.profiles.definitions import Definitions, Element


@dataclass(frozen=True, slots=True)
class Slot:
    """What one JSON property may hold.

    `type` is a primitive type, ``Resource``, or the path in Definitions.elements whose children
    the value has. `name` is the element's name in FHIRPath, ``value`` for ``valueQuantity``.
    """

    element: Element
    name: str
    type: str
    primitive: bool

    @property
    def many(self) -> bool:
        """Tell whether the property is an array."""
        return self.element.max != 1


@dataclass(frozen=True, slots=True)
class Shape:
    """The JSON object of one type or backbone element.

    `slots` are by property; `siblings` are those of the properties ``_x`` that carry the ids
    and extensions of primitives. `choices` are the properties of each choice of types, and
    `required` those of each required element, of which one must be there.
    """

    path: str
    slots: Mapping[str, Slot]
    siblings: Mapping[str, Slot]
    choices: Mapping[str, frozenset[str]]
    required: Mapping[str, frozenset[str]]


def shapes(definitions: Definitions) -> Mapping[str, Shape]:
    """Return the shape of every path in `definitions.elements`."""
    return {path: _shape(definitions, path) for path in definitions.elements}


def _shape(definitions: Definitions, path: str) -> Shape:
    slots: dict[str, Slot] = {}
    siblings: dict[str, Slot] = {}
    choices: dict[str, frozenset[str]] = {}
    required: dict[str, frozenset[str]] = {}
    for element in definitions.elements[path].values():
        own = dict(_slots(definitions, element))
        beside = {f"_{key}": slot for key, slot in own.items() if _has_sibling(slot)}
        slots |= own
        siblings |= beside
        keys = frozenset((*own, *beside))
        if element.name.endswith("[x]"):
            choices[_name(element)] = keys
        if element.min > 0:
            required[_name(element)] = keys
    return Shape(path, slots, siblings, choices, required)


def _slots(definitions: Definitions, element: Element) -> Iterator[tuple[str, Slot]]:
    name = _name(element)
    for type in element.types:
        key = name + type[0].upper() + type[1:] if element.name.endswith("[x]") else name
        inner = _inner(definitions, element, type)
        yield key, Slot(element, name, inner, inner in definitions.primitives)


def _name(element: Element) -> str:
    return element.name.removesuffix("[x]")


def _inner(definitions: Definitions, element: Element, type: str) -> str:
    if type.startswith("#"):
        return type[1:]
    return element.path if element.path in definitions.elements else type


def _has_sibling(slot: Slot) -> bool:
    # Attributes in XML, and the narrative itself, have no room for an id or extensions.
    has_room = not slot.element.attribute and slot.type != "xhtml"
    return slot.primitive and slot.name != "id" and has_room
