"""The small shapes that the demo region's resources are made of."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec

from server.fhir.canonical import BASE
from server.fhir.json import Resource

CHINA = timezone(timedelta(hours=8))
"""Zone of every time in the demo region."""

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
ATC = "http://www.whocc.no/atc"
ICD_10 = "http://hl7.org/fhir/sid/icd-10"
NATIONAL = "urn:oid:2.16.156.10011"
DATA_ELEMENT = f"{NATIONAL}.2.2.1"
V3 = "http://terminology.hl7.org/CodeSystem/v3-"

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def encoded(resource: Resource) -> bytes:
    """Return `resource`, whose decimals are Decimal, as JSON with every digit of them."""
    return _ENCODER.encode(resource)


_CLAIMED = {
    "Patient": "cn-patient",
    "RelatedPerson": "cn-related-person",
    "Practitioner": "cn-practitioner",
    "Organization": "cn-organization",
    "Condition": "cn-condition",
    "MedicationRequest": "cn-medication-request",
    "AllergyIntolerance": "cn-allergy-intolerance",
    "Immunization": "cn-immunization",
}


def resource(type: str, id: str, /, *, profile: str | None = None, **elements: Any) -> Resource:
    """Return a resource marked as test data, without the elements that are None.

    It claims `profile`, one of ours by its id, or else the one of its type, if there is one.

    Spec: https://terminology.hl7.org/CodeSystem-v3-ActReason.html#v3-ActReason-HTEST
    """
    test = coding(f"{V3}ActReason", "HTEST", "test health data")
    claimed = profile or _CLAIMED.get(type)
    claim = {"profile": [f"{BASE}/StructureDefinition/{claimed}"]} if claimed else {}
    return {
        "resourceType": type,
        "id": id,
        "meta": {**claim, "security": [test]},
        **{name: value for name, value in elements.items() if value is not None},
    }


def coding(system: str, code: str, display: str | None = None) -> dict[str, Any]:
    """Return a Coding."""
    found = {"system": system, "code": code}
    return found if display is None else {**found, "display": display}


def concept(text: str | None, *codings: dict[str, Any]) -> dict[str, Any]:
    """Return a CodeableConcept of `codings` with `text`."""
    found: dict[str, Any] = {"coding": list(codings)} if codings else {}
    return found if text is None else {**found, "text": text}


def terminology(name: str, code: str, display: str | None = None) -> dict[str, Any]:
    """Return a CodeableConcept of HL7's code system `name`."""
    return concept(None, coding(f"http://terminology.hl7.org/CodeSystem/{name}", code, display))


def identifier(oid: str, value: str) -> dict[str, Any]:
    """Return an Identifier whose system is `oid` below the national health-information arc."""
    return {"system": f"{NATIONAL}.{oid}", "value": value}


def reference(type: str, id: str, display: str | None = None) -> dict[str, Any]:
    """Return a Reference."""
    found = {"reference": f"{type}/{id}"}
    return found if display is None else {**found, "display": display}


def decimal(value: float, places: int) -> Decimal | int:
    """Return `value` with exactly `places` decimal places, or as an integer."""
    return Decimal(f"{value:.{places}f}") if places else round(value)


def quantity(value: Decimal | float, unit: str) -> dict[str, Any]:
    """Return a Quantity in a UCUM unit."""
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def moment(when: datetime) -> str:
    """Return `when` as a FHIR dateTime to the second."""
    return when.isoformat(timespec="seconds")


def at(day: date, minutes: int) -> datetime:
    """Return the time `minutes` after midnight of `day`."""
    return datetime(day.year, day.month, day.day, tzinfo=CHINA) + timedelta(minutes=minutes)
