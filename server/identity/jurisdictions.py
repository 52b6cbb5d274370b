"""Whose business something is: the divisions it belongs to, as those who watch over it look it up.

What is about a member of staff belongs to where they work, what is about a resident to where they
live, each with all divisions above. What nobody can place, or placed when it was stored, is
everybody's, for somebody has to see it (R1.4, R5.1).
"""

from server.access import divisions
from server.identity import known
from server.interactions import belonging
from server.services import Services
from server.store.shelf import Record

_EVERYBODY = "*"


def of_account(services: Services, account: Record) -> list[str]:
    """Return the divisions that what is about the person of `account` belongs to."""
    if account["kind"] == "resident":
        return of_patient(services, account["person"])
    return divisions.above(account.get("division") or "") or [_EVERYBODY]


def of_patient(services: Services, patient: str) -> list[str]:
    """Return the divisions that what is about `patient` (``Patient/a``) belongs to."""
    return belonging.of_patient(known.own_record(services, patient) or {}) or [_EVERYBODY]


def of_nobody() -> list[str]:
    """Return the divisions of what is about no person that is known."""
    return [_EVERYBODY]


def watched(by: Record) -> tuple[str | None, ...]:
    """Return what a thing's divisions have one of if the member of staff `by` watches over it."""
    return (divisions.prefix(by.get("division") or ""), _EVERYBODY, None)


def is_watched(services: Services, account: Record, by: Record) -> bool:
    """Tell whether the member of staff `by` watches over the person of `account`."""
    return bool({*of_account(services, account)} & {*watched(by)})
