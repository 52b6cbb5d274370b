"""The page of whom a resident may act for, and who may act for them: children and proxies.

Spec: Personal Information Protection Law articles 29 to 31;
https://hl7.org/fhir/R4/relatedperson.html
"""

from collections.abc import Callable, Mapping
from datetime import date, tzinfo

from flask import Blueprint, Response, request

from server.audit.event import own
from server.fhir.outcome import FhirError, Issue
from server.identity import bonds, people
from server.identity.access import caller_of
from server.identity.sessions import Session
from server.identity.throttle import Throttle
from server.portal import trace
from server.portal.pages import page, say, see_other
from server.portal.register import claim, described, named
from server.portal.session import address, require_role, require_signed_in
from server.profiles.identity_numbers import residents
from server.services import Services
from server.store.shelf import Record

_RELATIONS = {"guardian": "persons-guardian", "proxy": "persons-proxy"}
_STATUSES = {
    "active": "persons-status-active",
    "pending": "persons-status-pending",
    "refused": "persons-status-refused",
    "over": "persons-status-over",
}


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/me/persons``."""
    blueprint = Blueprint("persons", __name__)
    trace.recorded(blueprint, services)

    @blueprint.get("/me/persons")
    def shown() -> Response:
        return _shown(services(), _resident())

    @blueprint.post("/me/persons/child")
    def child() -> Response:
        return _child(services(), _resident())

    @blueprint.post("/me/persons/proxy")
    def proxy() -> Response:
        return _proxy(services(), _resident())

    @blueprint.post("/me/persons/<id>/end")
    def ended(id: str) -> Response:
        session = _resident()
        bond = bonds.end(services(), session.account, id)
        note(services(), session, bond, "bond-ended", "D")
        services().trail.bump()
        return see_other("/me/persons")

    return blueprint


def _resident() -> Session:
    session = require_signed_in()
    if session.account["kind"] != "resident":
        return require_role("resident")  # which no member of staff has
    return session


def _shown(
    services: Services, session: Session, at: str = "", faults: Mapping[str, Issue] | None = None
) -> Response:
    """Show who acts for whom; `faults` are those of the form named `at`."""
    zone = services.interpreters.zone
    return page(
        "persons.html",
        session,
        faults=faults,
        mine=[_as_of_today(bond, zone) for bond in bonds.mine(services, session.account)],
        given_away=bonds.given(services, session.account),
        relations={relation: say(key) for relation, key in _RELATIONS.items()},
        statuses={status: say(key) for status, key in _STATUSES.items()},
        at=at,
        given=request.form,
        day=lambda when: when.astimezone(zone).date().isoformat(),
    )


def _as_of_today(bond: Record, zone: tzinfo) -> Record:
    """Return `bond` with the status that its child's age gives it."""
    is_over = bond["status"] == "active" and not people.is_in_force(bond, zone)
    return {**bond, "status": "over"} if is_over else bond


def _child(services: Services, session: Session) -> Response:
    faults = described()
    if not faults:
        Throttle(services).attempt("code", f"child {session.account['id']}")
        try:
            bond = bonds.ask_guardian(services, session.account, claim(), address())
        except FhirError as refused:
            faults = {"number": refused.issues[0]}
        else:
            note(services, session, bond, "guardian-asked", "C")
            return see_other("/me/persons")
    return _shown(services, session, "child", faults)


def _proxy(services: Services, session: Session) -> Response:
    faults = named()
    try:
        until = date.fromisoformat(request.form.get("until", ""))
    except ValueError:
        faults["until"] = Issue("value", "register-born-malformed")
    if not faults:
        holder = (residents.normal(request.form["number"]), request.form["name"].strip())
        Throttle(services).attempt("code", f"proxy {session.account['id']}")
        try:
            bond = bonds.give_proxy(services, session.account, holder, until)
        except FhirError as refused:
            issue = refused.issues[0]
            faults = {issue.expression or "number": issue}
        else:
            note(services, session, bond, "proxy-given", "C")
            return see_other("/me/persons")
    return _shown(services, session, "proxy", faults)


def note(services: Services, session: Session, bond: Record, what: str, action: str) -> None:
    """Record what was done about a bond."""
    caller = caller_of(
        session.account, "PATRQT" if session.account["kind"] == "resident" else "HOPERAT"
    )
    facts = (("bond", bond["id"]), ("relation", bond["relation"]))
    trace.note(services, caller, own(what, action), concerned=(bond["patient"],), facts=facts)
