"""The page of a resident's authorisations, where they are withdrawn and sharing is limited.

It is the management endpoint of SMART App Launch.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#management
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request

from server.access import categories
from server.access.scopes import parse
from server.audit.event import own
from server.auth import consents
from server.auth.shelves import CLIENTS, GRANTS, RECEIPTS
from server.content import PROFILES
from server.fhir.outcome import FhirError, NotFound
from server.identity import internal, limits
from server.portal import trace, words
from server.portal.desk import Desk
from server.portal.pages import language, page, say, see_other
from server.portal.trace import recorded
from server.portal.visitor import Visitor, resident
from server.services import Services
from server.store.belonging import ALL
from server.store.shelf import Record

_ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Grant:
    """One authorisation as it is shown; times as people write them."""

    id: str
    is_active: bool
    app: str
    legal_name: str
    purpose: str
    person: str
    scopes: tuple[str, ...]
    labels: tuple[str, ...]
    since: str
    until: str
    used: str
    text_digest: str
    consent: str


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/me/apps``."""
    blueprint = Blueprint("apps", __name__)
    recorded(blueprint, services)

    @blueprint.get("/me/apps")
    def shown() -> Response:
        return _shown(services(), resident(services()))

    @blueprint.get("/me/apps/<id>")
    def receipt(id: str) -> Response:
        who = resident(services())
        one = _told(services(), who, _own(services(), who, id))
        version = _version(who, one.consent)
        kept = services().store.shelf(RECEIPTS).find(id) or {}
        lines = kept.get("lines", [])
        return page(
            "receipt.html", who.session, who=who, one=one, consent_version=version, lines=lines
        )

    @blueprint.post("/me/apps/<id>/withdraw")
    def withdrawn(id: str) -> Response:
        who = resident(services())
        _own(services(), who, id)
        consents.withdraw(services(), id, who.desk.access.caller)
        return see_other("/me/apps?done=withdrawn")

    @blueprint.post("/me/apps/limits")
    def limited() -> Response:
        return _limited(services(), resident(services()))

    return blueprint


def _shown(services: Services, who: Visitor) -> Response:
    grants = [_told(services, who, one) for one in _grants(services, who)]
    return page(
        "apps.html",
        who.session,
        who=who,
        active=[one for one in grants if one.is_active],
        past=[one for one in grants if not one.is_active],
        kinds=words.sensitive(language()),
        all=ALL,
        limited=limits.in_force(services, who.desk.access.caller, who.person),
        done=request.args.get("done", ""),
    )


def _limited(services: Services, who: Visitor) -> Response:
    known = {ALL, *(label for label, _ in words.sensitive(language()))}
    asked = frozenset(request.form.getlist("label"))
    if not asked <= known:
        raise NotFound.because("page-missing")
    caller = who.desk.access.caller
    written = limits.change(services, caller, who.person, asked)
    if written:
        trace.note(services, caller, own("limits-changed", "U"), shown=written)
    return see_other(who.at("/me/apps", done="limited"))


def _grants(services: Services, who: Visitor) -> list[Record]:
    """Return the grants of this person: those they gave, and those that reach their record.

    Of those that are over the receipt is left.
    """
    found: dict[str, Record] = {}
    for shelf in (services.store.shelf(GRANTS), services.store.shelf(RECEIPTS)):
        given = shelf.all({"account": who.session.account["id"]}, newest="created")
        about = shelf.all({"patient": who.persons[0]}, newest="created")
        for one in (*given, *about):
            found.setdefault(one["id"], one)
    return list(found.values())


def _own(services: Services, who: Visitor, id: str) -> Record:
    for one in _grants(services, who):
        if one["id"] == id:
            return one
    raise NotFound.because("page-missing")


def _told(services: Services, who: Visitor, grant: Record) -> Grant:
    client: Mapping[str, Any] = services.store.shelf(CLIENTS).find(grant["client"]) or {}
    names = dict(words.sensitive(language()))
    zone = services.interpreters.zone

    def day(name: str) -> str:
        when = grant.get(name)
        return words.moment(when.isoformat(), zone) if isinstance(when, datetime) else ""

    return Grant(
        id=grant["id"],
        is_active=grant.get("status") == _ACTIVE,
        app=str(client.get("name") or grant["client"]),
        legal_name=str(client.get("legal_name") or ""),
        purpose=_purpose(client),
        person=_whose(who, str(grant.get("patient") or "")),
        scopes=tuple(scopes(services, str(grant.get("scope") or ""))),
        labels=tuple(names.get(label, label) for label in grant.get("labels") or ()),
        since=day("created"),
        until=day("expires_at") or day("until"),
        used=_used(services, who, grant),
        text_digest=str(grant.get("text_digest") or ""),
        consent=str(grant.get("consent") or ""),
    )


def _version(who: Visitor, consent: str) -> str:
    """Return the version of the Consent that the receipt is about, empty if it cannot be seen."""
    type, _, id = consent.partition("/")
    if type != "Consent":
        return ""
    try:
        return str(who.desk.read(type, id)["meta"]["versionId"])
    except FhirError:
        return ""


def _used(services: Services, who: Visitor, grant: Record) -> str:
    """Return when data of this person was last used with `grant`, as the trail knows."""
    patient = str(grant.get("patient"))
    if grant.get("status") != _ACTIVE or patient not in who.persons:
        return ""
    access = internal.trail_of(services, who.desk.access.caller, patient)
    query = (
        ("patient", patient),
        ("policy", f"urn:tongkang:grant:{grant['id']}"),
        ("_sort", "-date"),
        ("_count", "1"),
    )
    found = Desk(services, access, language()).search("AuditEvent", query).matches
    return words.moment(found[0]["recorded"], services.interpreters.zone) if found else ""


def _purpose(client: Mapping[str, Any]) -> str:
    purpose = client.get("purpose")
    return str(purpose.get(language(), "")) if isinstance(purpose, Mapping) else ""


def _whose(who: Visitor, patient: str) -> str:
    return who.names().get(patient, "") if patient != who.persons[0] else ""


def scopes(services: Services, scope: str) -> list[str]:
    """Return in words what the clinical scopes in `scope` let an app do."""
    known, roles = categories.load(PROFILES), services.interpreters.roles
    found: dict[str, None] = {}
    for one in parse(scope).clinical:
        name = known.names.get(known.of(one.type, roles), {}).get(language(), one.type)
        what = say("scope-everything") if one.type == "*" else name
        key = "scope-change" if one.letters & frozenset("cud") else "scope-read"
        found[say(key, what=what)] = None
    return list(found)
