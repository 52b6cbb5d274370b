"""Whom a resident may act for, and who may act for them: children and proxies.

Spec: Personal Information Protection Law articles 29 to 31;
https://hl7.org/fhir/R4/relatedperson.html
"""

from collections.abc import Callable
from datetime import date

from flask import Blueprint, Response, redirect, request

from server.audit.event import own
from server.fhir.outcome import FhirError
from server.identity import bonds, real_name
from server.identity.access import caller_of
from server.identity.sessions import Session
from server.identity.throttle import Throttle
from server.portal import trace
from server.portal.pages import language, page, say
from server.portal.register import described
from server.portal.session import require_csrf, require_role, require_signed_in
from server.services import Services
from server.store.shelf import Record

_REGISTRAR = "registrar"


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/me/persons`` and, for registrars, ``/guardians``."""
    blueprint = Blueprint("persons", __name__)

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

    _confirming(blueprint, services)
    return blueprint


def _confirming(blueprint: Blueprint, services: Callable[[], Services]) -> None:
    @blueprint.get("/guardians")
    def waiting() -> Response:
        session = require_role(_REGISTRAR)
        return page("guardians.html", session, waiting=bonds.waiting(services()))

    @blueprint.post("/guardians/<id>")
    def decided(id: str) -> Response:
        session = require_role(_REGISTRAR)
        require_csrf(session)
        verdict = "active" if request.form.get("verdict") == "active" else "refused"
        bond = bonds.decide(services(), id, "active" if verdict == "active" else "refused")
        _note(services(), session, bond, f"guardian-{verdict}", "U")
        return redirect("/guardians", 303)  # type: ignore[return-value]


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
        mine=bonds.mine(services, session.account),
        given_away=bonds.given(services, session.account),
        faults=faults,
        form=request.form,
        relations={"guardian": say("persons-guardian"), "proxy": say("persons-proxy")},
        statuses={
            "active": say("persons-status-active"),
            "pending": say("persons-status-pending"),
            "refused": say("persons-status-refused"),
        },
        day=lambda when: when.astimezone(zone).date().isoformat(),
    )


def _child(services: Services, session: Session) -> Response:
    faults = described()
    if not faults:
        Throttle(services).attempt("code", f"child {session.account['id']}")
        number = real_name.normal(request.form["number"])
        try:
            bond = bonds.ask_guardian(
                services,
                session.account,
                number,
                request.form["name"].strip(),
                request.form["born"],
            )
        except FhirError as refused:
            faults = {"number": refused.issues[0].text(language())}
        else:
            _note(services, session, bond, "guardian-asked", "C")
            return redirect("/me/persons", 303)  # type: ignore[return-value]
    return _shown(services, session, {"child": faults})


def _proxy(services: Services, session: Session) -> Response:
    number = real_name.normal(request.form.get("number", ""))
    faults: dict[str, str] = {}
    if not real_name.is_number(number):
        faults["number"] = say("register-number-malformed")
    try:
        until = date.fromisoformat(request.form.get("until", ""))
    except ValueError:
        faults["until"] = say("register-born-malformed")
    if not faults:
        Throttle(services).attempt("code", f"proxy {session.account['id']}")
        try:
            bond = bonds.give_proxy(services, session.account, number, until)
        except FhirError as refused:
            faults = {"number": refused.issues[0].text(language())}
        else:
            _note(services, session, bond, "proxy-given", "C")
            return redirect("/me/persons", 303)  # type: ignore[return-value]
    return _shown(services, session, {"proxy": faults})


def _note(services: Services, session: Session, bond: Record, what: str, action: str) -> None:
    caller = caller_of(
        session.account, "PATRQT" if session.account["kind"] == "resident" else "TREAT"
    )
    facts = (("bond", bond["id"]), ("relation", bond["relation"]))
    trace.note(services, caller, own(what, action), concerned=(bond["patient"],), facts=facts)
