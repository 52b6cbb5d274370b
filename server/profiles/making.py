"""What the value of a patch's operation becomes in the element that it is for.

A value is that of a datatype, a resource, or parts by name, which is how the content of elements
without a type of their own is written.

Spec: https://hl7.org/fhir/R4/fhirpatch.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.fhir import json
from server.fhir.outcome import BadRequest, Unprocessable
from server.profiles.places import Content, Elements, Object, Place, put, size
from server.profiles.shapes import Slot

_Part = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """The `content` for the element of `slot`, and the JSON property `key` where it goes."""

    key: str
    slot: Slot
    content: Content


@dataclass(frozen=True, slots=True)
class Making:
    """Makes the content of `elements`."""

    elements: Elements

    def made(self, type: str, name: str, part: _Part, where: str) -> Made:
        """Return what the value of `part` becomes as the element `name` of `type`.

        The name of a choice may be that of the element, with or without ``[x]``, or of the
        property. Raises Unprocessable if there is no such element, or if it is of another type.
        """
        key, slot = self._property(type, name.removesuffix("[x]"), part, where)
        return Made(key, slot, self._content(slot, part, where))

    def add(self, place: Place, made: Made, where: str) -> None:
        """Put `made` into the element at `place`, behind the last of several.

        Raises Unprocessable if it is there and can be there only once.
        """
        holder = self.elements.inside(place)
        if made.slot.many:
            put(holder, made.key, size(holder, made.key), made.content)
            return
        if any(self.elements.parts(place, made.slot.name)):
            raise Unprocessable.because("patch-element-exists", where, name=made.slot.name)
        Place(made.slot.type, holder, made.key).fill(made.content)

    def _property(self, type: str, name: str, part: _Part, where: str) -> tuple[str, Slot]:
        properties = self.elements.properties(type, name) or self.elements.property(type, name)
        if not properties:
            raise Unprocessable.because("patch-element-unknown", where, type=type, name=name[:40])
        if len(properties) == 1:
            return properties[0]
        for key, slot in properties:
            if key == f"{slot.name}{_type(part)}":
                return key, slot
        raise _other_type(name, part, where)

    def _content(self, slot: Slot, part: _Part, where: str) -> Content:
        match part:
            case {"resource": resource} if slot.type == "Resource":
                return Content(_copied(resource))
            case {"part": parts} if slot.type in self.elements.shapes and slot.type != "Resource":
                return Content(self._object(slot.type, parts, where))
        name = f"value{_type(part)}"
        if not self._fits(slot, _type(part)):
            raise _other_type(slot.name, part, where)
        return Content(_copied(part.get(name)), _copied(part.get(f"_{name}")))

    def _fits(self, slot: Slot, type: str) -> bool:
        """Tell whether a value of `type` may stand in `slot`, as far as its JSON can tell.

        A text may be a code, a date or a narrative: what it has to be like is checked afterwards.
        """
        shapes = self.elements.shapes
        if type not in shapes or slot.primitive:
            return bool(type) and slot.primitive and type not in shapes
        # An Age is a Quantity, and looks like one.
        same = slot.type in shapes and shapes[type].slots.keys() == shapes[slot.type].slots.keys()
        return type == slot.type or (same and "." not in slot.type)

    def _object(self, type: str, parts: Sequence[_Part], where: str) -> Object:
        made: Object = {}
        place = Place(type, {"made": made}, "made")
        for index, part in enumerate(parts):
            here = f"{where}.part[{index}]"
            self.add(place, self.made(type, part["name"], part, here), here)
        return made


def _type(part: _Part) -> str:
    """Return the type of the value of `part`, as the property is called; "" if it has none."""
    keys = (key.removeprefix("_") for key in part)
    return next((key[5:] for key in keys if key.startswith("value")), "")


def _copied(value: Any) -> Any:  # noqa: ANN401  # any JSON
    """Return a copy of `value`, which is put in and changed with every attempt at the patch."""
    return json.exact(json.dumps(value))


def _other_type(name: str, part: _Part, where: str) -> BadRequest | Unprocessable:
    if not _type(part) and not part.keys() & {"part", "resource"}:
        return BadRequest.because("patch-part-malformed", where, name="value")
    given = _type(part) or next(iter(part.keys() & {"part", "resource"}))
    return Unprocessable.because("patch-value-other-type", where, name=name[:40], given=given[:40])
