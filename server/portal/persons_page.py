"""Whom a resident may act for, and who may act for them: children and proxies.

Spec: Personal Information Protection Law articles 29 to 31;
https://hl7.org/fhir/R4/relatedperson.html
"""

from collections.abc import Callable
from datetime import date, tzinfo

from flask import Blueprint, Response, redirect, request

from server.audit.event import own
from server.fhir.outcome import FhirError, NotFound
from server.identity import access, bonds, people, real_name
from server.identity.access import caller_of
from server.identity.sessions import Session
from server.identity.throttle import Throttle
from server.portal import trace
from server.portal.pages import language, page, say
from server.portal.register import LONGEST_NAME, claim, described
from server.portal.session import address, require_csrf, require_role, require_signed_in
from server.services import Services
from server.store.shelf import Record

_REGISTRAR = "registrar"
_RELATIONS = {"guardian": "persons-guardian", "proxy": "persons-proxy"}
_STATUSES = {
    "active": "persons-status-active",
    "pending": "persons-status-pending",
    "refused": "persons-status-refused",
    "over": "persons-status-over",
}
_TOGETHER = 50
"""So many children are looked up at a time."""


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/me/persons`` and, for registrars, ``/guardians``."""
    blueprint = Blueprint("persons", __name__)
    trace.recorded(blueprint, services)

    @blueprint.get("/me/persons")
    def shown() -> Response:
        return _shown(services(), _resident(), {})

    @blueprint.post("/me/persons/child")
    def child() -> Response:
        session = _resident()
        require_csrf(session)
        return _child(services(), session)

    @blueprint.post("/me/persons/proxy")
    def proxy() -> Response:
        session = _resident()
        require_csrf(session)
        return _proxy(services(), session)

    @blueprint.post("/me/persons/<id>/end")
    def ended(id: str) -> Response:
        session = _resident()
        require_csrf(session)
        bond = bonds.end(services(), session.account, id)
        _note(services(), session, bond, "bond-ended", "D")
        services().trail.bump()
        return redirect("/me/persons", 303)  # type: ignore[return-value]

    _for_registrars(blueprint, services)
    return blueprint


def _for_registrars(blueprint: Blueprint, services: Callable[[], Services]) -> None:
    @blueprint.get("/guardians")
    def waiting() -> Response:
        session = require_role(_REGISTRAR)
        return page("guardians.html", session, waiting=_waiting(services(), session))

    @blueprint.post("/guardians/<id>")
    def decided(id: str) -> Response:
        session = require_role(_REGISTRAR)
        require_csrf(session)
        if id not in {bond["id"] for bond in _waiting(services(), session)}:
            raise NotFound.because("bond-unknown")
        is_one = request.form.get("verdict") == "active"
        bond = bonds.decide(services(), id, "active" if is_one else "refused", session.account)
        _note(services(), session, bond, f"guardian-{bond['status']}", "U")
        return redirect("/guardians", 303)  # type: ignore[return-value]


def _waiting(services: Services, session: Session) -> list[Record]:
    """Return the guardians to confirm of children whose record this registrar may see."""
    desk = trace.desk(services, access.of(services, session, purpose="HOPERAT"))
    waiting = bonds.waiting(services)
    seen = set[str]()
    for start in range(0, len(waiting), _TOGETHER):
        ids = {bond["patient"].partition("/")[2] for bond in waiting[start : start + _TOGETHER]}
        query = (("_id", ",".join(sorted(ids))), ("_count", str(_TOGETHER)))
        seen |= {f"Patient/{one['id']}" for one in desk.search("Patient", query).matches}
    return [bond for bond in waiting if bond["patient"] in seen]


def _resident() -> Session:
    session = require_signed_in()
    if session.account["kind"] != "resident":
        return require_role("resident")  # which no member of staff has
    return session


def _shown(services: Services, session: Session, faults: dict[str, dict[str, str]]) -> Response:
    zone = services.interpreters.zone
    return page(
        "persons.html",
        session,
        422 if faults else 200,
        mine=[_as_of_today(bond, zone) for bond in bonds.mine(services, session.account)],
        given_away=bonds.given(services, session.account),
        relations={relation: say(key) for relation, key in _RELATIONS.items()},
        statuses={status: say(key) for status, key in _STATUSES.items()},
        faults=faults,
        form=request.form,
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
            faults = {"number": refused.issues[0].text(language())}
        else:
            _note(services, session, bond, "guardian-asked", "C")
            return redirect("/me/persons", 303)  # type: ignore[return-value]
    return _shown(services, session, {"child": faults})


def _proxy(services: Services, session: Session) -> Response:
    number = real_name.normal(request.form.get("number", ""))
    faults: dict[str, str] = {}
    name = request.form.get("name", "").strip()
    if not real_name.is_number(number):
        faults["number"] = say("register-number-malformed")
    if not 0 < len(name) <= LONGEST_NAME:
        faults["name"] = say("form-missing")
    try:
        until = date.fromisoformat(request.form.get("until", ""))
    except ValueError:
        faults["until"] = say("register-born-malformed")
    if not faults:
        Throttle(services).attempt("code", f"proxy {session.account['id']}")
        try:
            bond = bonds.give_proxy(services, session.account, (number, name), until)
        except FhirError as refused:
            issue = refused.issues[0]
            faults = {issue.expression or "number": issue.text(language())}
        else:
            _note(services, session, bond, "proxy-given", "C")
            return redirect("/me/persons", 303)  # type: ignore[return-value]
    return _shown(services, session, {"proxy": faults})


def _note(services: Services, session: Session, bond: Record, what: str, action: str) -> None:
    caller = caller_of(
        session.account, "PATRQT" if session.account["kind"] == "resident" else "HOPERAT"
    )
    facts = (("bond", bond["id"]), ("relation", bond["relation"]))
    trace.note(services, caller, own(what, action), concerned=(bond["patient"],), facts=facts)
