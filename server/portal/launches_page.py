"""The page on which a clinician opens an app about a patient, as from within an EMR.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch
"""

from collections.abc import Callable

from flask import Blueprint, Response, request

from server.auth import launching, redirects
from server.fhir.outcome import Issue
from server.identity.sessions import Session
from server.identity.throttle import Throttle
from server.portal import overview, persons
from server.portal.desk import Desk
from server.portal.pages import page, say, see_other
from server.portal.trace import recorded
from server.portal.visitor import staff
from server.profiles.identity_numbers import residents
from server.services import Services

_ROLE, _PURPOSE = "clinician", "TREAT"
_VISITS = 10


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/launches`` as people see it; forms are taken by `launching`."""
    blueprint = Blueprint("launches_page", __name__)
    recorded(blueprint, services)

    @blueprint.get("/launches")
    def asked() -> Response:
        session, desk = staff(services(), _ROLE, _PURPOSE)
        id = request.args.get("patient")
        return _offered(services(), session, desk, id) if id else _form(session)

    @blueprint.post("/launches/patient")
    def found() -> Response:
        session, desk = staff(services(), _ROLE, _PURPOSE)
        return _found(services(), session, desk)

    return blueprint


def _form(session: Session, fault: str = "") -> Response:
    faults = {"number": Issue("value", fault)} if fault else {}
    return page("launches.html", session, faults=faults, given=request.form)


def _found(services: Services, session: Session, desk: Desk) -> Response:
    number = residents.normal(request.form.get("number", ""))
    if not residents.is_number(number):
        return _form(session, "register-number-malformed")
    Throttle(services).attempt("patient", session.account["id"])
    patient = persons.found(desk, number)
    if patient is None:
        return _form(session, "consent-not-found")
    return see_other(f"/launches?patient={patient.partition('/')[2]}")


def _offered(services: Services, session: Session, desk: Desk, id: str) -> Response:
    """Show the patient with this id, and the apps that can be opened about them."""
    patient, apps = desk.read("Patient", id), launching.apps(services)
    zone = services.interpreters.zone
    visits, _ = overview.visited_by(desk, f"Patient/{id}", zone, _VISITS)
    told = [
        (f"Encounter/{one.id}", " · ".join(filter(None, (one.start, one.kind, one.institution))))
        for one in visits
    ]
    return page(
        "launch.html",
        session,
        form_targets=sorted({redirects.origin(one["launch_uri"]) for one in apps}),
        patient=patient,
        name=persons.name(patient),
        visits=[("", say("launches-no-visit")), *told],
        apps=apps,
    )
