"""The conversion of what was measured: a number with its unit, or whatever else was found.

Laboratories write ``5.60``, ``<0.05``, ``-2.3``, ``阴性`` and ``1:80`` in the same column. A number
becomes a Quantity, whose code is that of UCUM where the table of units knows what the laboratory
writes; all else stays a text, and so does what a number of JSON would not give back as it was
written: ``+2.3``, ``007`` and ``-0``.

Spec: https://hl7.org/fhir/R4/datatypes.html#Quantity, https://ucum.org/ucum
"""

import re
from typing import Any

from server.mappings.conversions import Asked, Beside, Conversion, exact, in_unit

Json = Any
_NUMBER = re.compile(r"(<=|>=|<|>)?(-?(?:0|[1-9][0-9]{0,13})(?:\.[0-9]{1,8})?)")


def measured(asked: Asked) -> Conversion:
    """Make ``valueQuantity`` or ``valueString``; ``with`` names the element of the unit."""
    beside, units = asked.option("with"), asked.facts.units

    def read(value: str, other: Beside) -> Json:
        match = _NUMBER.fullmatch(value)
        if match is None or match[2] == "-0":
            return {"valueString": value}
        made: dict[str, Any] = {"value": exact(match[2])}
        if match[1]:
            made["comparator"] = match[1]
        return {"valueQuantity": in_unit(made, other(beside), units)}

    def restore(node: Json) -> str | None:
        if "valueString" in node:
            return str(node["valueString"])
        found = node.get("valueQuantity", {})
        if "value" not in found:
            return None
        return f"{found.get('comparator', '')}{found['value']}"

    return Conversion(read, restore)
