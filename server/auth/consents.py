"""The Consent of an authorisation: made when it is given, inactive when it is withdrawn.

It is a resource like others, so that its versions tell what was agreed to at any time.

Spec: https://hl7.org/fhir/R4/consent.html
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from server.access import scopes
from server.access.caller import Caller
from server.audit.event import Event, own
from server.auth import grants, shelves
from server.context import Context
from server.door import perform
from server.fhir import json
from server.fhir.json import Resource
from server.fhir.outcome import Gone, NotFound
from server.identity import internal
from server.identity.access import caller_of
from server.interactions import kept_consents
from server.interactions.call import Call, Result
from server.services import Services
from server.store.shelf import Record

CATEGORY_CODE = "app-access"
CLIENT_SYSTEM = "urn:tongkang:client"
_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
_ACTION = "http://terminology.hl7.org/CodeSystem/consentaction"
_ROLE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_TYPES = "http://hl7.org/fhir/resource-types"
_WITHDRAWN = own("consent-withdrawn", "U")


def given(
    services: Services,
    grant: Mapping[str, Any],
    client: Record,
    account: Record,
    lines: Sequence[str],
) -> str:
    """Store the Consent of a new authorisation and return its reference.

    `lines` are what the person read.
    """
    by = caller_of(account, "PATRQT")
    call = Call(
        interaction="create",
        type="Consent",
        body=json.dumps(_consent(grant, client, account, lines)),
    )
    made: Resource = orjson.loads(_performed(services, by, grant["patient"], call).body)
    return f"Consent/{made['id']}"


def withdraw(services: Services, grant_id: str, by: Caller) -> None:
    """End an authorisation, as `by` wishes: its tokens at once, then its Consent is inactive."""
    grant = grants.end(services, grant_id)
    if grant is None:
        return
    concerned = tuple(one for one in (grant.get("consent"), grant.get("patient")) if one)
    facts = (("client", grant["client"]), ("grant", grant_id))
    services.trail.append(Event(act=_WITHDRAWN, caller=by, concerned=concerned, facts=facts))
    if grant.get("consent"):
        _deactivate(services, grant, by)


def _deactivate(services: Services, grant: Record, by: Caller) -> None:
    id = grant["consent"].partition("/")[2]
    try:
        read = Call(interaction="read", type="Consent", id=id)
        found = orjson.loads(_performed(services, by, grant["patient"], read).body)
    except (Gone, NotFound):
        return
    found["status"] = "inactive"
    found["provision"]["period"]["end"] = _time(datetime.now(UTC))
    changed = Call(
        interaction="update",
        type="Consent",
        id=id,
        body=json.dumps(found),
        if_match=f'W/"{found["meta"]["versionId"]}"',
    )
    _performed(services, by, grant["patient"], changed)


def withdraw_client(services: Services, client: str, by: Caller) -> None:
    """End all authorisations of a client, as `by` wishes."""
    for grant in services.store.shelf(shelves.GRANTS).each({"client": client}):
        if grant["status"] == grants.ACTIVE:
            withdraw(services, grant["id"], by)


def _consent(
    grant: Mapping[str, Any], client: Record, account: Record, lines: Sequence[str]
) -> Resource:
    shown = "\n".join(lines)
    tag = "zh-CN" if grant["language"] == "zh" else "en"
    resource: Resource = {
        "resourceType": "Consent",
        "status": "active",
        "identifier": [{"system": "urn:tongkang:grant", "value": grant["id"]}],
        "scope": {"coding": [{"system": _SCOPE, "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": kept_consents.SYSTEM, "code": CATEGORY_CODE}]}],
        "patient": {"reference": grant["patient"]},
        "dateTime": _time(grant["created"]),
        "performer": [_performer(account)],
        "sourceAttachment": {
            "contentType": "text/plain; charset=utf-8",
            "language": tag,
            "data": b64encode(shown.encode()).decode(),
            "title": grant["text_digest"],
        },
        "policyRule": {"coding": [{"system": _ACT_CODE, "code": "OPTIN"}]},
        "provision": _provision(grant, client),
    }
    return resource


def _performer(account: Record) -> dict[str, str]:
    person = account.get("person")
    return {**({"reference": person} if person else {}), "display": account["name"]}


def _provision(grant: Mapping[str, Any], client: Record) -> dict[str, Any]:
    granted = scopes.parse(grant["scope"]).clinical
    types = list(dict.fromkeys(one.type for one in granted if one.type != "*"))
    changes = any(one.letters & frozenset("cud") for one in granted)
    actions = ("access", "correct") if changes else ("access",)
    found: dict[str, Any] = {
        "type": "permit",
        "period": {"start": _time(grant["created"]), "end": _time(grant["expires_at"])},
        "actor": [
            {
                "role": {"coding": [{"system": _ROLE, "code": "IRCP"}]},
                "reference": {
                    "identifier": {"system": CLIENT_SYSTEM, "value": client["id"]},
                    "display": client.get("legal_name") or client["name"],
                },
            }
        ],
        "action": [{"coding": [{"system": _ACTION, "code": one}]} for one in actions],
        "purpose": [{"system": _ACT_REASON, "code": grant["purpose"]}],
    }
    if types:
        found["class"] = [{"system": _TYPES, "code": type} for type in types]
    if grant["labels"]:
        found["securityLabel"] = [{"system": _ACT_CODE, "code": one} for one in grant["labels"]]
    return found


def _performed(services: Services, by: Caller, patient: str, call: Call) -> Result:
    """Do what is asked with the one right that this room has: to the Consents of `patient`."""
    access = internal.consents_of(services, by, patient)
    return perform(Context.of(services, access, services.interpreters.settings.language), call)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
