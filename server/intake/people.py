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
from server.fhir.outcome import Conflict, FhirError, Unavailable, Unprocessable
from server.intake import merging
from server.intake.made import Request, Requested
from server.intake.stable import StableIds
from server.interactions.claimed import MEDICAL_RECORD, TYPE
from server.interactions.institutions import Institutions, code
from server.interactions.platform import platform
from server.interactions.residents import (
    AMBIGUOUS,
    CONTRADICTED,
    Asked,
    Residents,
    Resolution,
)
from server.mappings.datasets import DataSet, Read
from server.mappings.reading import Entry

_UNSETTLED = {
    AMBIGUOUS: "intake-person-ambiguous",
    CONTRADICTED: "intake-person-contradicted",
}
"""What is said where it cannot be told whose row it is; somebody unknown is new."""
VISIT = "Encounter"
_BEST = ("urn:oid:2.16.156.10011.1.3", "urn:oid:2.16.156.10011.1.2", "urn:oid:2.16.156.10011.1.19")
"""Identifiers of persons, the best first: ID number, health record number, health card number."""


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
        """Return what is to be written for each of `reads`, by the key of the person."""
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
        key = code(identifiers[0])
        resolution = self._resolution(patient.resource)
        if resolution.reason in _UNSETTLED:
            raise Conflict.because(_UNSETTLED[resolution.reason])
        is_new = resolution.patient is None or resolution.new is not None
        id = self.ids.of(TYPE, key) if is_new else (resolution.patient or "").partition("/")[2]
        links = {one.full_url: f"urn:uuid:{uuid4()}" for one in read.entries}
        is_visit = any(one.resource["resourceType"] == VISIT for one in read.entries)
        if is_new:
            first = [self._new(patient, id, identifiers[0], links)]
        else:
            first = [] if is_visit else [self._known(patient, id, links)]
            if is_visit:
                links[patient.full_url] = f"{TYPE}/{id}"
        visits_of_it = [one for one in read.resources if one["resourceType"] == VISIT]
        occasion = occasion_of(visits_of_it[0]) if visits_of_it else ""
        others = [
            self._other(one, self.ids.of(self.dataset.name, id, occasion, one.role), links)
            for one in read.entries
            if one is not patient
        ]
        return Requested((*first, *others), key)

    def _resolution(self, patient: json.Resource) -> Resolution:
        """Return whom `patient` is, as a record of a visit would say it."""
        numbers = [one for one in patient["identifier"] if one.get("system") != MEDICAL_RECORD]
        said = {**patient, "id": "patient", "identifier": numbers}
        record = orjson.loads(
            json.dumps({"patient": {"reference": "#patient"}, "contained": [said]})
        )
        residents = Residents(Institutions(self.own))
        return self.context.resources.look(lambda one: residents.find(one, [Asked(record)]))[0]

    def _new(
        self, patient: Entry, id: str, by: Mapping[str, Any], links: Mapping[str, str]
    ) -> Request:
        query = (("identifier", code(by)),)
        return _request(patient, {**patient.resource, "id": id}, links, query=query)

    def _known(self, patient: Entry, id: str, links: Mapping[str, str]) -> Request:
        there = self.own.resources.read(TYPE, id)
        merged = merging.over(json.exact(there.body or b"{}"), patient.resource)
        return _request(patient, merged, links, id=id, if_match=f'W/"{there.version}"')

    def _other(self, entry: Entry, id: str, links: Mapping[str, str]) -> Request:
        return _request(entry, {**entry.resource, "id": id}, links, id=id)


def _request(
    entry: Entry, resource: Mapping[str, Any], links: Mapping[str, str], **said: Any
) -> Request:
    first = {name: resource[name] for name in ("resourceType", "id") if name in resource}
    body = json.dumps({**first, **resource})
    for link, instead in links.items():
        body = body.replace(f'"{link}"'.encode(), f'"{instead}"'.encode())
    full_url = links[entry.full_url]
    return Request(resource["resourceType"], body, orjson.loads(body), full_url=full_url, **said)


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
