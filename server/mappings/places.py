"""Conversions of places: an Address of the code of a division.

The code has six digits (county) or twelve (village, or township with 000 at its end). Names of
provinces, prefectures and counties are those of GB/T 2260; of a township the code is kept, for its
name is not in memory.

Spec: GB/T 2260, GB/T 10114; https://hl7.org/fhir/R4/datatypes.html#Address
"""

from collections.abc import Mapping
from typing import Any

from server.fhir.canonical import BASE
from server.mappings.conversions import Asked, Beside, Conversion
from server.records.cells import WrongCellError

Json = Any
CODING = "http://hl7.org/fhir/StructureDefinition/iso21090-SC-coding"
COUNTIES, TOWNSHIPS = f"{BASE}/CodeSystem/gbt-2260", f"{BASE}/CodeSystem/gbt-10114"
_LEVELS = (("state", 2), ("city", 4), ("district", 6))


def division(asked: Asked) -> Conversion:
    """Make an Address of the code of a division."""
    counties = asked.facts.domains.find(("gbt-2260",), asked.edition).codings
    length = asked.element.parsed.most

    def read(value: str, _: Beside) -> Json:
        if value[:6] not in counties:
            raise WrongCellError("dataset-division", code=value[:6])
        address: dict[str, Any] = {"country": "CN"}
        for name, end in _LEVELS:
            code = value[:end].ljust(6, "0")
            if code in counties and value[end - 2 : end] != "00":
                address[name] = counties[code]["display"]
                address[f"_{name}"] = {"extension": [_coded(COUNTIES, code)]}
        if value[6:].strip("0"):
            code = value[:9] if value[9:] in ("", "000") else value
            address["line"] = [None]
            address["_line"] = [{"extension": [_coded(TOWNSHIPS, code)]}]
        return address

    def restore(address: Json) -> str | None:
        code = _deepest(address)
        return None if code is None else code.ljust(length, "0")[:length]

    return Conversion(read, restore)


def _coded(system: str, code: str) -> dict[str, Any]:
    return {"url": CODING, "valueCoding": {"system": system, "code": code}}


def _deepest(address: Mapping[str, Any]) -> str | None:
    """Return the code of the deepest division of `address`."""
    parts = [one for one in address.get("_line", ()) if one]
    parts += [address[f"_{name}"] for name, _ in reversed(_LEVELS) if f"_{name}" in address]
    for part in parts:
        for one in part.get("extension", ()):
            code = one.get("valueCoding", {}).get("code")
            if one.get("url") == CODING and code is not None:
                return str(code)
    return None


def joined(address: dict[str, Any]) -> None:
    """Write out what `address` has in parts, unless it has a text."""
    if "text" in address:
        return
    names = [address[name] for name, _ in _LEVELS if name in address]
    # Of a municipality the city is the province once more, or has no name of its own.
    parts = list(dict.fromkeys(one for one in names if one not in ("市辖区", "县")))
    parts += [line for line in address.get("line", ()) if line]
    if parts:
        address["text"] = "".join(parts)
