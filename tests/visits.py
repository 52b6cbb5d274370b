"""Records of visits for tests: of synthetic residents, at an institution that does not exist."""

from typing import Any

from server.profiles.identity_numbers.check_characters import of_resident
from tests.builders import ID_CARD, fresh

Json = dict[str, Any]

DISEASES = "urn:oid:2.16.156.10011.2.3.3.11"
OPERATIONS = "urn:oid:2.16.156.10011.2.3.3.12"
TCM = "urn:oid:2.16.156.10011.2.3.3.14"
CLASSES = "urn:oid:2.16.156.10011.2.3.1.271"
INSTITUTIONS = "https://tongkang.example/fhir/sid/health-institution-code"
LOINC = "http://loinc.org"
OUTPATIENT, EMERGENCY, INPATIENT, OTHER = "1239"


def table(number: str) -> str:
    """Return the system of a table of WS 364."""
    return f"urn:oid:2.16.156.10011.2.3.1.{number}"


def coded(system: str, code: str, **more: str) -> Json:
    """Return a CodeableConcept with one coding."""
    return {"coding": [{"system": system, "code": code}], **more}


def id_number(order: int, born: str = "19900115") -> str:
    """Return a right ID number of somebody who does not exist; an odd `order` is a man's."""
    first = f"110101{born}{order % 1000:03d}"
    return first + of_resident(first)


def person(number: str | None = None, name: str | None = "测试甲", **more: Any) -> Json:
    """Return the Patient that a record contains."""
    numbers = {"identifier": [{"system": ID_CARD, "value": number}]} if number else {}
    names = {"name": [{"text": name}]} if name else {}
    return {"resourceType": "Patient", "id": "patient", **numbers, **names, **more}


def record(who: Json | None = None, **elements: Any) -> Json:
    """Return the record of a visit of `who`, or else of whom `elements` name."""
    inside = {"patient": {"reference": "#patient"}, "contained": [who]} if who else {}
    return {
        "resourceType": "EncounterRecord",
        "visitNumber": fresh(),
        "visitClass": coded(CLASSES, OUTPATIENT, text="门诊"),
        "institution": {"identifier": {"system": INSTITUTIONS, "value": "TEST-A"}},
        "start": "2026-03-01T08:00:00+08:00",
        "end": "2026-03-01T09:00:00+08:00",
        **inside,
        **elements,
    }


def diagnosis(name: str, code: str | None = None, **more: Any) -> Json:
    """Return a diagnosis."""
    return {"name": name, **({"code": coded(DISEASES, code)} if code else {}), **more}


def result(value: Any, code: str = "14771-0", unit: str = "mmol/L") -> Json:
    """Return a result of the laboratory."""
    return {"item": coded(LOINC, code), "valueQuantity": {"value": value, "unit": unit}}
