"""Allergies, medicines, immunizations and lasting conditions as lines of a list.

What is listed is declared here: the resource type, how it is asked for, and how one is told.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo

from server.fhir.json import Resource
from server.fhir.messages import Language, text
from server.portal import words
from server.portal.desk import Query

_STATES: Mapping[str, str] = {
    "active": "entry-active",
    "completed": "entry-completed",
    "stopped": "entry-stopped",
    "resolved": "entry-resolved",
    "inactive": "entry-inactive",
    "remission": "entry-remission",
    "recurrence": "entry-recurrence",
    "relapse": "entry-recurrence",
    "on-hold": "entry-on-hold",
    "cancelled": "entry-cancelled",
    "not-done": "entry-not-done",
    "entered-in-error": "entry-in-error",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `what` it is, `when`, its `state` and `details` in words, sensitive `labels`."""

    what: str
    when: str
    state: str
    details: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """One list: `title` is a message; `person` the parameter that names whose it is."""

    title: str
    type: str
    person: str
    query: Query
    what: str
    details: Callable[[Resource, Language], list[str]]


def _allergy(resource: Resource, language: Language) -> list[str]:
    found = [
        words.concept(one, language)
        for reaction in resource.get("reaction", ())
        for one in reaction.get("manifestation", ())
    ]
    return [*found, *_noted(resource)]


def _medicine(resource: Resource, _language: Language) -> list[str]:
    doses = [str(one["text"]) for one in resource.get("dosageInstruction", ()) if one.get("text")]
    return [*doses, words.reference(resource.get("requester")), *_noted(resource)]


def _vaccination(resource: Resource, language: Language) -> list[str]:
    doses = [
        text("entry-dose", language, {"number": one["doseNumberPositiveInt"]})
        for one in resource.get("protocolApplied", ())
        if "doseNumberPositiveInt" in one
    ]
    given = [words.reference(one.get("actor")) for one in resource.get("performer", ())]
    return [*doses, *given, *_noted(resource)]


def _condition(resource: Resource, _language: Language) -> list[str]:
    return [words.reference(resource.get("recorder")), *_noted(resource)]


def _noted(resource: Resource) -> list[str]:
    return [str(one["text"]) for one in resource.get("note", ()) if one.get("text")]


KINDS: Mapping[str, Kind] = {
    "conditions": Kind(
        "record-conditions",
        "Condition",
        "patient",
        (("_sort", "-recorded-date"),),
        "code",
        _condition,
    ),
    "allergies": Kind(
        "record-allergies", "AllergyIntolerance", "patient", (("_sort", "-date"),), "code", _allergy
    ),
    "medicines": Kind(
        "record-medicines",
        "MedicationRequest",
        "patient",
        (("_sort", "-authoredon"),),
        "medicationCodeableConcept",
        _medicine,
    ),
    "immunizations": Kind(
        "record-immunizations",
        "Immunization",
        "patient",
        (("_sort", "-date"),),
        "vaccineCode",
        _vaccination,
    ),
}


def entry(kind: Kind, resource: Resource, language: Language, zone: tzinfo) -> Entry:
    """Return `resource` as a line of the list `kind`."""
    what = words.concept(resource.get(kind.what), language)
    if not what:
        what = words.reference(resource.get("medicationReference")) or resource["resourceType"]
    details = tuple(each for each in kind.details(resource, language) if each)
    return Entry(
        what,
        words.moment(words.when(resource), zone),
        _state(resource, language),
        details,
        tuple(words.labels(resource, language)),
    )


def _state(resource: Resource, language: Language) -> str:
    codings = resource.get("clinicalStatus", {}).get("coding", ())
    code = next((str(one.get("code")) for one in codings), str(resource.get("status", "")))
    return text(_STATES[code], language, {}) if code in _STATES else code
