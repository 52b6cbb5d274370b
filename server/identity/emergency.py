"""Emergency access, "breaking the glass": one clinician, one patient, one hour, with a reason.

It lifts the limit of place and what is withheld as sensitive, for reading. The patient is told at
once, and a second person says afterwards whether it was justified.

Spec: https://terminology.hl7.org/CodeSystem-v3-PurposeOfUse.html (ETREAT)
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from server.fhir.outcome import Conflict, Forbidden, NotFound
from server.identity import jurisdictions
from server.identity.shelves import EMERGENCIES
from server.services import Services
from server.store.shelf import Record, Shelf, Where

PURPOSE = "ETREAT"
LASTS = timedelta(minutes=60)
MOST_AT_ONCE = 5
"""How many patients one clinician can reach this way at the same time."""
_TOLD_FOR = timedelta(days=30)
_OPEN = "open"
_SHOWN, _REVIEWED = 50, 20
VERDICTS = ("justified", "unjustified")


@dataclass(frozen=True, slots=True)
class Emergency:
    """One emergency access: who, to whose record, why, from when to when, and what was said of it.

    `status` is open until it is reviewed, then justified or unjustified.
    """

    id: str
    account: str
    name: str
    institution: str
    patient: str
    reason: str
    created: datetime
    expires: datetime
    status: str
    review: Mapping[str, Any]

    @property
    def in_force(self) -> bool:
        """Tell whether it gives access now."""
        return datetime.now(UTC) < self.expires

    @classmethod
    def of(cls, record: Record) -> Self:
        """Return the emergency access that `record` is about."""
        names = ("id", "account", "name", "institution", "patient", "reason", "status", "review")
        return cls(
            **{name: record[name] for name in names},
            created=record["created"],
            expires=record["ends"],
        )


def begin(services: Services, account: Record, patient: str, reason: str) -> Emergency:
    """Give `account` access to the record of `patient` (``Patient/a``) for an hour.

    One that is in force already goes on. Raises Conflict if there are too many at once.
    """
    mine = [one for one in _newest(services, {"account": account["id"]}) if one.in_force]
    for one in mine:
        if one.patient == patient:
            return one
    if len(mine) >= MOST_AT_ONCE:
        raise Conflict.because("emergency-too-many", count=MOST_AT_ONCE)
    now = datetime.now(UTC)
    id = secrets.token_urlsafe(12)
    record = {
        "account": account["id"],
        "name": account["name"],
        "institution": (account.get("organization") or {}).get("name") or "",
        "divisions": jurisdictions.of_account(services, account),
        "patient": patient,
        "reason": reason,
        "created": now,
        "ends": now + LASTS,
        "status": _OPEN,
        "review": {},
    }
    _shelf(services).add(id, record)
    services.trail.bump()  # so that tokens that the clinician has give it, too
    return Emergency.of({"id": id, **record})


def in_force(services: Services, account: Record) -> tuple[str, ...]:
    """Return the patients (``Patient/a``) whose record `account` may see in an emergency, now."""
    mine = _newest(services, {"account": account["id"]})
    return tuple(one.patient for one in mine if one.in_force)


def of_account(services: Services, account: Record) -> list[Emergency]:
    """Return the newest emergency accesses of a clinician."""
    return _newest(services, {"account": account["id"]})


def of_patient(services: Services, patient: str) -> list[Emergency]:
    """Return the emergency accesses that `patient` is told about: those of the last 30 days."""
    since = datetime.now(UTC) - _TOLD_FOR
    return [one for one in _newest(services, {"patient": patient}) if one.created >= since]


def to_review(
    services: Services, by: Record, after: str | None = None
) -> tuple[list[Emergency], str | None]:
    """Return emergency accesses that `by` has to review, the newest first, and where they go on.

    They begin behind that with the id `after`; the second is None if no more follow.
    """
    where: Where = {"status": _OPEN, "divisions": jurisdictions.watched(by)}
    page = _shelf(services).page(where, newest="created", after=after, limit=_SHOWN)
    return [Emergency.of(record) for record in page.records], page.after


def reviewed(services: Services, by: Record) -> list[Emergency]:
    """Return the newest emergency accesses that were reviewed, of those `by` watches over."""
    where: Where = {"status": VERDICTS, "divisions": jurisdictions.watched(by)}
    return _newest(services, where, _REVIEWED)


def review(services: Services, id: str, by: Record, verdict: str, note: str) -> Emergency:
    """Say whether an emergency access was justified; one that was not ends at once.

    Raises NotFound if there is none with this id that `by` watches over, Forbidden to who used it,
    Conflict if it has been reviewed.
    """
    found = _shelf(services).first({"_id": id, "divisions": jurisdictions.watched(by)})
    if found is None:
        raise NotFound.because("emergency-unknown")
    if found["account"] == by["id"]:
        raise Forbidden.because("emergency-own")
    now = datetime.now(UTC)
    said = {"by": by["id"], "name": by["name"], "at": now, "note": note}
    values: dict[str, Any] = {"status": verdict, "review": said}
    if verdict != VERDICTS[0]:
        values["ends"] = min(found["ends"], now)
    changed = _shelf(services).change(id, values, {"status": _OPEN})
    if changed is None:
        raise Conflict.because("emergency-reviewed")
    services.trail.bump()
    return Emergency.of(changed)


def _newest(services: Services, where: Where, limit: int = 50) -> list[Emergency]:
    records = _shelf(services).all(where, newest="created", limit=limit)
    return [Emergency.of(record) for record in records]


def _shelf(services: Services) -> Shelf:
    return services.store.shelf(EMERGENCIES)
