"""What a resident does not let be shared between institutions, kept as FHIR Consents that deny.

That is kinds of sensitive data, or all of the record. There is one Consent for each; it is
inactive when the resident lifts the limit. Its versions tell when it was in force.

Spec: https://hl7.org/fhir/R4/consent.html
"""

from datetime import UTC, datetime
from typing import Any

import orjson

from server.access.caller import Caller
from server.context import Context
from server.door import perform
from server.fhir import json
from server.fhir.json import Resource
from server.identity import internal
from server.interactions import kept_consents
from server.interactions.call import Call, Disclosed, Result
from server.services import Services
from server.store.belonging import ALL

CATEGORY_CODE = "limit-sharing"
CATEGORY = f"{kept_consents.SYSTEM}|{CATEGORY_CODE}"
"""Their category, as a search asks for it."""
_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def in_force(services: Services, caller: Caller, patient: str) -> frozenset[str]:
    """Return the labels (v3-ActCode) that `patient` does not let be shared, ALL among them."""
    return frozenset(
        label
        for label, consent in _consents(services, caller, patient).items()
        if consent["status"] == "active"
    )


def change(
    services: Services, caller: Caller, patient: str, labels: frozenset[str]
) -> tuple[Disclosed, ...]:
    """Make `labels` what `patient` does not let be shared, and let all others be.

    Returns the versions of Consents that were written for it.
    """
    there = _consents(services, caller, patient)
    services.store.belonging.keep(patient, labels | in_force(services, caller, patient))
    written: list[Disclosed] = []
    for label in sorted(labels - there.keys()):
        new = _consent(caller, patient, label)
        written += _written(services, caller, patient, "create", new)
    for label, consent in there.items():
        status = "active" if label in labels else "inactive"
        if consent["status"] != status:
            changed = {**consent, "status": status, "dateTime": _now()}
            written += _written(services, caller, patient, "update", changed)
    services.store.belonging.keep(patient, labels)
    return tuple(written)


def _consent(caller: Caller, patient: str, label: str) -> Resource:
    privacy = {"system": "http://terminology.hl7.org/CodeSystem/consentscope"}
    who = {"reference": caller.person.reference, "display": caller.person.name}
    action = {"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": "access"}
    which = {} if label == ALL else {"securityLabel": [{"system": _ACT_CODE, "code": label}]}
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{**privacy, "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": kept_consents.SYSTEM, "code": CATEGORY_CODE}]}],
        "patient": {"reference": patient},
        "dateTime": _now(),
        "performer": [{name: value for name, value in who.items() if value}],
        "policyRule": {"coding": [{"system": _ACT_CODE, "code": "OPTOUT"}]},
        "provision": {
            "type": "deny",
            "action": [{"coding": [action]}],
            **which,
        },
    }


def _consents(services: Services, caller: Caller, patient: str) -> dict[str, Resource]:
    """Return the Consents that limit sharing, by label."""
    query = (("patient", patient), ("category", CATEGORY), ("_count", "100"))
    call = Call(interaction="search-type", type="Consent", query=query)
    bundle: dict[str, Any] = orjson.loads(_performed(services, caller, patient, call).body)
    entries = bundle.get("entry", ())
    found = [one["resource"] for one in entries if one["search"]["mode"] == "match"]
    return {label: one for one in found if (label := _label(one)) is not None}


def _label(consent: Resource) -> str | None:
    """Return what `consent` limits, None if it is not made as those that are made here."""
    match consent.get("provision", {}):
        case {"type": "deny", "securityLabel": labels}:
            code = labels[0].get("code")
            return None if code is None else str(code)
        case {"type": "deny"}:
            return ALL
    return None


def _written(
    services: Services, caller: Caller, patient: str, interaction: str, consent: Resource
) -> tuple[Disclosed, ...]:
    version = consent.get("meta", {}).get("versionId")
    call = Call(
        interaction=interaction,
        type="Consent",
        id=consent.get("id"),
        body=json.dumps(consent),
        if_match=f'W/"{version}"' if version else None,
    )
    return _performed(services, caller, patient, call).disclosed


def _performed(services: Services, caller: Caller, patient: str, call: Call) -> Result:
    access = internal.consents_of(services, caller, patient)
    language = services.interpreters.settings.language
    return perform(Context.of(services, access, language), call)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
