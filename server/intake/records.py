"""Rows about a visit, and records of visits as they are: each becomes a post to its type.

What a post comes to is decided where records are stored. Here a row is only put over what is there
of the visit, for a row of prescriptions does not say that there are no diagnoses.

Spec: WS 445-2014; https://hl7.org/fhir/R4/http.html#cond-update
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from server.context import Context
from server.fhir import json
from server.fhir.outcome import FhirError, Unavailable, Unprocessable
from server.intake import merging
from server.intake.made import Request, Requested
from server.interactions import visits
from server.interactions.criteria import Criteria
from server.interactions.institutions import Institutions
from server.interactions.platform import platform
from server.mappings.datasets import DataSet, Read
from server.store.documents import Version

_SERVERS_OWN = ("organization", "resident")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A record as it is told, and what finds the one of the same visit."""

    record: json.Resource
    same: Criteria


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

    def requests(self, reads: Sequence[Read]) -> list[Requested]:
        """Return what is to be written for each of `reads`, by the key of its visit."""
        institutions = Institutions(self.own)
        wanted = [self._wanted(institutions, one.record) for one in reads]
        told = [one for one in wanted if isinstance(one, _Wanted)]
        there = dict(zip([one.same.claim for one in told], self._there(told), strict=True))
        return [
            Requested(refusal=one)
            if isinstance(one, FhirError)
            else Requested((self._request(one, there[one.same.claim]),), one.same.claim)
            for one in wanted
        ]

    def _wanted(self, institutions: Institutions, record: json.Resource) -> _Wanted | FhirError:
        plain = orjson.loads(json.dumps(record))
        try:
            told, _ = visits.told(institutions, plain, b"{}", {})
            return _Wanted(record, visits.criteria(institutions, told, {}))
        except Unavailable:
            raise
        except FhirError as refusal:
            return refusal

    def _there(self, wanted: Sequence[_Wanted]) -> list[Version | None]:
        """Return the record that is there of each visit."""
        if not wanted:
            return []
        # Who sends a part need not see the whole; whether they may change it is asked in writing.
        type, conditions = wanted[0].record["resourceType"], [one.same.condition for one in wanted]
        found = self.own.resources.look(lambda look: look.matching(type, conditions, 1))
        return [next(iter(one), None) for one in found]

    def _request(self, wanted: _Wanted, there: Version | None) -> Request:
        if there is None:
            return posted(json.dumps(wanted.record), if_none_match="*")
        old = {
            name: value
            for name, value in json.exact(there.body or b"{}").items()
            if name not in _SERVERS_OWN
        }
        if self.dataset.head.is_part:
            merged = merging.part(old, wanted.record, self.elements)
        else:
            merged = merging.whole(old, wanted.record, self.elements)
        return posted(json.dumps(merged), if_match=f'W/"{there.version}"')


def _elements(dataset: DataSet) -> frozenset[str]:
    """Return the elements of a record that rows of `dataset` can have."""
    targets = (one.target for one in dataset.elements.values() if one.target)
    names = (one.partition(".")[2].partition(".")[0] for one in targets)
    return frozenset(one.partition("[")[0] for one in names) - {""}


def posted(
    body: bytes, *, if_match: str | None = None, if_none_match: str | None = None
) -> Request:
    """Return the post of the record `body`, over the version `if_match`, or over none."""
    resource = orjson.loads(body)
    return Request(
        resource["resourceType"], body, resource, if_match=if_match, if_none_match=if_none_match
    )


def resource(context: Context, line: bytes, type: str) -> Requested:
    """Return what is to be written of a `line` that is a resource of `type`. Raises FhirError."""
    found, body = json.parse(line, context.interpreters.settings.max_depth)
    if found.get("resourceType") != type:
        given = str(found.get("resourceType"))[:40]
        raise Unprocessable.because("type-differs", "resourceType", given=given, expected=type)
    key = json.dumps([found.get("institution"), found.get("visitNumber")])
    request = Request(type, body, found)
    return Requested((request,), key.decode())
