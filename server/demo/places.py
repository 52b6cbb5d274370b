"""Addresses in the demo region, whose names carry their division codes.

The code of the county (GB/T 2260) stands at ``_district``, that of the township
(GB/T 10114) at the first entry of ``_line``; the first two and four digits of
either are the province's and the prefecture's.

Spec: https://hl7.org/fhir/R4/extension-iso21090-sc-coding.html
"""

from typing import Any

from server.demo.shapes import coding
from server.demo.tables import Division
from server.fhir.canonical import BASE

_COUNTIES = f"{BASE}/CodeSystem/gbt-2260"
_TOWNSHIPS = f"{BASE}/CodeSystem/gbt-10114"
_CODED_STRING = "http://hl7.org/fhir/StructureDefinition/iso21090-SC-coding"


def place(division: Division, street: str | None = None) -> dict[str, Any]:
    """Return the Address of `division`, or of `street` in it, without its use."""
    province, prefecture, *below = _levels(division)
    text = "".join(level.name for level in _levels(division)) + (street or "")
    address: dict[str, Any] = {"type": "both", "text": text}
    if len(below) == 2:
        streets = [street] if street else []
        address["line"] = [below[1].name, *streets]
        address["_line"] = [_coded(below[1]), *(None for _ in streets)]
    address["city"] = prefecture.name
    if below:
        address["district"] = below[0].name
        address["_district"] = _coded(below[0])
    return {**address, "state": province.name, "country": "CN"}


def _levels(division: Division) -> list[Division]:
    above = [] if division.parent is None else _levels(division.parent)
    return [*above, division]


def _coded(division: Division) -> dict[str, Any]:
    system = _TOWNSHIPS if len(division.code) == 9 else _COUNTIES
    code = coding(system, division.code, division.name)
    return {"extension": [{"url": _CODED_STRING, "valueCoding": code}]}
