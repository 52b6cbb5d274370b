"""The review of a client: what an administrator decides, and what follows from it.

Whoever registered a client does not approve it, and what is approved is what was looked at: a
client that has said something else meanwhile is looked at again. Each decision stays in the
client's record and in the trail; one that takes rights away ends every token at once.

Spec: 人口健康信息管理办法(试行) articles 11, 14 (R1.11, R1.14); https://www.rfc-editor.org/rfc/rfc7591
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from server.access import scopes
from server.access.caller import Caller
from server.audit.event import CLIENT_CHANGED, Event
from server.auth import amending, clients, enrolment, shelves
from server.fhir.outcome import Conflict, Forbidden, NotFound
from server.services import Services
from server.store.shelf import Record

Verdict = Literal["approved", "refused", "suspended"]
VERDICTS: Mapping[str, tuple[Verdict, ...]] = {
    "pending": ("approved", "refused"),
    "approved": ("approved", "suspended"),
    "suspended": ("approved", "refused"),
    "refused": ("approved",),
}
"""What may become of a client, by its status."""
_LIMITS = ("region", "labels", "masks", "may_introspect")
_OWN = "client-own"


@dataclass(frozen=True, slots=True)
class Decision:
    """What `caller` decides of a client as of `revision`, and why.

    `terms` are what it is approved for.
    """

    verdict: Verdict
    caller: Caller
    note: str
    revision: str | None
    terms: Mapping[str, Any] = field(default_factory=dict)
    address: str | None = None


def decide(services: Services, id: str, decision: Decision) -> Record:
    """Give the client its new status, and what it is approved for; return it.

    Raises NotFound if there is none, Forbidden if the caller registered it, Conflict if it has
    changed since it was looked at, or cannot become that.
    """
    shelf, caller = services.store.shelf(shelves.CLIENTS), decision.caller
    client = shelf.find(id)
    if client is None:
        raise NotFound.because("client-unknown")
    if decision.verdict not in VERDICTS[client["status"]]:
        raise Conflict.because("client-changed")
    is_own = caller.account is not None and client.get("registered_by") == caller.account
    if is_own and decision.verdict == "approved":
        noted(services, client, decision.verdict, by=caller, address=decision.address, refused=_OWN)
        raise Forbidden.because(_OWN)
    values = {"status": decision.verdict, "reviews": [*client.get("reviews", ()), _entry(decision)]}
    if decision.verdict == "approved":
        values = {**amending.approved(client), **decision.terms, **values}
    seen = {"revision": decision.revision, "status": client["status"]}
    changed = shelf.change(id, values, seen)
    if changed is None:
        raise Conflict.because("client-changed")
    noted(services, changed, decision.verdict, by=caller, address=decision.address)
    if decision.verdict != "approved" or _is_less(changed, client):
        enrolment.silence(services, id)
    else:
        services.trail.bump()
    return changed


def noted(  # noqa: PLR0913  # an event is all of these
    services: Services,
    client: Record,
    what: str,
    *,
    by: Caller | None = None,
    address: str | None = None,
    refused: str | None = None,
) -> None:
    """Have the trail know what became of a client, and by whom: itself, if nobody is named."""
    facts = [("client", client["id"]), ("name", client["name"]), ("what", what)]
    if what == "approved":
        facts.append(("scope", client.get("scope", "")))
    services.trail.append(
        Event(
            act=CLIENT_CHANGED,
            caller=by or clients.itself(client),
            address=address,
            facts=tuple(facts),
            outcome="4" if refused else "0",
            reason=refused,
        )
    )


def _entry(decision: Decision) -> dict[str, Any]:
    return {
        "by": decision.caller.person.name,
        "account": decision.caller.account,
        "at": datetime.now(UTC),
        "verdict": decision.verdict,
        "note": decision.note,
        "scope": decision.terms.get("scope"),
    }


def _is_less(now: Record, before: Record) -> bool:
    """Tell whether the limits of a client are others than they were, and so perhaps closer."""
    is_covered = scopes.parse(now["scope"]).cover(scopes.parse(before["scope"]))
    return not is_covered or any(now.get(one) != before.get(one) for one in _LIMITS)
