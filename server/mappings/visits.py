"""What identifies a visit, and whose it is.

The front page of an inpatient record need not have a number of the stay: the number of the record
and the count of stays identify it, and stand for one together. Who the patient is stays in the
record: a reference to the contained Patient that has the demographics, with the best identifier.

Spec: 卫医政发〔2011〕84号 住院病案首页; WS 445.10-2014;
https://hl7.org/fhir/R4/references.html#logical
"""

from typing import Any

from server.mappings.conversions import Asked, Beside, Conversion
from server.profiles.identity_numbers.residents import ID_NUMBER

Json = Any
_BEST = (ID_NUMBER, "urn:oid:2.16.156.10011.1.2", "urn:oid:2.16.156.10011.1.19")
"""Identifiers of persons, the best first: ID number, health record number, health card number."""


def number(_: Asked) -> Conversion:
    """Make ``visitNumber`` of the number of a stay, whose inverse knows one made of others."""

    def restore(node: Json) -> str | None:
        found = node.get("visitNumber")
        return None if found is None or found == _made_of_others(node) else str(found)

    def read(value: str, _: Beside) -> Json:
        return {"visitNumber": value}

    return Conversion(read, restore)


def _made_of_others(node: Json) -> str | None:
    if "recordNumber" not in node or "admissionCount" not in node:
        return None
    return f"{node['recordNumber']}-{node['admissionCount']}"


def identified(record: dict[str, Any]) -> None:
    """Give `record` a number, if it has none, and refer to the patient that is contained in it."""
    made = _made_of_others(record)
    if "visitNumber" not in record and made is not None:
        record["visitNumber"] = made
    for patient in record.get("contained", ()):
        said = {"reference": f"#{patient['id']}", **record.get("patient", {})}
        found = patient.get("identifier", ())
        official = [one for one in found if one.get("use") != "old" and "value" in one]
        if official:
            said["identifier"] = min(official, key=lambda one: _rank(one["system"]))
        record["patient"] = said


def _rank(system: str) -> int:
    return _BEST.index(system) if system in _BEST else len(_BEST)
