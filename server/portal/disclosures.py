"""AuditEvents in words: who looked at a record, for which institution, when, at what and why.

Spec: https://hl7.org/fhir/R4/auditevent.html
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from server.fhir.json import Resource
from server.fhir.messages import Language, text
from server.identity.access import PORTAL
from server.portal import words

PURPOSES: Mapping[str, str] = {
    "TREAT": "purpose-treatment",
    "ETREAT": "purpose-emergency",
    "PATRQT": "purpose-own",
    "FAMRQT": "purpose-family",
    "HPAYMT": "purpose-payment",
    "HOPERAT": "purpose-operation",
    "HRESCH": "purpose-research",
    "PUBHLTH": "purpose-public-health",
    "HSYSADMIN": "purpose-administration",
    "HMARKT": "purpose-marketing",
    "COVERAGE": "purpose-payment",
    "PATSFTY": "purpose-safety",
    "HTEST": "purpose-test",
}
_ACTIONS: Mapping[str, str] = {
    "C": "action-create",
    "R": "action-read",
    "U": "action-update",
    "D": "action-delete",
    "E": "action-search",
}
_ACTS: Mapping[str, str] = {
    "110127": "action-emergency",
    "110101": "action-trail",
    "complaint-filed": "action-complaint",
    "complaint-answered": "action-complaint-answered",
    "emergency-reviewed": "action-emergency-reviewed",
    "limits-changed": "action-limits",
    "real-name-checked": "action-real-name",
    "account-registered": "action-registered",
    "guardian-asked": "action-guardian-asked",
    "guardian-active": "action-guardian-confirmed",
    "guardian-refused": "action-guardian-refused",
    "proxy-given": "action-proxy",
    "bond-ended": "action-bond-ended",
}
_APPLICATION = "110150"
_DATA: Mapping[str, str] = {
    "Patient": "data-person",
    "Encounter": "data-visits",
    "Observation": "data-results",
    "DiagnosticReport": "data-reports",
    "Condition": "data-conditions",
    "AllergyIntolerance": "data-allergies",
    "MedicationRequest": "data-medicines",
    "MedicationStatement": "data-medicines",
    "Immunization": "data-immunizations",
    "Procedure": "data-procedures",
    "RelatedPerson": "data-relatives",
    "Consent": "data-consents",
}


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One access: names and purposes in words; `data` is what it was about.

    `account` is who acted, if that is a person; `by_portal` tells that they did on these pages.
    """

    id: str
    when: str
    who: str
    institution: str
    software: str
    account: str
    by_portal: bool
    action: str
    data: tuple[str, ...]
    purpose: str
    is_emergency: bool
    was_refused: bool


@dataclass(slots=True)
class _Agents:
    who: str = ""
    institution: str = ""
    software: str = ""
    account: str = ""
    by_portal: bool = False


def disclosure(event: Resource, patient: str, language: Language, zone: tzinfo) -> Disclosure:
    """Return `event` as `patient` (``Patient/a``) is told of it: only what is about them."""
    purposes = _codes(event.get("purposeOfEvent", ()))
    agents = _agents(event)
    return Disclosure(
        event["id"],
        words.moment(event.get("recorded"), zone),
        agents.who,
        agents.institution,
        agents.software,
        agents.account,
        agents.by_portal,
        _action(event, language),
        tuple(_data(event, patient, language)),
        text(PURPOSES.get(next(iter(purposes), ""), "purpose-unknown"), language, {}),
        "ETREAT" in purposes,
        str(event.get("outcome", "0")) != "0",
    )


def data(type: str, language: Language) -> str:
    """Return what resources of `type` are, in words."""
    return text(_DATA[type], language, {}) if type in _DATA else type


def _codes(concepts: Iterable[Mapping[str, Any]]) -> list[str]:
    return [str(one.get("code")) for concept in concepts for one in concept.get("coding", ())]


def _agents(event: Resource) -> _Agents:
    found = _Agents()
    for agent in event.get("agent", ()):
        reference = str(agent.get("who", {}).get("reference", ""))
        name = str(agent.get("name") or agent.get("who", {}).get("display") or "")
        if _APPLICATION in _codes([agent.get("type", {})]):
            found.software = name or str(agent.get("altId", ""))
            found.by_portal = agent.get("altId") == PORTAL.reference
        elif reference.startswith("Organization/"):
            found.institution = name or reference
        elif agent.get("requestor"):
            found.who, found.account = name, str(agent.get("altId", ""))
    return found


def _action(event: Resource, language: Language) -> str:
    for code in (str(one.get("code")) for one in event.get("subtype", ())):
        if code in _ACTS:
            return text(_ACTS[code], language, {})
    return text(_ACTIONS.get(str(event.get("action")), "action-other"), language, {})


def _data(event: Resource, patient: str, language: Language) -> Iterator[str]:
    """Yield what was shown; how much of it only if nobody else's was shown with it."""
    counted: Counter[str] = Counter()
    persons = set()
    for entity in event.get("entity", ()):
        parts = str(entity.get("what", {}).get("reference", "")).split("/")
        if len(parts) < 2:
            continue
        whose = "/".join(parts[:2])
        if parts[0] == "Patient":
            persons.add(whose)
        if parts[0] != "Patient" or (whose == patient and len(parts) > 2):
            counted[parts[0]] += 1
    for type, count in counted.most_common():
        name = data(type, language)
        if count == 1 or len(persons) > 1:
            yield name
        else:
            yield text("data-counted", language, {"name": name, "count": count})
