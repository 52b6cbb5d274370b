"""What of a resource is shown to somebody from whom elements of some types are hidden or masked.

Hidden elements are left out. Masked ones are shown in part, as their type allows (see
`server.access.partial`); what has no partial form is left out as well. What a resource says of
another whose elements are masked goes, too: its narrative, and what a reference tells of its
target. It holds for resources within others.

Spec: 人口健康信息管理办法(试行) article 8, 最少够用 (R1.8b); https://hl7.org/fhir/R4/security.html
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from server.access.partial import FORMS
from server.access.policy import Masks
from server.fhir import json
from server.fhir.reference import parse
from server.profiles.definitions import Definitions
from server.profiles.mentions import mentions
from server.profiles.shapes import Shape, Slot, shapes

_UNMASKED = Masks()


@dataclass(frozen=True, slots=True)
class Masking:
    """Shows resources as far as masks let it; `mentions` are the types that a type can tell of."""

    shapes: Mapping[str, Shape]
    mentions: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, definitions: Definitions) -> Self:
        """Return the masking of the types that `definitions` have."""
        types = definitions.resource_types
        return cls(shapes(definitions), {type: mentions(definitions, type) for type in types})

    def shown(self, masks: Mapping[str, Masks], body: bytes) -> bytes:
        """Return what `masks`, by type, let be seen of the resource `body`.

        That is `body` itself if it is all of it. Digits stay as they are stored.
        """
        resource = json.exact(body)
        seen = _Look(self, masks, resource["resourceType"]).resource(resource)
        return body if seen == resource else json.dumps(seen)


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at a resource of `type`."""

    masking: Masking
    masks: Mapping[str, Masks]
    type: str

    def resource(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is seen of `resource`."""
        mine = self.masks.get(self.type, _UNMASKED)
        found: dict[str, Any] = {"resourceType": self.type}
        for name, slot, type, value in self._slots(self.type, resource):
            if slot.name in mine.masked - mine.hidden:
                part = self._part(type, value)
                found |= {name: part} if part else {}
            elif slot.name not in mine.hidden:
                found[name] = self._value(slot, type, value)
        return found

    def _slots(self, path: str, value: Mapping[str, Any]) -> Iterator[tuple[str, Slot, str, Any]]:
        """Yield name, slot, type and value of each property that tells nothing masked again.

        ``_x``, which has the extensions of a primitive, is an Element.
        """
        shape = self.masking.shapes[path]
        for name, one in value.items():
            if slot := shape.slots.get(name):
                if self._can_be_told(slot):
                    yield name, slot, slot.type, one
            elif slot := shape.siblings.get(name):
                yield name, slot, "Element", one

    def _can_be_told(self, slot: Slot) -> bool:
        """Tell whether `slot` has no narrative, and no name in the place of a reference.

        Where nothing is masked that these could be about, it does not matter.
        """
        told: Collection[str] = ()
        if slot.type == "Narrative":
            told = {self.type, *self.masking.mentions[self.type]}
        elif slot.type == "string" and "Reference" in slot.element.types:
            told = slot.element.targets
        return self.masks.keys().isdisjoint(told)

    def _value(self, slot: Slot, type: str, value: Any) -> Any:  # noqa: ANN401  # any JSON
        match value:
            case list():
                return [self._value(slot, type, one) for one in value]
            case {"resourceType": str(inner)} if type == "Resource":
                return replace(self, type=inner).resource(value)
            case dict():
                kept = self._reference(slot, value) if type == "Reference" else value
                inside = self._slots(type, kept)
                return {name: self._value(slot, type, one) for name, slot, type, one in inside}
        return value

    def _reference(self, slot: Slot, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a reference without what it tells of a target that is not shown whole."""
        unseen = [self.masks[type] for type in self._targets(slot, value) if type in self.masks]
        gone: set[str] = set()
        if unseen:
            gone.update(("display", "_display"))
        if any("identifier" in one.elements for one in unseen):
            gone.add("identifier")
        return {name: one for name, one in value.items() if name not in gone}

    def _targets(self, slot: Slot, value: Mapping[str, Any]) -> Collection[str]:
        """Return the types that the target of a reference can be of.

        What it says itself counts, else what its element allows: a contained resource, a
        ``urn:uuid:`` or a number alone does not tell.
        """
        said = (
            parse(value.get("reference", ""), "").type,
            value.get("type", "").rpartition("/")[2],
        )
        known = self.masking.mentions.keys()
        return known & set(said) or slot.element.targets or known

    def _part(self, type: str, value: Any) -> Any:  # noqa: ANN401  # any JSON
        """Return the partial form of `value`, something empty if it has none.

        That of a backbone element is made of those of its elements.
        """
        if isinstance(value, list):
            return [part for one in value if (part := self._part(type, one))]
        if value is not None and type in FORMS:
            return FORMS[type](value)
        if not _is_backbone(type) or value is None:
            return None
        parts = (
            (name, self._part(type, one))
            for name, slot, type, one in self._slots(type, value)
            if slot.name != "id"
        )
        return {name: part for name, part in parts if part}


def _is_backbone(type: str) -> bool:
    """Tell whether `type` is the path of elements of one resource type, ``Patient.contact``."""
    return "." in type
