"""Counts what becomes of records, by institution and day, and by submission.

Whoever takes records or refuses them tells it here, after it is done: what is stored is stored
whether it was counted or not. An institution is the Organization that its code finds, if there is
one, so that records that were taken and records that were refused are of the same.

Spec: docs/quality.md,
https://hl7.org/fhir/R4/measurereport.html
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from server.context import Context
from server.fhir.canonical import BASE
from server.fhir.outcome import FhirError, Unavailable
from server.interactions import belonging
from server.interactions.institutions import ELEMENT, Institutions
from server.interactions.platform import platform
from server.interactions.quality.measuring import Outcome, counted
from server.mappings.datasets import DataSet
from server.mappings.faults import RowFault

OF = "EncounterRecord"
"""The type of what is counted."""
_ELEMENTS_OF_INSTITUTION = ("组织机构代码", "医疗机构名称")
_log = logging.getLogger("tongkang.quality")


def count(context: Context, outcomes: Iterable[Outcome], submission: str = "") -> None:
    """Count `outcomes`, of one `submission` if that has a name, such as the id of a job.

    If the database is gone, they go uncounted: they are stored, which is what was asked for.
    """
    outcomes = list(outcomes)
    if not outcomes:
        return
    now = datetime.fromtimestamp(
        context.services.store.now() / 1_000_000, context.interpreters.zone
    )
    elements = [one.path for one in context.interpreters.measured]
    day = now.date().isoformat()
    institutions = Institutions(platform(context))
    sums: dict[str, Counter[str]] = {}
    told: dict[str, dict[str, Any]] = {}
    try:
        for outcome in outcomes:
            reporter = _reporter(context, institutions, outcome.record)
            counts = counted(outcome, elements, now)
            for key, what in _told(context, reporter, day, submission):
                sums.setdefault(key, Counter()).update(counts)
                told.setdefault(key, what)
        for key, more in sums.items():
            context.services.tallies.add(key, told[key], day, more)
    except Unavailable:
        _log.warning("What was submitted could not be counted.")


def refused(context: Context, record: object, refusal: FhirError) -> None:
    """Count one record that was refused, as far as it could be read."""
    rules = tuple(dict.fromkeys(one.message for one in refusal.issues if one.severity == "error"))
    count(context, [Outcome("refused", record if isinstance(record, Mapping) else {}, rules)])


def of_row(dataset: DataSet, row: Mapping[str, str], faults: Sequence[RowFault]) -> Outcome:
    """Return what becomes of a `row` of `dataset` that is refused for `faults`."""
    named = {name: row[name] for name in _ELEMENTS_OF_INSTITUTION if name in row}
    read = dataset.read({name: text for name, text in named.items() if name in dataset.elements})
    records = [one for one in read.resources if "institution" in one]
    rules = tuple(dict.fromkeys(one.rule for one in faults if one.severity == "error"))
    return Outcome("refused", records[0] if records else {}, rules)


def _told(
    context: Context, reporter: Mapping[str, Any], day: str, submission: str
) -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield which tallies something from `reporter` is counted in, each with what it is of."""
    marks = belonging.defaults(
        context.access.caller,
        {"organization": reporter} if "reference" in reporter else {},
    )
    who = reporter.get("reference") or reporter.get("identifier") or {}
    told = {"reporter": reporter, "marks": dict(marks)}
    yield _key(who, day), told
    if submission:
        yield _key(who, submission), {**told, "submission": submission}


def _key(*parts: object) -> str:
    return str(uuid5(NAMESPACE_URL, f"{BASE}/MeasureReport?{parts!r}"))


def _reporter(
    context: Context, institutions: Institutions, record: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the reference to the institution of `record`, to that of the caller if it has none."""
    institution = record.get("institution")
    if not isinstance(institution, Mapping):
        reference = context.access.caller.organization.reference
        return {"reference": reference} if reference else {}
    known = record.get(ELEMENT)
    identifier = institution.get("identifier", {})
    if (
        known is None
        and isinstance(identifier, Mapping)
        and isinstance(identifier.get("value"), str)
    ):
        asked = {"resourceType": OF, "institution": dict(institution)}
        found = institutions.organization(asked, {})
        known = None if found is None else {"reference": found}
    names = ("identifier", "display")
    said = {name: institution[name] for name in names if name in institution}
    return {**(known or {}), **said}
