"""The pages on which a clinician breaks the glass, and sees the record behind it."""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, request

from server.audit.event import EMERGENCY_BEGUN
from server.fhir.outcome import Issue, NotFound
from server.identity import emergency, internal
from server.identity.emergency import Emergency
from server.identity.sessions import Session
from server.identity.throttle import Throttle
from server.portal import overview, persons, trace
from server.portal.desk import Desk
from server.portal.pages import page, say, see_other
from server.portal.trace import recorded
from server.portal.visitor import staff
from server.profiles.identity_numbers import residents
from server.records import forms
from server.records.forms import Text
from server.services import Services

_ROLE = "clinician"
_REASON = Text(least=8, most=500)
_FEW, _SOME = 20, 50


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
        session, desk = staff(services(), _ROLE, emergency.PURPOSE)
        return _begun(services(), session, desk)

    @blueprint.get("/emergency/<id>")
    def record(id: str) -> Response:
        session, desk = staff(services(), _ROLE, emergency.PURPOSE)
        return _record(services(), session, desk, id)

    @blueprint.get(f"/emergency/<id>/<any({','.join(overview.PARTS)}):part>")
    def more(id: str, part: str) -> Response:
        session, desk = staff(services(), _ROLE, emergency.PURPOSE)
        return _part(services(), session, desk, id, part)

    return blueprint


def _begun(services: Services, session: Session, desk: Desk) -> Response:
    number = residents.normal(request.form.get("number", ""))
    said, faults = forms.texts(request.form, reason=_REASON)
    if not residents.is_number(number):
        faults["number"] = Issue("value", "emergency-number-malformed")
    if request.form.get("understood") != "yes":
        faults["understood"] = Issue("required", "emergency-not-understood")
    if faults:
        return _form(services, session, faults)
    caller = desk.access.caller
    # An ID number is looked up whoever's it is: nobody tries out many.
    Throttle(services).attempt("emergency", session.account["id"])
    patient = persons.found(trace.desk(services, internal.finder(services, caller)), number)
    if patient is None:
        return _form(services, session, {"number": Issue("not-found", "emergency-nobody")})
    begun = emergency.begin(services, session.account, patient, said["reason"])
    facts = (("emergency", begun.id),)
    trace.note(services, caller, EMERGENCY_BEGUN, concerned=(patient,), facts=facts)
    return see_other(f"/emergency/{begun.id}")


def _form(
    services: Services, session: Session, faults: Mapping[str, Issue] | None = None
) -> Response:
    return page(
        "emergency.html",
        session,
        faults=faults,
        given=request.form,
        minutes=int(emergency.LASTS.total_seconds() // 60),
        least=_REASON.least,
        mine=emergency.of_account(services, session.account)[:20],
        statuses=statuses(),
    )


def _record(services: Services, session: Session, desk: Desk, id: str) -> Response:
    """Show the record behind the glass, as long as it lasts."""
    one = _in_force(services, session, id)
    patient = desk.read("Patient", one.patient.partition("/")[2])
    return page(
        "emergency-record.html",
        session,
        name=persons.name(patient),
        patient=patient,
        emergency=one,
        **overview.parts(desk, one.patient, services.interpreters.zone, few=_FEW),
    )


def _part(services: Services, session: Session, desk: Desk, id: str, part: str) -> Response:
    """Show one part of the record behind the glass, page by page."""
    one = _in_force(services, session, id)
    patient = desk.read("Patient", one.patient.partition("/")[2])
    zone, cursor = services.interpreters.zone, request.args.get("cursor")
    return page(
        "emergency-part.html",
        session,
        name=persons.name(patient),
        emergency=one,
        part=part,
        title=overview.PARTS[part],
        **overview.part(desk, one.patient, part, zone, few=_SOME, cursor=cursor),
    )


def _in_force(services: Services, session: Session, id: str) -> Emergency:
    mine = emergency.of_account(services, session.account)
    one = next((each for each in mine if each.id == id and each.in_force), None)
    if one is None:
        raise NotFound.because("emergency-unknown")
    return one


def statuses() -> dict[str, str]:
    """Return in words how far the review of an emergency access is."""
    return {
        "open": say("emergency-status-open"),
        "justified": say("emergency-status-justified"),
        "unjustified": say("emergency-status-unjustified"),
    }
