"""Conversions of what may be a code of a table, or something else instead.

The form of check-ups has choices where the catalogue of data elements has a text or a flag, and
catalogues know codes of lists that are not published. Each is kept as what it is: a code with its
table, a code of the other list, a text or a boolean.

Spec: WS/T 364-2023, WS/T 363-2023; https://hl7.org/fhir/R4/observation.html#notes
"""

from typing import Any

from server.mappings.conversions import Asked, Beside, Conversion

Json = Any


def concept(asked: Asked) -> Conversion:
    """Make a CodeableConcept: of a code, of a code of the ``others``, or else of the text."""
    domain, system = asked.domain, asked.element.others.get("system")

    def read(value: str, _: Beside) -> Json:
        if value in domain.codings:
            return {"coding": [domain.coding(value)]}
        return {"coding": [{"system": system, "code": value}]} if system else {"text": value}

    def restore(value: Json) -> str | None:
        if not isinstance(value, dict):
            return None
        codings = value.get("coding", ())
        others = (one.get("code") for one in codings if system and one.get("system") == system)
        return domain.code(codings) or next(others, None) or _text(value, "text")

    return Conversion(read, restore)


def described(asked: Asked) -> Conversion:
    """Make ``valueCodeableConcept`` of a code, and ``valueBoolean`` or ``valueString`` of else."""
    domain, is_flag = asked.domain, asked.element.type == "L"

    def read(value: str, _: Beside) -> Json:
        if value in domain.codings:
            return {"valueCodeableConcept": {"coding": [domain.coding(value)]}}
        return {"valueBoolean": value == "T"} if is_flag else {"valueString": value}

    def restore(node: Json) -> str | None:
        if is_flag and isinstance(node.get("valueBoolean"), bool):
            return "T" if node["valueBoolean"] else "F"
        said = node.get("valueCodeableConcept")
        codings = said.get("coding", ()) if isinstance(said, dict) else ()
        return domain.code(codings) or (None if is_flag else _text(node, "valueString"))

    return Conversion(read, restore)


def _text(node: Json, name: str) -> str | None:
    found = node.get(name)
    return found if isinstance(found, str) and found else None
