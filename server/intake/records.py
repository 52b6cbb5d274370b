"""Rows about a visit, and records of visits as they are: each becomes a post to its type.

What a post comes to is decided where records are stored. Here a row is only put over what is there
of the visit, for a row of prescriptions does not say that there are no diagnoses.

Spec: WS 445-2014; https://hl7.org/fhir/R4/http.html#cond-update
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import orjson

from server.context import Context
from server.fhir import json
from server.fhir.outcome import FhirError, Unavailable, Unprocessable
from server.intake import merging, visitors
from server.intake.keeping import Kept
from server.intake.made import Request, Requested
from server.intake.visitors import Known
from server.interactions import visits
from server.interactions.criteria import Criteria
from server.interactions.institutions import Institutions
from server.interactions.platform import platform
from server.mappings.datasets import DataSet, Read

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
    shared: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Find out which elements of a record are told anew by each row of the data set.

        They are all that it has, or if it is of parts of visits, those that no whole visit has.
        Those are `shared` that parts have, too.
        """
        object.__setattr__(self, "own", platform(self.context))
        records = [one for one in self.context.interpreters.datasets.all if one.is_record]
        of_wholes = _all_elements(one for one in records if not one.head.is_part)
        of_parts = _all_elements(one for one in records if one.head.is_part)
        elements = _elements(self.dataset)
        if self.dataset.head.is_part:
            elements -= of_wholes
        object.__setattr__(self, "elements", elements)
        object.__setattr__(self, "shared", elements & of_parts)

    def requests(self, reads: Sequence[Read]) -> list[Requested]:
        """Return what is to be written for each of `reads`, by the key of its visit."""
        institutions = Institutions(self.own)
        wanted = [self._wanted(institutions, one.record) for one in reads]
        told = [one for one in wanted if isinstance(one, _Wanted)]
        there = dict(zip([one.same.claim for one in told], self._there(told), strict=True))
        return [
            Requested(refusal=one)
            if isinstance(one, FhirError)
            else self._requested(one, there[one.same.claim])
            for one in wanted
        ]

    def _requested(self, wanted: _Wanted, there: Known | None) -> Requested:
        try:
            return Requested((self._request(wanted, there),), frozenset((wanted.same.claim,)))
        except Unprocessable as refusal:
            return Requested(refusal=refusal)

    def _wanted(self, institutions: Institutions, record: json.Resource) -> _Wanted | FhirError:
        plain = orjson.loads(json.dumps(record))
        try:
            told, _ = visits.told(institutions, plain, b"{}", {})
            return _Wanted(record, visits.criteria(institutions, told, {}))
        except Unavailable:
            raise
        except FhirError as refusal:
            return refusal

    def _there(self, wanted: Sequence[_Wanted]) -> list[Known | None]:
        """Return the record that is there of each visit."""
        if not wanted:
            return []
        # Who sends a part need not see the whole; whether they may change it is asked in writing.
        type, conditions = wanted[0].record["resourceType"], [one.same.condition for one in wanted]
        return self.own.resources.look(lambda look: visitors.known(look, type, conditions))

    def _request(self, wanted: _Wanted, there: Known | None) -> Request:
        """Return what is to be written. Raises Unprocessable if it is of somebody else's visit."""
        if there is None:
            return posted(json.dumps(wanted.record), if_none_match="*")
        body = there.version.body or b"{}"
        old = {name: value for name, value in json.exact(body).items() if name not in _SERVERS_OWN}
        if _is_same(old, wanted.record):
            merged = old  # which most rows of a file that is sent again are
        elif self.dataset.head.is_part:
            self._check(wanted, there, is_part=True)
            merged = merging.part(old, wanted.record, self.elements)
        else:
            kept = Kept.of(old, self._sayable(body), self.elements, self.shared)
            if kept.is_told_by_others:
                self._check(wanted, there, is_part=False)
            merged = kept.over(old, wanted.record)
        return posted(json.dumps(merged), if_match=f'W/"{there.version.version}"')

    def _check(self, wanted: _Wanted, there: Known, *, is_part: bool) -> None:
        """Raise Unprocessable if the visit is another person's.

        Who may not change the record is not told whose it is: writing it is refused anyway.
        """
        base_url = self.own.interpreters.settings.base_url
        if visitors.is_another(wanted.record, there, base_url, is_part=is_part):
            version = there.version
            if self.context.resources.find(version.type, version.id, "u") is not None:
                raise visitors.stranger(wanted.record)

    def _sayable(self, body: bytes) -> json.Resource:
        """Return what a row of the data set would say of the record `body`."""
        restored = self.dataset.restore([json.spelled(body)])
        return self.dataset.read(restored.row).record


def _elements(dataset: DataSet) -> frozenset[str]:
    """Return the elements of a record that rows of `dataset` can have."""
    targets = (one.target for one in dataset.elements.values() if one.target)
    names = (one.partition(".")[2].partition(".")[0] for one in targets)
    return frozenset(one.partition("[")[0] for one in names) - {""}


def _is_same(old: json.Resource, record: json.Resource) -> bool:
    bare = {name: value for name, value in old.items() if name not in ("id", "meta")}
    return json.dumps(bare) == json.dumps(record)


def _all_elements(datasets: Iterable[DataSet]) -> frozenset[str]:
    return frozenset().union(*map(_elements, datasets))


def posted(
    body: bytes, *, if_match: str | None = None, if_none_match: str | None = None
) -> Request:
    """Return the post of the record `body`, over the version `if_match`, or over none."""
    resource = orjson.loads(body)
    type = resource["resourceType"]
    return Request(type, body, resource, if_match=if_match, if_none_match=if_none_match, role=type)


def resource(context: Context, line: bytes, type: str) -> Requested:
    """Return what is to be written of a `line` that is a resource of `type`. Raises FhirError."""
    found, body = json.parse(line, context.interpreters.settings.max_depth)
    if found.get("resourceType") != type:
        given = str(found.get("resourceType"))[:40]
        said = {"given": given, "expected": type}
        raise Unprocessable.because("intake-type-differs", "resourceType", **said)
    key = json.dumps([found.get("institution"), found.get("visitNumber")])
    request = Request(type, body, found)
    return Requested((request,), frozenset((key.decode(),)))
