"""The review of clients: an administrator approves, refuses or suspends what registered itself.

What is approved is what was looked at: if the client has said something else meanwhile, nothing
is. Rights that become fewer end the tokens that have more.

Spec: 人口健康信息管理办法(试行) article 14 (R1.14), https://www.rfc-editor.org/rfc/rfc7591#section-5
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from server.access import scopes
from server.access.caller import Caller, Party
from server.audit.event import CLIENT_CHANGED, Event
from server.auth import enrolment, shelves
from server.auth.enrolment import APPROVED, PENDING, REFUSED, SUSPENDED
from server.fhir.outcome import BadRequest, Conflict, NotFound
from server.services import Services
from server.store.shelf import Record

VERDICTS: Mapping[str, tuple[str, ...]] = {
    APPROVED: (PENDING, APPROVED, SUSPENDED, REFUSED),
    REFUSED: (PENDING,),
    SUSPENDED: (APPROVED,),
}
"""What can be decided, and of clients of which status."""
_LIMITS = ("scope", "region", "labels", "masks", "may_introspect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What `by` decided on the client as of `revision`, why, and within which `limits`.

    `limits` are fields of the client: scope, region, labels, masks, may_introspect, organization,
    division, purpose_of_use. What is left out stays.
    """

    status: str
    by: Caller
    revision: str | None
    note: str = ""
    address: str | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)


def waiting(record: Record) -> bool:
    """Tell whether somebody has to look at a client, or at its new keys."""
    return record["status"] == PENDING or record.get("proposed") is not None


def decide(services: Services, client_id: str, verdict: Verdict) -> Record:
    """Carry out `verdict`; return the client as it is then.

    Raises NotFound if there is no such client, BadRequest if that cannot be decided of it,
    Conflict if it has changed since it was looked at.
    """
    shelf = services.store.shelf(shelves.CLIENTS)
    record = shelf.find(client_id)
    if record is None:
        raise NotFound.because("client-unknown")
    if record["status"] not in VERDICTS.get(verdict.status, ()):
        raise BadRequest.because("client-verdict")
    seen = {"revision": verdict.revision, "status": record["status"]}
    decided = shelf.change(client_id, _decided(record, verdict), seen)
    if decided is None:
        raise Conflict.because("client-changed")
    if verdict.status != APPROVED or _is_less(decided, record):
        enrolment.silence(services, client_id)
    else:
        services.trail.bump()  # what is known of its tokens may be wrong now
    noted(services, decided, verdict.status, by=verdict.by, address=verdict.address)
    return decided


def _decided(record: Record, verdict: Verdict) -> dict[str, Any]:
    review = {
        "by": {"reference": verdict.by.account, "name": verdict.by.person.name},
        "at": datetime.now(UTC),
        "note": verdict.note,
    }
    values: dict[str, Any] = {"status": verdict.status, "reviewed": review}
    if verdict.status == APPROVED:
        values |= {**verdict.limits, **(record.get("proposed") or {}), "proposed": None}
    elif verdict.status == REFUSED:
        values["proposed"] = None
    return values


def _is_less(now: Record, before: Record) -> bool:
    """Tell whether the limits of a client are others than they were, and so perhaps closer."""
    if before["status"] != APPROVED:
        return False  # it had no tokens
    wider = scopes.parse(now["scope"]).cover(scopes.parse(before["scope"]))
    return not wider or any(now.get(one) != before.get(one) for one in _LIMITS if one != "scope")


def noted(
    services: Services,
    record: Record,
    what: str,
    *,
    by: Caller | None = None,
    address: str | None = None,
) -> None:
    """Have the trail know what became of a client, and by whom: itself, if nobody is named."""
    client = Party(record["id"], record["name"])
    services.trail.append(
        Event(
            act=CLIENT_CHANGED,
            caller=by or Caller(kind="system", client=client, purpose="HSYSADMIN"),
            address=address,
            facts=(("client", record["id"]), ("name", record["name"]), ("what", what)),
        )
    )
