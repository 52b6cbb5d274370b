"""The pages on which a clinician breaks the glass, and sees the record behind it."""

import re
from collections.abc import Callable, Mapping

from flask import Blueprint, Response, redirect, request

from server.audit.event import EMERGENCY_BEGUN
from server.fhir.outcome import Issue, NotFound
from server.identity import emergency, internal
from server.identity.sessions import Session
from server.identity.throttle import Throttle
from server.portal import overview, trace
from server.portal.desk import Desk
from server.portal.pages import language, page, say
from server.portal.session import require_csrf
from server.portal.trace import recorded
from server.portal.visitor import name, staff
from server.portal.words import moment
from server.records import forms
from server.records.forms import Text
from server.services import Services

_ROLE = "clinician"
_SYSTEM = "urn:oid:2.16.156.10011.1.3"
_NUMBER = re.compile(r"[1-9][0-9]{16}[0-9X]")
_REASON = Text(least=8, most=500)


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/emergency``."""
    blueprint = Blueprint("emergency", __name__)
    recorded(blueprint, services)

    @blueprint.get("/emergency")
    def asked() -> Response:
        session, _ = staff(services(), _ROLE, emergency.PURPOSE)
        return _form(services(), session)

    @blueprint.post("/emergency")
    def begun() -> Response:
        require_csrf()
        session, desk = staff(services(), _ROLE, emergency.PURPOSE)
        return _begun(services(), session, desk)

    @blueprint.get("/emergency/<id>")
    def record(id: str) -> Response:
        session, desk = staff(services(), _ROLE, emergency.PURPOSE)
        return _record(services(), session, desk, id)

    return blueprint


def _begun(services: Services, session: Session, desk: Desk) -> Response:
    number = request.form.get("number", "").strip().upper()
    faults: dict[str, Issue] = {}
    reason = ""
    try:
        reason = forms.texts(request.form, reason=_REASON)["reason"]
    except forms.Refused as refused:
        faults |= refused.faults
    if not _NUMBER.fullmatch(number):
        faults["number"] = Issue("value", "emergency-number-malformed")
    if request.form.get("understood") != "yes":
        faults["understood"] = Issue("required", "emergency-not-understood")
    if faults:
        return _form(services, session, faults)
    caller = desk.access.caller
    # An ID number is looked up whoever's it is: nobody tries out many.
    Throttle(services).attempt("emergency", session.account["id"])
    finder = trace.desk(services, internal.finder(services, caller))
    found = finder.search("Patient", (("identifier", f"{_SYSTEM}|{number}"), ("_count", "2")))
    if len(found.matches) != 1:
        return _form(services, session, {"number": Issue("not-found", "emergency-nobody")})
    patient = f"Patient/{found.matches[0]['id']}"
    begun = emergency.begin(services, session.account, patient, reason)
    facts = (("emergency", begun.id),)
    trace.note(services, caller, EMERGENCY_BEGUN, concerned=(patient,), facts=facts)
    return redirect(f"/emergency/{begun.id}", 303)  # type: ignore[return-value]


def _form(
    services: Services, session: Session, faults: Mapping[str, Issue] | None = None
) -> Response:
    zone = services.interpreters.zone
    return page(
        "emergency.html",
        session,
        422 if faults else 200,
        given=request.form,
        faults={at: fault.text(language()) for at, fault in (faults or {}).items()},
        minutes=int(emergency.LASTS.total_seconds() // 60),
        least=_REASON.least,
        mine=emergency.of_account(services, session.account)[:20],
        moment=lambda when: moment(when.isoformat(), zone),
        statuses=statuses(),
    )


def _record(services: Services, session: Session, desk: Desk, id: str) -> Response:
    """Show the record behind the glass, as long as it lasts."""
    mine = emergency.of_account(services, session.account)
    one = next((each for each in mine if each.id == id and each.in_force), None)
    if one is None:
        raise NotFound.because("emergency-unknown")
    patient = desk.read("Patient", one.patient.partition("/")[2])
    zone = services.interpreters.zone
    return page(
        "emergency-record.html",
        session,
        name=name(patient),
        patient=patient,
        emergency=one,
        moment=lambda when: moment(when.isoformat(), zone),
        **overview.parts(desk, one.patient, zone, few=20),
    )


def statuses() -> dict[str, str]:
    """Return in words how far the review of an emergency access is."""
    return {
        "open": say("emergency-status-open"),
        "justified": say("emergency-status-justified"),
        "unjustified": say("emergency-status-unjustified"),
    }
