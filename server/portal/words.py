"""Resources in words that a resident understands."""

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from server.content import TERMINOLOGY
from server.fhir.json import Resource
from server.fhir.messages import Language
from server.search import sensitivity

_UNITS = {
    "mm[Hg]": "mmHg",
    "Cel": "℃",
    "[IU]/L": "IU/L",
    "kg/m2": "kg/m²",
    "{steps}": "",
    "{steps}/d": "/d",
}
# What LOINC's names say beyond what a reader needs.
_TECHNICAL = re.compile(
    r" \[[^\]]*\]| in Serum or Plasma| with all children optional| panel\b| in Capillary blood.*"
    r"| in Arterial blood.*| in 24 hour Measured"
)
_PLAIN = ("valueString", "valueInteger", "valueBoolean", "valueDateTime", "valueTime")


def concept(value: Mapping[str, Any] | None, language: Language = "zh") -> str:
    """Return a CodeableConcept in words: its text, else what one of its codes is called.

    Who reads English is told what the first code is called in English, if it says so.
    """
    value = value or {}
    codings = value.get("coding", ())
    called = [str(one["display"]) for one in codings if one.get("display")]
    if language == "en":
        english = next((one for one in called if one.isascii()), None)
        if english is not None:
            return _TECHNICAL.sub("", english).strip()
    text = value.get("text")
    codes = [str(one["code"]) for one in codings if one.get("code")]
    return next(iter([*([str(text)] if text else []), *called, *codes]), "")


def reference(value: Mapping[str, Any] | None) -> str:
    """Return who or what a Reference is to: its display, else nothing that a reader can use."""
    return str((value or {}).get("display", ""))


def moment(text: str | None, zone: tzinfo) -> str:
    """Return a FHIR dateTime as people write it in `zone`, no more exact than to the minute."""
    if not text:
        return ""
    if "T" not in text:
        return text
    try:
        when = datetime.fromisoformat(text).astimezone(zone)
    except (ValueError, OverflowError):
        # A leap second, or an end of the calendar that another zone has passed.
        return text
    return when.replace(tzinfo=None).isoformat(" ", "minutes")


def quantity(value: Mapping[str, Any] | None) -> str:
    """Return a Quantity with its unit."""
    value = value or {}
    number = value.get("value")
    if number is None:
        return ""
    unit = str(value.get("unit") or value.get("code") or "")
    return f"{value.get('comparator', '')}{number} {_UNITS.get(unit, unit)}".strip()


def unit(value: Mapping[str, Any] | None) -> str:
    """Return the unit of a Quantity as people write it."""
    text = str((value or {}).get("unit") or (value or {}).get("code") or "")
    return _UNITS.get(text, text)


def result(observation: Mapping[str, Any], language: Language) -> str:
    """Return what an Observation, or a component of one, found."""
    if "valueQuantity" in observation:
        return quantity(observation["valueQuantity"])
    if "valueCodeableConcept" in observation:
        return concept(observation["valueCodeableConcept"], language)
    for name in _PLAIN:
        if name in observation:
            return str(observation[name])
    parts = [quantity(one.get("valueQuantity")) for one in observation.get("component", ())]
    if len(parts) == 2 and all(parts) and parts[0].split()[1:] == parts[1].split()[1:]:
        return f"{parts[0].split()[0]}/{parts[1]}"
    return ", ".join(part for part in parts if part)


def when(resource: Resource) -> str:
    """Return the moment that a resource is about, as FHIR writes it, empty if it says none."""
    period = resource.get("period") or resource.get("effectivePeriod") or {}
    for name in ("effectiveDateTime", "occurrenceDateTime", "authoredOn", "onsetDateTime"):
        if resource.get(name):
            return str(resource[name])
    return str(period.get("start") or resource.get("recordedDate") or resource.get("date") or "")


def labels(resource: Resource, language: Language) -> list[str]:
    """Return which sensitive kinds of data a resource is of, in words."""
    declared = sensitivity.declared(TERMINOLOGY)
    found = sensitivity.labels(TERMINOLOGY)(resource)
    return [str(declared[label][language]) for label in found if label in declared]


def sensitive(language: Language) -> list[tuple[str, str]]:
    """Return every kind of sensitive data: its label, and what it is called."""
    declared = sensitivity.declared(TERMINOLOGY)
    return [(label, str(one[language])) for label, one in declared.items()]
