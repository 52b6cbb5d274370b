"""The review of a client: what an administrator decides, and what follows from it.

Whoever registered a client does not approve it. Each decision stays in the client's record and in
the trail; one that takes rights away ends every token at once.

Spec: 人口健康信息管理办法(试行) articles 11, 14 (R1.11, R1.14); https://www.rfc-editor.org/rfc/rfc7591
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from server.access import divisions, scopes
from server.access.caller import Caller
from server.audit.event import CLIENT_CHANGED, Event
from server.auth import shelves
from server.auth.tokens import Tokens
from server.content import TERMINOLOGY
from server.fhir.outcome import Forbidden, NotFound
from server.search import sensitivity
from server.services import Services
from server.store.shelf import Record

Verdict = Literal["approved", "refused", "suspended"]
VERDICTS: tuple[Verdict, ...] = ("approved", "refused", "suspended")
_ORGANIZATION = re.compile(r"Organization/[A-Za-z0-9.-]{1,64}")
_ELEMENT = re.compile(r"([A-Z][A-Za-z]+)\.([a-z][A-Za-z]*)")


@dataclass(frozen=True, slots=True)
class Faulty(Exception):
    """The decision cannot be taken as it is; `fields` are those that are wrong."""

    fields: tuple[str, ...]


def terms(form: Mapping[str, str], client: Record) -> dict[str, Any]:
    """Return what the client is approved for, as `form` says it.

    scope: the most it may be granted; organization, organization_name, division: whom it acts for;
    limited: ``yes`` if it sees only what is theirs; labels: sensitive data that a system may see;
    hidden, masked: elements such as ``Patient.telecom``; introspect: ``yes``. Raises Faulty.
    """
    asked = scopes.parse(form.get("scope", ""))
    organization, division = form.get("organization", ""), form.get("division", "")
    labels = form.get("labels", "").split()
    hidden, masked = form.get("hidden", "").split(), form.get("masked", "").split()
    wrong = {
        "scope": bool(asked.malformed) or not asked.clinical or not _fits(asked, client),
        "organization": bool(organization) and not _ORGANIZATION.fullmatch(organization),
        "division": bool(division) and not divisions.is_code(division),
        "limited": form.get("limited") == "yes" and not (organization or division),
        "labels": not set(labels) <= set(sensitivity.declared(TERMINOLOGY)),
        "hidden": not all(map(_ELEMENT.fullmatch, hidden)),
        "masked": not all(map(_ELEMENT.fullmatch, masked)),
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
        "may_introspect": form.get("introspect") == "yes",
    }


@dataclass(frozen=True, slots=True)
class Decision:
    """What `caller` decides of a client, and why; `terms` are what it is approved for."""

    verdict: Verdict
    caller: Caller
    note: str
    terms: Mapping[str, Any] = field(default_factory=dict)


def decide(services: Services, id: str, decision: Decision) -> Record:
    """Give the client its new status, and what it is approved for; return it.

    Raises NotFound if there is none, Forbidden if the caller registered it.
    """
    shelf, caller = services.store.shelf(shelves.CLIENTS), decision.caller
    client = shelf.find(id)
    if client is None:
        raise NotFound.because("client-unknown")
    if caller.account is not None and client.get("registered_by") == caller.account:
        raise Forbidden.because("client-own")
    facts = (("client", id), ("verdict", decision.verdict))
    services.trail.append(Event(act=CLIENT_CHANGED, caller=caller, facts=facts))
    entry = {
        "by": caller.person.name,
        "at": datetime.now(UTC),
        "verdict": decision.verdict,
        "note": decision.note,
    }
    reviews = [*client.get("reviews", ()), entry]
    values = {**decision.terms, "status": decision.verdict, "reviews": reviews}
    changed = shelf.change(id, values) or client
    if decision.verdict != "approved":
        tokens = Tokens(services.store.shelf(shelves.TOKENS), services.trail.bump)
        tokens.revoke_all("client", id)
    else:
        services.trail.bump()
    return changed


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
