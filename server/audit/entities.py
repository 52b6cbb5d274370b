"""What events have in common in the index, and the entities that tell them apart.

Spec: https://hl7.org/fhir/R4/auditevent-definitions.html#AuditEvent.entity
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.audit.event import Shown

LONGEST_REQUEST = 4000
_ROLES = "http://terminology.hl7.org/CodeSystem/object-role"
_PATIENT, _RESOURCE, _QUERY = "1", "4", "24"
_KEY = 100

Entries = Mapping[str, Any]


def _role(code: str) -> str:
    return f'"role":{{"system":"{_ROLES}","code":"{code}"}}'


_ROLE = {code: _role(code) for code in (_PATIENT, _RESOURCE, _QUERY)}
_ROLE_TERMS = {code: (f"entity-role={code}", f"entity-role={_ROLES}|{code}") for code in _ROLE}
ROLE_TERMS = tuple(term for several in _ROLE_TERMS.values() for term in several)
"""The terms of all roles that an entity may have."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What events with the same act, caller, outcome and address share.

    `body` is what stands in JSON between `meta` and `recorded`, `marks` what they belong to; by
    the terms `sought` they may be sought.
    """

    body: bytes
    entries: Entries
    marks: Entries
    sought: tuple[str, ...]
    shapes: dict[tuple[str, ...], "Shape"] = field(default_factory=dict)

    def shape(self, roles: tuple[str, ...]) -> "Shape":
        """Return what events of this frame share whose entities have these `roles`."""
        found = self.shapes.get(roles)
        if found is None:
            found = self.shapes[roles] = self._new_shape(roles)
        return found

    def _new_shape(self, roles: tuple[str, ...]) -> "Shape":
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
        return Shape({**self.entries, **self.marks, "has": sorted(has)}, terms, least, most)


@dataclass(frozen=True, slots=True)
class Shape:
    """What events of one frame have in the index whose entities have the same roles.

    `fields` lack what depends on which entities they are, `terms` are those of the roles, `least`
    and `most` the sort keys of all but the entities.
    """

    fields: Entries
    terms: list[str]
    least: Mapping[str, str]
    most: Mapping[str, str]


class Entities:
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

    def entries(self, frame: Frame, at: int) -> dict[str, Any]:
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
