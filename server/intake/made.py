"""What a row comes to before it is written: requests for one transaction, or what is wrong."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from server.fhir import json
from server.fhir.outcome import FhirError, Issue
from server.intake.rows import Row
from server.interactions.call import Call, Preference
from server.interactions.criteria import Criteria
from server.interactions.entries import Entry
from server.mappings.datasets import DataSet
from server.mappings.faults import RowFault
from server.mappings.tracing import traced

_PLACED = re.compile(r"Bundle\.entry\[([0-9]+)\](?:\.resource)?")
_QUIET = Preference(returns="minimal")


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to write: a `resource`, and its `body`; `url` and `full_url` as in a Bundle.

    `same` is what finds the resource by what it says itself, where no `id` tells which it is, and
    `claims` are the names under which writers of the same exclude each other. `if_match` is what
    the resource has to be still, `if_none_match` what it may not be. `role` is that of the
    resource in its data set.
    """

    type: str
    body: bytes
    resource: json.Resource
    id: str | None = None
    same: Criteria | None = None
    claims: frozenset[str] = frozenset()
    full_url: str | None = None
    if_match: str | None = None
    if_none_match: str | None = None
    role: str = ""

    def entry(self, place: int) -> Entry:
        """Return this as the entry at `place` of a transaction."""
        is_create = self.id is None and self.same is None
        call = Call(
            interaction="create" if is_create else "update",
            method="POST" if is_create else "PUT",
            type=self.type,
            id=self.id,
            body=self.body,
            if_match=self.if_match,
            if_none_match=self.if_none_match,
            preference=_QUIET,
        )
        told = (self.full_url, self.resource, self.same, self.claims)
        return Entry(place, call.method, call, *told)


@dataclass(frozen=True, slots=True)
class Requested:
    """What is to be written of one thing, which has `keys`; or the `refusal` of it."""

    requests: tuple[Request, ...] = ()
    keys: frozenset[str] = frozenset()
    refusal: FhirError | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a row says: the `cells` of a row of `dataset`, by the names of its elements."""

    dataset: DataSet
    cells: Mapping[str, str]

    def named(self, fault: RowFault, role: str, body: bytes) -> RowFault:
        """Return `fault`, whose element is a place in `body`, with the data element there."""
        meant = traced(self.dataset, self.cells, role, json.spelled(body), fault.element)
        if meant is None:
            return fault
        return replace(fault, element=meant.element.name, de=meant.element.de, value=meant.value)


@dataclass(frozen=True, slots=True)
class Made:
    """What `row` comes to: `requests` to be done together, unless there is an error in `faults`.

    Rows with any of their `keys` in common may be of one thing, and are not written in one
    transaction. A `record` is what could be read of a row that is refused, and `meaning` what its
    cells say.
    """

    row: Row
    requests: tuple[Request, ...] = ()
    faults: tuple[RowFault, ...] = ()
    keys: frozenset[str] = frozenset()
    record: Mapping[str, Any] = field(default_factory=dict)
    meaning: Meaning | None = None

    @property
    def is_refused(self) -> bool:
        """Tell whether anything is wrong, and not just put right."""
        return bool(errors(self.faults))


def told(
    error: FhirError, requests: Sequence[Request] = (), meaning: Meaning | None = None
) -> tuple[RowFault, ...]:
    """Return the refusal `error`, of a transaction of `requests`, as faults of a row.

    Each is of the data element that stands where it is, as far as the `meaning` of the row tells.
    """
    return tuple(_told(one, requests, meaning) for one in error.issues)


def _told(issue: Issue, requests: Sequence[Request], meaning: Meaning | None) -> RowFault:
    request, place = _placed(issue.expression or "", requests)
    fault = RowFault(place, "", "", issue.message, issue.arguments, issue.severity)
    if request is None or meaning is None:
        return fault
    return meaning.named(fault, request.role, request.body)


def _placed(expression: str, requests: Sequence[Request]) -> tuple[Request | None, str]:
    """Return the request that `expression` is about, if it is known, and the place in that.

    It is told by the type of its resource, and not by its place in a transaction.
    """
    found = _PLACED.match(expression)
    if found is not None and int(found[1]) < len(requests):
        request = requests[int(found[1])]
        return request, request.type + expression[found.end() :]
    type = expression.partition(".")[0]
    same = [one for one in requests if one.type == type]
    return (same[0] if len(same) == 1 else None), expression


def errors(faults: Iterable[RowFault]) -> tuple[RowFault, ...]:
    """Return those of `faults` for which a row is not taken."""
    return tuple(one for one in faults if one.severity == "error")


def warnings(faults: Iterable[RowFault]) -> tuple[RowFault, ...]:
    """Return those of `faults` that are only told."""
    return tuple(one for one in faults if one.severity != "error")
