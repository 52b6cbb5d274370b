"""Rows about a visit, and records of visits as they are: each becomes a post to its type.

What a post comes to is decided where records are stored. Here a row is only put over what is there
of the visit, for a row of prescriptions does not say that there are no diagnoses.

Spec: WS 445-2014; https://hl7.org/fhir/R4/http.html#cond-update
"""

from dataclasses import dataclass, field

import orjson

from server.context import Context
from server.fhir import json
from server.fhir.outcome import Unprocessable
from server.intake import merging
from server.intake.made import Request
from server.interactions import visits
from server.interactions.platform import platform
from server.mappings.datasets import DataSet, Read

_SERVERS_OWN = ("organization", "resident")


@dataclass(frozen=True, slots=True)
class Visits:
    """Makes requests of rows of `dataset`, for the caller of `context`."""

    context: Context
    dataset: DataSet
    own: Context = field(init=False)
    elements: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Find out which elements of a record are told anew by each row of the data set.

        They are all that it has, or if it is of parts of visits, those that no whole visit has.
        """
        object.__setattr__(self, "own", platform(self.context))
        elements = _elements(self.dataset)
        if self.dataset.head.is_part:
            others = self.context.interpreters.datasets.all
            wholes = [one for one in others if one.is_record and not one.head.is_part]
            elements = elements.difference(*map(_elements, wholes))
        object.__setattr__(self, "elements", elements)

    def requests(self, read: Read) -> tuple[tuple[Request, ...], str]:
        """Return what is to be written, and the key of the visit. Raises FhirError."""
        record = read.record
        plain = orjson.loads(json.dumps(record))
        told, _ = visits.told(self.own, plain, b"{}", {})
        same = visits.criteria(self.own, told, {})
        # Who sends a part need not see the whole; whether they may change it is asked in writing.
        there = self.own.resources.matching(record["resourceType"], same.condition, limit=1)
        if not there:
            return (posted(json.dumps(record)),), same.claim
        old = {
            name: value
            for name, value in json.exact(there[0].body or b"{}").items()
            if name not in _SERVERS_OWN
        }
        if self.dataset.head.is_part:
            merged = merging.part(old, record, self.elements)
        else:
            merged = merging.whole(old, record, self.elements)
        match = f'W/"{there[0].version}"'
        return (posted(json.dumps(merged), match),), same.claim


def _elements(dataset: DataSet) -> frozenset[str]:
    """Return the elements of a record that rows of `dataset` can have."""
    targets = (one.target for one in dataset.elements.values() if one.target)
    names = (one.partition(".")[2].partition(".")[0] for one in targets)
    return frozenset(one.partition("[")[0] for one in names) - {""}


def posted(body: bytes, if_match: str | None = None) -> Request:
    """Return the post of the record `body`."""
    resource = orjson.loads(body)
    return Request(resource["resourceType"], body, resource, if_match=if_match)


def resource(context: Context, line: bytes, type: str) -> tuple[tuple[Request, ...], str]:
    """Return what is to be written of a `line` that is a resource of `type`. Raises FhirError."""
    found, body = json.parse(line, context.interpreters.settings.max_depth)
    if found.get("resourceType") != type:
        given = str(found.get("resourceType"))[:40]
        raise Unprocessable.because("type-differs", "resourceType", given=given, expected=type)
    key = json.dumps([found.get("institution"), found.get("visitNumber")])
    request = Request(type, body, found)
    return (request,), key.decode()
