"""Complaints of residents about who looked at their record, and the answers to them.

Spec: 个人信息保护法 article 50: requests are accepted and dealt with, and reasons given;
https://www.gov.cn/xinwen/2021-08/20/content_5632486.htm
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from server.fhir.outcome import Conflict, NotFound
from server.identity import jurisdictions
from server.services import Services
from server.store.shelf import Layout, Page, Record, Shelf, Where

COMPLAINTS = Layout("_complaints", indexes=(("patient",), ("status",)))
_OPEN, _ANSWERED = "open", "answered"
_SHOWN = 50


def file(  # noqa: PLR0913, PLR0917  # a complaint is all of these
    services: Services, account: Record, patient: str, event: str, about: str, reason: str
) -> None:
    """Keep the complaint of `account` about an access to the record of `patient`.

    `event` is the AuditEvent's id, `about` what it says in words.
    """
    record = {
        "account": account["id"],
        "name": account["name"],
        "patient": patient,
        "divisions": jurisdictions.of_patient(services, patient),
        "event": event,
        "about": about,
        "reason": reason,
        "created": datetime.now(UTC),
        "status": _OPEN,
        "answer": None,
    }
    _shelf(services).add(secrets.token_urlsafe(12), record)


def of_patient(services: Services, patient: str) -> Mapping[str, Record]:
    """Return the complaints about accesses to the record of `patient`, by AuditEvent id."""
    found = _shelf(services).all({"patient": patient}, newest="created")
    return {one["event"]: one for one in reversed(found)}


def unanswered(services: Services, by: Record, after: str | None = None) -> Page:
    """Return a page of the complaints that `by` has to answer, the newest first.

    They begin behind that with the id `after`.
    """
    where: Where = {"status": _OPEN, "divisions": jurisdictions.watched(by)}
    return _shelf(services).page(where, newest="created", after=after, limit=_SHOWN)


def answer(services: Services, id: str, by: Record, text: str) -> str:
    """Answer a complaint and return the patient whose record it is about.

    Raises NotFound if there is none with this id that is for `by` to answer, Conflict if it was
    answered.
    """
    if _shelf(services).first({"_id": id, "divisions": jurisdictions.watched(by)}) is None:
        raise NotFound.because("complaint-unknown")
    answer: dict[str, Any] = {
        "by": by["id"],
        "name": by["name"],
        "at": datetime.now(UTC),
        "text": text,
    }
    changed = _shelf(services).change(
        id, {"status": _ANSWERED, "answer": answer}, {"status": _OPEN}
    )
    if changed is None:
        raise Conflict.because("complaint-answered")
    return str(changed["patient"])


def _shelf(services: Services) -> Shelf:
    return services.store.shelf(COMPLAINTS)
