"""From an event to the bytes of its AuditEvent, and to its index entries.

Events come by the thousand and are alike but for when, and for what was shown. So what they have
in common, the frame, is written once with the entries that the search index computes for it;
the rest is added by hand, as the index would, which a test holds it to.

Spec: https://hl7.org/fhir/R4/auditevent.html
"""

from collections.abc import Callable, Iterator
from datetime import tzinfo
from functools import lru_cache
from typing import Any

import orjson
from msgspec import structs

from server.access import divisions
from server.access.caller import Caller, Party
from server.audit.entities import ROLE_TERMS, Entities, Entries, Frame
from server.audit.event import DCM, Act, Event, Term
from server.fhir import json

MOST_SHOWN = 2000
"""How many versions one AuditEvent names; more are told of in several."""
_FRAMES = 4096
_PURPOSES = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_OWN_ROLES = "urn:tongkang:role"
_Shared = tuple[Act, Caller, str, str | None, str | None]


class AuditEvents:
    """Writes AuditEvents whose times are in `zone`, indexed by what `entries` computes.

    When it `is_extended`, the search index has more than R4's entries, which only it can tell.
    """

    def __init__(
        self,
        entries: Callable[[json.Resource], dict[str, Any]],
        zone: tzinfo,
        is_extended: Callable[[], bool] = lambda: False,
    ) -> None:
        self._entries = entries
        self._is_extended = is_extended
        self._frame = lru_cache(_FRAMES)(self._new_frame)
        self._zone = zone

    def write(self, event: Event, id: str, now: int, at: int) -> tuple[bytes, Entries]:
        """Return the AuditEvent of an `event` that was `at`, stored `now` (µs), and its fields."""
        extended = self._is_extended()
        frame = self._frame_of(event, extended)
        stored, recorded = json.instant(now, self._zone), json.instant(at, self._zone)
        entities = Entities()
        entities.add_request(event.request)
        entities.add_shown(event.shown)
        others = _others(event) if event.concerned or event.facts else []
        texts = entities.texts + [json.dumps(other).decode() for other in others]
        inner = f',"entity":[{",".join(texts)}]' if texts else ""
        head = f'{{"resourceType":"AuditEvent","id":"{id}","meta":{{"versionId":"1","lastUpdated"'
        head, tail = f'{head}:"{stored}"}},', f',"recorded":"{recorded}"{inner}}}'
        # Names may be Chinese, with which a text takes several times as long: they are in bytes.
        body = b"%b%b%b" % (head.encode(), frame.body, tail.encode())
        if others or extended:
            # Rare, and of any content.
            return body, {**self._entries(orjson.loads(body)), **frame.marks}
        return body, entities.entries(frame, at)

    def keys(self, event: Event) -> list[str]:
        """Return the terms that the AuditEvent of `event` may be sought by, and perhaps more.

        A compartment is among them as an entity, which a patient whose data it is about is anyway.
        """
        names = [*event.concerned]
        for one in event.shown:
            names.append(f"{one.type}/{one.id}")
            names += one.patients
        sought = self._frame_of(event, self._is_extended()).sought
        return [*sought, *[f"entity={name}" for name in names]]

    def _frame_of(self, event: Event, extended: bool) -> Frame:  # noqa: FBT001 - a key only
        shared = event.act, event.caller, event.outcome, event.reason, event.address
        return self._frame(shared, extended)

    def _new_frame(self, shared: _Shared, _extended: bool) -> Frame:  # noqa: FBT001 - a key only
        act, caller, outcome, reason, address = shared
        resource: json.Resource = {
            "resourceType": "AuditEvent",
            "type": _coding(act.type),
            "subtype": [_coding(act.subtype)],
            "action": act.action,
            "outcome": outcome,
        }
        if reason is not None:
            resource["outcomeDesc"] = reason
        resource["purposeOfEvent"] = [_concept(Term(_PURPOSES, caller.purpose))]
        resource["agent"] = list(_agents(caller, address))
        site = {} if caller.division is None else {"site": caller.division}
        resource["source"] = {**site, "observer": {"display": "Tongkang"}}
        entries = self._entries(resource)
        body = json.dumps({key: one for key, one in resource.items() if key != "resourceType"})
        own = marks(resource)
        about = (f"entity={one}" for one in entries.get("comp", ()))
        places = (*(f"=div={one}" for one in own.get("div", [""])), f"=own={own.get('own', '')}")
        sought = (*entries["t"], *about, *ROLE_TERMS, *places)
        return Frame(body[1:-1], entries, own, sought)


def marks(resource: json.Resource) -> dict[str, Any]:
    """Return what an AuditEvent belongs to: the unit and the divisions of who acted, if known."""
    found: dict[str, Any] = {}
    site = resource["source"].get("site")
    if site is not None:
        found["div"] = divisions.above(site)
    for agent in resource["agent"]:
        reference = agent.get("who", {}).get("reference", "")
        if reference.startswith("Organization/"):
            found["own"] = reference
    return found


def facts(resource: json.Resource) -> dict[str, str]:
    """Return the names and values that an AuditEvent has besides what it is about."""
    details = [
        detail for entity in resource.get("entity", ()) for detail in entity.get("detail", ())
    ]
    return {detail["type"]: detail["valueString"] for detail in details}


def parts(event: Event) -> list[Event]:
    """Return `event`, or several that together tell of all it shows if that is very much."""
    if len(event.shown) <= MOST_SHOWN:
        return [event]
    starts = range(0, len(event.shown), MOST_SHOWN)
    return [
        structs.replace(
            event,
            shown=event.shown[start : start + MOST_SHOWN],
            request=f"{event.request}\r\nPart: {number}/{len(starts)}",
        )
        for number, start in enumerate(starts, 1)
    ]


def _coding(term: Term) -> dict[str, str]:
    found = {"system": term.system, "code": term.code}
    return found if term.display is None else {**found, "display": term.display}


def _concept(term: Term) -> dict[str, Any]:
    return {"coding": [_coding(term)]}


def _agents(caller: Caller, address: str | None) -> Iterator[dict[str, Any]]:
    """Yield who acts, for whom, and by which software: the one that asked with its address."""
    network = {} if not address else {"network": {"address": address, "type": "2"}}
    policy = {} if caller.grant is None else {"policy": [f"urn:tongkang:grant:{caller.grant}"]}
    asking = {"requestor": True, **network, **policy}
    if caller.kind in ("resident", "staff"):
        yield {**_person(caller), **asking}
    if caller.organization.reference or caller.organization.name:
        yield {"who": _who(caller.organization), "requestor": False}
    client = caller.client
    if client.reference or client.name:
        application = {"type": _concept(Term(DCM, "110150", "Application"))}
        id = {} if client.reference is None else {"altId": client.reference}
        named = {} if client.name is None else {"who": {"display": client.name}}
        how = asking if caller.kind == "system" else {"requestor": False}
        yield {**application, **named, **id, **how}
    elif caller.kind in ("anonymous", "system"):
        yield asking


def _person(caller: Caller) -> dict[str, Any]:
    found: dict[str, Any] = {}
    role = caller.role or (caller.kind if caller.kind == "resident" else None)
    if role is not None:
        found["role"] = [_concept(Term(_OWN_ROLES, role))]
    if caller.person.reference or caller.person.name:
        found["who"] = _who(caller.person)
    if caller.account is not None:
        found["altId"] = caller.account
    return found


def _who(party: Party) -> dict[str, str]:
    found = {"reference": party.reference, "display": party.name}
    return {key: value for key, value in found.items() if value}


def _others(event: Event) -> list[dict[str, Any]]:
    """Return the entities that are neither the request nor what was shown."""
    found: list[dict[str, Any]] = [{"what": {"reference": one}} for one in event.concerned]
    if event.facts:
        details = [{"type": name, "valueString": value} for name, value in event.facts if value]
        found.append({"detail": details})
    return found
