"""The review of a client: what an administrator decides, and what follows from it.

Whoever registered a client does not approve it, and only what was looked at is approved. Each
decision stays in the client's record and in the trail; one that takes rights away ends every
token at once.

Spec: 人口健康信息管理办法(试行) articles 11, 14 (R1.11, R1.14); https://www.rfc-editor.org/rfc/rfc7591
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from server.access.caller import Caller
from server.audit.event import CLIENT_CHANGED, Event
from server.auth import amending, shelves
from server.auth.tokens import Tokens
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What `caller` decides of a client, and why; `terms` are what it is approved for.

    `mark` is that of what was looked at (`amending.mark`). `address` and `request` are as in Event.
    """

    verdict: Verdict
    caller: Caller
    note: str
    mark: str | None
    terms: Mapping[str, Any] = field(default_factory=dict)
    address: str | None = None
    request: str = ""


def decide(services: Services, id: str, decision: Decision) -> Record:
    """Give the client its new status, and what it is approved for; return it.

    Raises NotFound if there is none, Forbidden if the caller registered it, Conflict if it is not
    any more what was looked at, or cannot become that.
    """
    shelf, caller = services.store.shelf(shelves.CLIENTS), decision.caller
    client = shelf.find(id)
    if client is None:
        raise NotFound.because("client-unknown")
    if decision.verdict == "approved" and caller.account is not None:
        _require_another(services, client, decision)
    if decision.verdict not in VERDICTS[client["status"]]:
        raise Conflict.because("client-changed")
    _note(services, id, decision)
    values = {"status": decision.verdict, "reviews": [*client.get("reviews", ()), _entry(decision)]}
    if decision.verdict == "approved":
        values = {**amending.approved(client), **decision.terms, **values}
    where = {"status": client["status"], "mark": decision.mark}
    changed = shelf.change(id, values, where)
    if changed is None:
        raise Conflict.because("client-changed")
    if decision.verdict == "approved":
        services.trail.bump()
    else:
        Tokens.of(services).revoke_all("client", id)
    return changed


def _require_another(services: Services, client: Record, decision: Decision) -> None:
    """Raise Forbidden, and record it, if whoever decides registered the client."""
    if client.get("registered_by") == decision.caller.account:
        _note(services, client["id"], decision, reason="client-own")
        raise Forbidden.because("client-own")


def _entry(decision: Decision) -> dict[str, Any]:
    return {
        "by": decision.caller.person.name,
        "account": decision.caller.account,
        "at": datetime.now(UTC),
        "verdict": decision.verdict,
        "note": decision.note,
        "scope": decision.terms.get("scope"),
    }


def _note(services: Services, id: str, decision: Decision, reason: str | None = None) -> None:
    facts = [("client", id), ("verdict", decision.verdict)]
    if "scope" in decision.terms:
        facts.append(("scope", decision.terms["scope"]))
    services.trail.append(
        Event(
            act=CLIENT_CHANGED,
            caller=decision.caller,
            outcome="4" if reason else "0",
            reason=reason,
            address=decision.address,
            request=decision.request,
            facts=tuple(facts),
        )
    )
