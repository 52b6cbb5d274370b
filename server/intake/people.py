"""Rows about a person: the Patient, and what belongs to them.

Who the person is, is found as it is for records of visits. Somebody who is found keeps what other
data sets have told; of somebody with no number at all nobody could tell whose row it is.

Spec: 人口健康信息管理办法(试行) article 8 (R1.8c); https://hl7.org/fhir/R4/patient.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson

from server.context import Context
from server.fhir import json
from server.fhir.error_entries import in_error, is_in_error
from server.fhir.outcome import Conflict, FhirError, Unavailable, Unprocessable
from server.intake import merging
from server.intake.belongings import Before, Belongings, settled
from server.intake.made import Request, Requested
from server.intake.stable import StableIds
from server.interactions.claimed import MEDICAL_RECORD, TYPE
from server.interactions.criteria import Criteria
from server.interactions.institutions import Institutions, code
from server.interactions.platform import platform
from server.interactions.residents import (
    AMBIGUOUS,
    CONTRADICTED,
    Asked,
    Residents,
)
from server.mappings.datasets import DataSet, Read
from server.mappings.reading import Entry
from server.store.documents import Version

_UNSETTLED = {
    AMBIGUOUS: "intake-person-ambiguous",
    CONTRADICTED: "intake-person-contradicted",
}
"""What is said where it cannot be told whose row it is; somebody unknown is new."""
VISIT = "Encounter"
_BEST = ("urn:oid:2.16.156.10011.1.3", "urn:oid:2.16.156.10011.1.2", "urn:oid:2.16.156.10011.1.19")
"""Identifiers of persons, the best first: ID number, health record number, health card number."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who a row is about: the `id` to have, what finds them, and the version that is `known`.

    Writers of anybody with the same numbers exclude each other by `claims`.
    """

    id: str
    same: Criteria
    claims: frozenset[str]
    known: Version | None


@dataclass(frozen=True, slots=True)
class People:
    """Makes requests of rows of `dataset`, for the caller of `context`."""

    context: Context
    dataset: DataSet
    ids: StableIds
    own: Context = field(init=False)

    def __post_init__(self) -> None:
        """Prepare to find people whom the caller need not see; nothing of them is told."""
        object.__setattr__(self, "own", platform(self.context))

    def requests(self, reads: Sequence[Read]) -> list[Requested]:
        """Return what is to be written for each of `reads`, by the numbers of the person."""
        return [self._requested(one) for one in reads]

    def _requested(self, read: Read) -> Requested:
        try:
            return self._of(read)
        except Unavailable:
            raise
        except FhirError as refusal:
            return Requested(refusal=refusal)

    def _of(self, read: Read) -> Requested:
        """Return what is to be written for one person.

        Raises Conflict if somebody else has the numbers of the row, or several have; Unprocessable
        if the row tells no number.
        """
        patient = next(one for one in read.entries if one.resource["resourceType"] == TYPE)
        identifiers = _identifiers(patient.resource)
        if not identifiers:
            raise Unprocessable.because("intake-person-without-number")
        record = _record(patient.resource)
        residents = Residents(Institutions(self.own))
        look = self.context.resources.look
        (resolution,) = look(lambda one: residents.find(one, [Asked(record)]))
        if resolution.reason in _UNSETTLED:
            raise Conflict.because(_UNSETTLED[resolution.reason])
        is_new = resolution.patient is None or resolution.new is not None
        first = self.ids.of(TYPE, code(identifiers[0]))
        id = first if is_new else (resolution.patient or "").partition("/")[2]
        links = {one.full_url: f"urn:uuid:{uuid4()}" for one in read.entries}
        is_visit = any(one.resource["resourceType"] == VISIT for one in read.entries)
        claims = residents.claims(record)
        requests: list[Request] = []
        if is_new or not is_visit:
            known = None if is_new else self.own.resources.read(TYPE, id)
            told = Told(id, residents.criteria(record), claims, known)
            requests.append(self._patient(patient, links, told))
        else:
            links[patient.full_url] = f"{TYPE}/{id}"
        others = [one for one in read.entries if one is not patient]
        belongings = self._belongings(others, id)
        before = [] if is_new else belongings.before(self.own)
        placed, left = settled(belongings, others, before)
        requests += [_belonging(*one, belongings.source, links) for one in placed]
        requests += [_retracted(one) for one in left if not is_in_error(one.resource)]
        return Requested(tuple(requests), claims)

    def _patient(self, patient: Entry, links: Mapping[str, str], told: Told) -> Request:
        """Return the request for the Patient: a new one, or what is told put over who is known."""
        resource = {**patient.resource, "id": told.id}
        if told.known is None:
            depends: dict[str, Any] = {"if_none_match": "*"}
        else:
            resource = merging.over(json.exact(told.known.body or b"{}"), patient.resource)
            depends = {"if_match": f'W/"{told.known.version}"'}
        return _request(patient, resource, links, same=told.same, claims=told.claims, **depends)

    def _belongings(self, entries: Sequence[Entry], person: str) -> Belongings:
        visits = [one.resource for one in entries if one.resource["resourceType"] == VISIT]
        occasion = occasion_of(visits[0]) if visits else ""
        return Belongings(self.dataset, self.ids, person, occasion)


def _belonging(entry: Entry, id: str, source: str, links: Mapping[str, str]) -> Request:
    """Return the request for what a row tells besides the Patient."""
    meta = {**entry.resource.get("meta", {}), "source": source}
    return _request(entry, {**entry.resource, "id": id, "meta": meta}, links, id=id)


def _retracted(one: Before) -> Request:
    """Return the request to enter in error what an earlier row has told."""
    body = json.dumps(in_error(json.exact(one.body)))
    resource = orjson.loads(body)
    type, id = resource["resourceType"], resource["id"]
    return Request(type, body, resource, id=id, if_match=f'W/"{one.version}"')


def _record(patient: json.Resource) -> json.Resource:
    """Return what a record of a visit would say of `patient`."""
    numbers = [one for one in patient["identifier"] if one.get("system") != MEDICAL_RECORD]
    said = {**patient, "id": "patient", "identifier": numbers}
    told: json.Resource = orjson.loads(
        json.dumps({"patient": {"reference": "#patient"}, "contained": [said]})
    )
    return told


def _request(
    entry: Entry, resource: Mapping[str, Any], links: Mapping[str, str], **said: Any
) -> Request:
    first = {name: resource[name] for name in ("resourceType", "id") if name in resource}
    body = json.dumps({**first, **resource})
    for link, instead in links.items():
        body = body.replace(f'"{link}"'.encode(), f'"{instead}"'.encode())
    full_url = links[entry.full_url]
    return Request(
        resource["resourceType"],
        body,
        orjson.loads(body),
        full_url=full_url,
        role=entry.role,
        **said,
    )


def _identifiers(patient: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the identifiers by which a person can be found, the best first."""
    found = [
        one
        for one in patient.get("identifier", ())
        if {"system", "value"} <= one.keys()
        and one["system"] != MEDICAL_RECORD
        and one.get("use") != "old"
    ]
    return sorted(found, key=lambda one: _rank(one["system"]))


def _rank(system: str) -> int:
    return _BEST.index(system) if system in _BEST else len(_BEST)


def occasion_of(visit: Mapping[str, Any]) -> str:
    """Return what tells `visit` from others of the same person: its number, or else its day."""
    numbers = [one["value"] for one in visit.get("identifier", ()) if "value" in one]
    where = visit.get("serviceProvider", {}).get("identifier", {}).get("value", "")
    period = visit.get("period", {}).get("start", "")
    return "\0".join([where, *(numbers or [period])])
