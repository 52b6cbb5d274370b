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
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from server.context import Context
from server.fhir.canonical import BASE
from server.fhir.outcome import FhirError, Unavailable
from server.interactions import belonging
from server.interactions.institutions import Institutions
from server.interactions.platform import platform
from server.interactions.quality.measuring import Outcome, counted
from server.store.tallies import Count

OF = "EncounterRecord"
"""The type of what is counted."""
_log = logging.getLogger("tongkang.quality")


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


def refused(context: Context, record: object, refusal: FhirError) -> None:
    """Count one record that was refused, as far as it could be read."""
    rules = tuple(dict.fromkeys(one.message for one in refusal.issues if one.severity == "error"))
    count(context, [Outcome("refused", record if isinstance(record, Mapping) else {}, rules)])


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
    named = _named(outcome.record.get("institution"))
    shown = {name: one for name, one in named.items() if name != "reference"}
    match outcome.record:
        # The server has written this, unless the record was refused.
        case {"organization": {"reference": str(known)}} if (
            outcome.fate != "refused" and known.startswith("Organization/")
        ):
            return {"reference": known, **shown}
    if not named:
        reference = context.access.caller.organization.reference
        return {"reference": reference} if reference else {}
    found = institutions.organization({"resourceType": OF, "institution": named}, {})
    return {**({} if found is None else {"reference": found}), **shown}


def _named(institution: object) -> dict[str, Any]:
    """Return what names `institution`, which may be of any shape in a record that is refused."""
    found: dict[str, Any] = {}
    match institution:
        case {"reference": str(reference)}:
            found["reference"] = reference
    match institution:
        case {"identifier": {"system": str(system), "value": str(value)}}:
            found["identifier"] = {"system": system, "value": value}
    match institution:
        case {"display": str(display)}:
            found["display"] = display
    return found
