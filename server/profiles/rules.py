"""The rules for values of one slot, on which the quick and the thorough check agree.

Spec: https://hl7.org/fhir/R4/validation.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.fhir.reference import is_id
from server.profiles.bindings import code_checks
from server.profiles.definitions import Definitions
from server.profiles.primitives import Check, checks
from server.profiles.references import is_reference
from server.profiles.shapes import Shape, Slot, shapes


@dataclass(frozen=True, slots=True)
class Rules:
    """What both checks look up.

    `primitives` and `codes` tell by primitive type and by value set whether a value will do.
    """

    definitions: Definitions
    resource_types: frozenset[str]
    shapes: Mapping[str, Shape]
    primitives: Mapping[str, Check]
    codes: Mapping[str, Check]
    reference: Check

    def primitive(self, slot: Slot) -> Check:
        """Return the function that tells whether a value may stand in the primitive `slot`."""
        if slot.element.path == "Reference.reference":
            return self.reference
        if slot.type == "id" and slot.name == "id":
            return _is_id
        usual = self.primitives[slot.type]
        binding = slot.element.binding
        return usual if binding is None else self.codes.get(binding, usual)

    def value_set(self, slot: Slot) -> Mapping[str, frozenset[str]] | None:
        """Return the codes by system of which a CodeableConcept in `slot` needs one, if any."""
        if slot.type != "CodeableConcept" or slot.element.binding is None:
            return None
        return self.definitions.value_sets.get(slot.element.binding)


def rules(definitions: Definitions) -> Rules:
    """Return the rules that `definitions` make."""
    types = frozenset(definitions.resource_types)
    return Rules(
        definitions,
        types,
        shapes(definitions),
        checks(definitions.primitives),
        code_checks(definitions),
        is_reference(types),
    )


def _is_id(value: object) -> bool:
    return type(value) is str and is_id(value)


def has_content_of_one_kind(extension: Mapping[str, Any], values: frozenset[str]) -> bool:
    """Tell whether an Extension has either a value or extensions of its own (ext-1).

    `values` are the properties that a value can have.
    """
    return ("extension" in extension) == values.isdisjoint(extension)


def is_contained(slot: Slot) -> bool:
    """Tell whether `slot` holds contained resources, which contain none themselves (dom-2)."""
    return slot.name == "contained" and slot.type == "Resource"
