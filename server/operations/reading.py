"""What a resource says in a line for people: what it is about, when that was, and the rest.

Numbers are text here, so that they are told with the digits that were stored.

Spec: https://hl7.org/fhir/R4/narrative.html
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
_CONCEPTS = ("code", "vaccineCode", "medicationCodeableConcept", "type")
_TITLES = ("title", "description")
_REFERENCES = ("medicationReference", "device")
_DATES = (
    "effectiveDateTime", "effectivePeriod", "effectiveInstant", "occurrenceDateTime",
    "performedDateTime", "performedPeriod", "onsetDateTime", "onsetPeriod", "authoredOn",
    "timingDateTime", "timingPeriod", "period", "recordedDate", "recordedOn", "issued",
)  # fmt: skip
_DOSES = ("dosage", "dosageInstruction")
_STATES = ("clinicalStatus", "verificationStatus", "criticality")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: the name of what it is about, the date or nothing, and what else there is."""

    name: str
    date: str
    rest: str


def read(body: bytes) -> Json:
    """Return the resource `body` with numbers as text."""
    found: Json = json.loads(body, parse_float=str, parse_int=str)
    return found


def line(resource: Json, names: Mapping[str, str]) -> Line:
    """Return what `resource` says; `names` are those of resources that it may refer to."""
    dates = (_date(resource[name]) for name in _DATES if name in resource)
    rest = [*_values(resource), *_doses(resource), *_states(resource)]
    return Line(name(resource, names), next(dates, ""), "；".join(rest))


def name(resource: Json, names: Mapping[str, str] | None = None) -> str:
    """Return what `resource` is about in words."""
    concepts = (concept(resource[one]) for one in _CONCEPTS if one in resource)
    referred = (_referred(resource[one], names or {}) for one in _REFERENCES if one in resource)
    titles = (concept(resource[one]) for one in _TITLES if one in resource)
    found = (one for one in (*concepts, *referred, *titles) if one)
    return next(found, resource["resourceType"])


def concept(value: Any) -> str:  # noqa: ANN401  # any JSON
    """Return a CodeableConcept in words: its text, else a display, else a code.

    Of several it is the first one; what is no concept is told as it is.
    """
    value = _several(value)[0]
    if not isinstance(value, dict):
        return str(value)
    codings = value.get("coding", ())
    displays = (one["display"] for one in codings if "display" in one)
    codes = (one["code"] for one in codings if "code" in one)
    return str(value.get("text") or next(displays, None) or next(codes, ""))


def quantity(value: Json) -> str:
    """Return a Quantity in words, with the digits that were stored."""
    parts = (value.get("comparator", ""), value.get("value", ""))
    unit = value.get("unit") or value.get("code") or ""
    return f"{''.join(parts)} {unit}".strip()


def _several(value: Any) -> list[Any]:  # noqa: ANN401  # any JSON
    """Return what may be several as a list, which is never empty."""
    return (value or [{}]) if isinstance(value, list) else [value]


def _referred(value: Any, names: Mapping[str, str]) -> str:  # noqa: ANN401  # References
    first = _several(value)[0]
    return str(first.get("display") or names.get(first.get("reference", ""), ""))


def _date(value: Any) -> str:  # noqa: ANN401  # a dateTime or a Period, or several
    value = _several(value)[0]
    text = value if isinstance(value, str) else value.get("start") or value.get("end") or ""
    return str(text)[:10]


def _values(resource: Json) -> Iterator[str]:
    yield from _value(resource)
    for part in resource.get("component", ()):
        yield from (f"{concept(part.get('code', {}))} {text}".strip() for text in _value(part))


def _value(element: Json) -> Iterator[str]:
    match element:
        case {"valueQuantity": found}:
            yield quantity(found)
        case {"valueCodeableConcept": found}:
            yield concept(found)
        case {"valueString": str(found)} | {"valueDateTime": str(found)}:
            yield found
        case {"valueInteger": str(found)}:
            yield found
        case {"valueBoolean": bool(found)}:
            yield "是 yes" if found else "否 no"


def _doses(resource: Json) -> Iterator[str]:
    for element in _DOSES:
        yield from (one["text"] for one in _several(resource.get(element, {})) if "text" in one)


def _states(resource: Json) -> Iterator[str]:
    for element in _STATES:
        found = resource.get(element)
        if found is not None:
            yield concept(found)
