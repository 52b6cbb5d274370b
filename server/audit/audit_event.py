"""From an event to the bytes of its AuditEvent, and to its index entries.

Events come by the thousand and are alike but for when, and for what was shown. So what they have
in common, the frame, is written once with the entries that the search index computes for it;
the rest is added by hand, as the index would, which a test holds it to.

Spec: https://hl7.org/fhir/R4/auditevent.html
"""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import lru_cache
from typing import Any

import orjson
from msgspec import structs

from server.access import divisions
from server.access.caller import Caller, Party
from server.audit.event import DCM, Act, Event, Shown, Term
from server.fhir import json

MOST_SHOWN = 2000
"""How many versions one AuditEvent names; more are told of in several."""
LONGEST_REQUEST = 4000
_FRAMES = 4096
_ROLES = "http://terminology.hl7.org/CodeSystem/object-role"
_PURPOSES = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_OWN_ROLES = "urn:tongkang:role"
_PATIENT, _RESOURCE, _QUERY = "1", "4", "24"
_KEY = 100

Entries = Mapping[str, Any]
_Shared = tuple[Act, Caller, str, str | None, str | None]


def _role(code: str) -> str:
    return f'"role":{{"system":"{_ROLES}","code":"{code}"}}'


_ROLE = {code: _role(code) for code in (_PATIENT, _RESOURCE, _QUERY)}
_ROLE_TERMS = {code: (f"entity-role={code}", f"entity-role={_ROLES}|{code}") for code in _ROLE}


@dataclass(frozen=True, slots=True)
class _Frame:
    """What events with the same act, caller, outcome and address share.

    `body` is what stands in JSON between `meta` and `recorded`, `marks` what they belong to.
    """

    body: bytes
    entries: Entries
    marks: Entries
    shapes: dict[tuple[str, ...], "_Shape"] = field(default_factory=dict)

    def shape(self, roles: tuple[str, ...]) -> "_Shape":
        """Return what events of this frame share whose entities have these `roles`."""
        found = self.shapes.get(roles)
        if found is None:
            found = self.shapes[roles] = self._new_shape(roles)
        return found

    def _new_shape(self, roles: tuple[str, ...]) -> "_Shape":
        least, most = dict(self.entries["o"]), dict(self.entries["z"])
        has = {*self.entries["has"], "date"}
        if roles:
            least["entity-role"], most["entity-role"] = min(roles), max(roles)
            has.add("entity-role")
        if {_PATIENT, _RESOURCE} & {*roles}:
            has.add("entity")
        if _PATIENT in roles:
            has.add("patient")
        terms = [term for role in roles for term in _ROLE_TERMS[role]]
        return _Shape({**self.entries, **self.marks, "has": sorted(has)}, terms, least, most)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What events of one frame have in the index whose entities have the same roles.

    `fields` lack what depends on which entities they are, `terms` are those of the roles, `least`
    and `most` the sort keys of all but the entities.
    """

    fields: Entries
    terms: list[str]
    least: Mapping[str, str]
    most: Mapping[str, str]


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
        shared = event.act, event.caller, event.outcome, event.reason, event.address
        frame = self._frame(shared, extended)
        stored, recorded = json.instant(now, self._zone), json.instant(at, self._zone)
        entities = _Entities()
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

    def _new_frame(self, shared: _Shared, _extended: bool) -> _Frame:  # noqa: FBT001 - a key only
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
        return _Frame(body[1:-1], entries, marks(resource))


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


class _Entities:
    """The entities of one event as JSON texts, and what the index has of them."""

    __slots__ = ("keys", "patients", "roles", "terms", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.terms: dict[str, None] = {}
        self.keys: list[str] = []
        self.roles: dict[str, None] = {}
        self.patients: dict[str, None] = {}

    def add_request(self, text: str) -> None:
        """Add the request, which is told as it was sent but for what identifies persons."""
        if text:
            query = b64encode(text[:LONGEST_REQUEST].encode("utf-8", "replace")).decode()
            self.texts.append(f'{{{_ROLE[_QUERY]},"query":"{query}"}}')
            self.roles[_QUERY] = None

    def add_shown(self, shown: tuple[Shown, ...]) -> None:
        """Add the versions that were shown, and the patients that they are about."""
        about: dict[str, None] = {}
        for one in shown:
            name = f"{one.type}/{one.id}"
            role = _RESOURCE
            if one.type == "Patient":
                role = _PATIENT
                self.patients[name] = None
            for patient in one.patients:
                about[patient] = None
            reference = f"{name}/_history/{one.version}"
            self._add(name, reference, role)
            self.terms[f"entity={reference}"] = None
        for name in about:
            if name not in self.patients:
                self.patients[name] = None
                self._add(name, name, _PATIENT)

    def _add(self, name: str, reference: str, role: str) -> None:
        self.texts.append(f'{{"what":{{"reference":"{reference}"}},{_ROLE[role]}}}')
        self.terms[f"entity={name}"] = None
        self.keys.append(name[:_KEY])
        self.roles[role] = None

    def entries(self, frame: _Frame, at: int) -> dict[str, Any]:
        """Return the index entries of an event with this `frame`, which was `at`, and its marks."""
        shape, base = frame.shape(tuple(self.roles)), frame.entries
        least, most = dict(shape.least), dict(shape.most)
        terms = [*base["t"], *self.terms, *shape.terms]
        found = {**shape.fields, "ds": at, "de": at + 1000, "t": terms, "o": least, "z": most}
        if self.keys:
            least["entity"], most["entity"] = min(self.keys), max(self.keys)
        if self.patients:
            keys = [name[:_KEY] for name in self.patients]
            least["patient"] = min(keys + [one for one in (least.get("patient"),) if one])
            most["patient"] = max(keys + [one for one in (most.get("patient"),) if one])
            found["comp"] = list(dict.fromkeys((*base.get("comp", ()), *self.patients)))
        return found


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
