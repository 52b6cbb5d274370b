"""Counts what becomes of records, by institution and day, and by submission.

Whoever takes records or refuses them tells it here, after it is done: what is stored is stored
whether it was counted or not. An institution is the Organization that its code finds, if there is
one, so that records that were taken and records that were refused are of the same.

Spec: docs/quality.md,
https://hl7.org/fhir/R4/measurereport.html
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from server.context import Context
from server.fhir import json
from server.fhir.canonical import BASE
from server.fhir.outcome import Issue, Unavailable
from server.fhir.reference import parse
from server.interactions import belonging
from server.interactions.call import Call
from server.interactions.institutions import TYPE, Institutions, Others, named
from server.interactions.platform import platform
from server.interactions.quality.measuring import Outcome, counted
from server.interactions.quality.reporting import MEASURE
from server.interactions.quality.reporting import TYPE as REPORT
from server.store.tallies import Count

OF = "EncounterRecord"
"""The type of what is counted."""
_NAMES = ("reference", "identifier", "display")
_REPORT = {
    "resourceType": REPORT,
    "status": "complete",
    "type": "summary",
    "measure": MEASURE,
    "period": {"start": "2026-01-01"},
}
"""A MeasureReport, to tell whether something can be its reporter."""
_log = logging.getLogger("tongkang.quality")


def submits(call: Call) -> bool:
    """Tell whether `call` submits a record; who patches or deletes one submits none."""
    return call.type == OF and call.interaction in ("create", "update")


def count(context: Context, outcomes: Iterable[Outcome]) -> None:
    """Count `outcomes`.

    If the database is gone, they go uncounted: they are stored, which is what was asked for.
    """
    try:
        context.services.tallies.add(summed(context, outcomes))
    except Unavailable:
        _log.warning("What was submitted could not be counted.")


def summed(context: Context, outcomes: Iterable[Outcome], submission: str = "") -> list[Count]:
    """Return what `outcomes` add to the tallies, each of which is added to once.

    They are of one `submission` if that has a name, such as the id of a job. Raises Unavailable.
    """
    now = datetime.fromtimestamp(
        context.services.store.now() / 1_000_000, context.interpreters.zone
    )
    day = now.date().isoformat()
    elements = [one.path for one in context.interpreters.measured]
    institutions = Institutions(platform(context))
    sums: dict[str, Counter[str]] = {}
    told: dict[str, dict[str, Any]] = {}
    for outcome in outcomes:
        more = counted(outcome, elements, now)
        reporter = _reporter(context, institutions, outcome)
        for key, what in _told(context, reporter, day, submission):
            sums.setdefault(key, Counter()).update(more)
            told.setdefault(key, what)
    return [Count(key, told[key], day, more) for key, more in sums.items()]


def refused(
    context: Context,
    records: Iterable[tuple[json.Resource, Iterable[Issue]]],
    others: Others = MappingProxyType({}),
) -> None:
    """Count `records` that were refused, each with what is said of it.

    `others` are the Organizations that came along with them.
    """
    good = {link: one for link, one in others.items() if not _faults(context, one)}
    count(
        context,
        [Outcome("refused", _told_by(record, good), _rules(issues)) for record, issues in records],
    )


def _told_by(record: json.Resource, others: Others) -> json.Resource:
    """Return `record`, which may be of any shape, with the code of an institution of `others`."""
    match record:
        case {"institution": {"reference": str(link)} as institution} if link in others:
            return {**record, "institution": named({"institution": institution}, others)}
    return record


def _rules(issues: Iterable[Issue]) -> tuple[str, ...]:
    """Return the names of the rules that are broken, each once."""
    return tuple(dict.fromkeys(one.message for one in issues if one.severity == "error"))


def _told(
    context: Context, reporter: dict[str, Any], day: str, submission: str
) -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield which tallies what `reporter` has sent is counted in, each with what it is of."""
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


def _reporter(context: Context, institutions: Institutions, outcome: Outcome) -> dict[str, Any]:
    """Return the reference to the institution of a record, to that of the caller if it has none."""
    told = _named(context, outcome.record.get("institution"))
    shown = {name: one for name, one in told.items() if name != "reference"}
    match outcome.record:
        # The server has written this, unless the record was refused.
        case {"organization": {"reference": str(known)}} if (
            outcome.fate != "refused" and known.startswith(f"{TYPE}/")
        ):
            return {"reference": known, **shown}
    found = institutions.organization({"resourceType": OF, "institution": told}, {})
    if found is None and not shown:
        found = context.access.caller.organization.reference
    return {**({} if found is None else {"reference": found}), **shown}


def _named(context: Context, institution: object) -> dict[str, Any]:
    """Return what names `institution`, which may be of any shape in a record that is refused."""
    if not isinstance(institution, Mapping):
        return {}
    if _faults(context, {**_REPORT, "reporter": institution}):
        return {}
    told = {name: institution[name] for name in _NAMES if name in institution}
    target = parse(told.get("reference", ""), context.interpreters.settings.base_url)
    if not (target.local and target.type == TYPE):
        told.pop("reference", None)  # nobody else could follow it
    return told


def _faults(context: Context, resource: json.Resource) -> list[Issue]:
    return context.interpreters.structure.faults(resource)
