"""Visits to institutions as a resident is told of them.

Spec: https://hl7.org/fhir/R4/encounter.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo

from server.fhir.json import Resource
from server.fhir.messages import Language, text
from server.portal import words

CHECK_UP = "urn:oid:2.16.156.10011.2.3.1.271|9"
"""The type of a check-up (患者类型代码 CV09.00.404: 其他)."""
QUERY = (("_sort", "-date"), ("_include", "Encounter:diagnosis"))
_CLASSES: Mapping[str, str] = {
    "AMB": "visit-outpatient",
    "EMER": "visit-emergency",
    "IMP": "visit-inpatient",
    "ACUTE": "visit-inpatient",
    "HH": "visit-at-home",
    "VR": "visit-virtual",
}
_SYSTEM, _, _CODE = CHECK_UP.partition("|")


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit in words; times as people write them."""

    id: str
    start: str
    end: str
    kind: str
    institution: str
    department: str
    people: tuple[str, ...]
    reasons: tuple[str, ...]
    labels: tuple[str, ...]


def visit(
    encounter: Resource, included: Mapping[str, Resource], language: Language, zone: tzinfo
) -> Visit:
    """Return `encounter`; its diagnoses are among `included`, if they may be seen."""
    period = encounter.get("period", {})
    conditions = [
        included[place]
        for one in encounter.get("diagnosis", ())
        if (place := one.get("condition", {}).get("reference", "")) in included
    ]
    reasons = [words.concept(one.get("code"), language) for one in conditions]
    if not reasons:
        reasons = [words.concept(one, language) for one in encounter.get("reasonCode", ())]
    labels = [each for one in (encounter, *conditions) for each in words.labels(one, language)]
    people = [words.reference(one.get("individual")) for one in encounter.get("participant", ())]
    return Visit(
        encounter["id"],
        words.moment(period.get("start"), zone),
        words.moment(period.get("end"), zone),
        _kind(encounter, language),
        words.reference(encounter.get("serviceProvider")),
        words.concept(encounter.get("serviceType"), language),
        _distinct(people),
        _distinct(reasons),
        _distinct(labels),
    )


def _kind(encounter: Resource, language: Language) -> str:
    for type in encounter.get("type", ()):
        if any(
            (one.get("system"), one.get("code")) == (_SYSTEM, _CODE)
            for one in type.get("coding", ())
        ):
            return text("visit-check-up", language, {})
    code = encounter.get("class", {}).get("code")
    return text(_CLASSES.get(code, "visit-other"), language, {})


def _distinct(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in texts if each))
