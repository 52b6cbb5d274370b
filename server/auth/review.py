"""The review of a client: what an administrator decides, and what follows from it.

Whoever registered a client does not approve it, and what is approved is what was looked at: a
client that has said something else meanwhile is looked at again. Each decision stays in the
client's record and in the trail; one that takes rights away ends every token at once.

Spec: 人口健康信息管理办法(试行) articles 11, 14 (R1.11, R1.14); https://www.rfc-editor.org/rfc/rfc7591
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from server.access import divisions, scopes
from server.access.caller import Caller, Party
from server.audit.event import CLIENT_CHANGED, Event
from server.auth import enrolment, shelves
from server.content import TERMINOLOGY
from server.fhir.outcome import Conflict, Forbidden, NotFound
from server.search import sensitivity
from server.services import Services
from server.store.shelf import Record

Verdict = Literal["approved", "refused", "suspended"]
VERDICTS: tuple[Verdict, ...] = ("approved", "refused", "suspended")
_ORGANIZATION = re.compile(r"Organization/[A-Za-z0-9.-]{1,64}")
PURPOSES = ("HOPERAT", "TREAT", "PUBHLTH", "HRESCH", "HPAYMT")
"""What a system may use data for, as v3-PurposeOfUse says it; the first unless told."""
_LIMITS = ("region", "labels", "masks", "may_introspect")


@dataclass(frozen=True, slots=True)
class Faulty(Exception):
    """The decision cannot be taken as it is; `fields` are those that are wrong."""

    fields: tuple[str, ...]


def waiting(client: Record) -> bool:
    """Tell whether somebody has to look at a client, or at new keys of one that is approved."""
    return client["status"] == enrolment.PENDING or client.get("proposed") is not None


def terms(services: Services, form: Mapping[str, str], client: Record) -> dict[str, Any]:
    """Return what the client is approved for, as `form` says it.

    scope: the most it may be granted; organization, organization_name, division: whom it acts for;
    limited: ``yes`` if it sees only what is theirs; labels: sensitive data that a system may see;
    hidden, masked: elements such as ``Patient.telecom``; introspect: ``yes``; purpose_of_use:
    what for. Raises Faulty.
    """
    asked = scopes.parse(form.get("scope", ""))
    organization, division = form.get("organization", ""), form.get("division", "")
    labels = form.get("labels", "").split()
    purpose = form.get("purpose_of_use") or PURPOSES[0]
    hidden, masked = form.get("hidden", "").split(), form.get("masked", "").split()
    wrong = {
        "scope": bool(asked.malformed) or not asked.clinical or not _fits(asked, client),
        "organization": bool(organization) and not _ORGANIZATION.fullmatch(organization),
        "division": bool(division) and not divisions.is_code(division),
        "limited": form.get("limited") == "yes" and not (organization or division),
        "labels": not set(labels) <= set(sensitivity.declared(TERMINOLOGY)),
        "purpose_of_use": purpose not in PURPOSES,
        "hidden": not all(_is_element(services, name) for name in hidden),
        "masked": not all(_is_element(services, name) for name in masked),
    }
    if faults := tuple(name for name, is_wrong in wrong.items() if is_wrong):
        raise Faulty(faults)
    unit = {"reference": organization, "name": form.get("organization_name", "") or organization}
    region = {
        "divisions": [division] if division else [],
        "organizations": [organization] if organization else [],
    }
    return {
        "scope": asked.text,
        "organization": unit if organization else None,
        "division": division or None,
        "region": region if form.get("limited") == "yes" else None,
        "labels": labels,
        "masks": _masks(hidden, masked),
        "purpose_of_use": purpose if client["kind"] == "backend" else None,
        "may_introspect": form.get("introspect") == "yes",
    }


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
    changed since it was looked at.
    """
    shelf, caller = services.store.shelf(shelves.CLIENTS), decision.caller
    client = shelf.find(id)
    if client is None:
        raise NotFound.because("client-unknown")
    if caller.account is not None and client.get("registered_by") == caller.account:
        raise Forbidden.because("client-own")
    entry = {
        "by": caller.person.name,
        "at": datetime.now(UTC),
        "verdict": decision.verdict,
        "note": decision.note,
    }
    reviews = [*client.get("reviews", ()), entry]
    values = {**decision.terms, "status": decision.verdict, "reviews": reviews}
    if decision.verdict == "approved":
        values |= {**(client.get("proposed") or {}), "proposed": None}
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


def noted(
    services: Services,
    client: Record,
    what: str,
    *,
    by: Caller | None = None,
    address: str | None = None,
) -> None:
    """Have the trail know what became of a client, and by whom: itself, if nobody is named."""
    itself = Caller(kind="system", client=Party(client["id"], client["name"]), purpose="HSYSADMIN")
    facts = (("client", client["id"]), ("name", client["name"]), ("what", what))
    services.trail.append(
        Event(act=CLIENT_CHANGED, caller=by or itself, address=address, facts=facts)
    )


def _is_less(now: Record, before: Record) -> bool:
    """Tell whether the limits of a client are others than they were, and so perhaps closer."""
    is_covered = scopes.parse(now["scope"]).cover(scopes.parse(before["scope"]))
    return not is_covered or any(now.get(one) != before.get(one) for one in _LIMITS)


def _is_element(services: Services, name: str) -> bool:
    """Tell whether `name` is that of an element of a type, such as ``Patient.telecom``."""
    type, _, element = name.partition(".")
    known = services.interpreters.definitions.elements
    return type in services.interpreters.types and element in {
        one.removesuffix("[x]") for one in known[type]
    }


def _fits(asked: scopes.Scopes, client: Record) -> bool:
    is_system = client["kind"] == "backend"
    return all((scope.level == "system") == is_system for scope in asked.clinical)


def _masks(hidden: list[str], masked: list[str]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for how, names in (("hidden", hidden), ("masked", masked)):
        for name in names:
            type, _, element = name.partition(".")
            found.setdefault(type, {"hidden": [], "masked": []})[how].append(element)
    return found
