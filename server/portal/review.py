"""The page on which the security officer reviews emergency accesses and answers complaints."""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, request

from server.access.caller import Caller
from server.audit.event import own
from server.fhir.outcome import Issue
from server.identity import access, emergency
from server.identity.sessions import Session
from server.portal import complaints, trace
from server.portal.emergencies import statuses
from server.portal.pages import page, see_other
from server.portal.session import require_role
from server.portal.trace import recorded
from server.records import forms
from server.records.forms import Text
from server.services import Services

_ROLE = "security"
_NOTE = Text(least=2, most=500)
_ANSWER = Text(least=2, most=1000)


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/review``."""
    blueprint = Blueprint("review", __name__)
    recorded(blueprint, services)

    @blueprint.get("/review")
    def waiting() -> Response:
        return _waiting(services(), require_role(_ROLE))

    @blueprint.post("/review/emergencies/<id>")
    def reviewed(id: str) -> Response:
        return _reviewed(services(), require_role(_ROLE), id)

    @blueprint.post("/review/complaints/<id>")
    def answered(id: str) -> Response:
        return _answered(services(), require_role(_ROLE), id)

    return blueprint


def _waiting(
    services: Services, session: Session, at: str = "", faults: Mapping[str, Issue] | None = None
) -> Response:
    """Show what waits; `faults` are those of the form about the thing with id `at`."""
    account, after = session.account, request.args.get
    emergencies, rest = emergency.to_review(services, account, after("emergencies"))
    complained = complaints.unanswered(services, account, after("complaints"))
    return page(
        "review.html",
        session,
        faults=faults,
        emergencies=emergencies,
        reviewed=emergency.reviewed(services, account),
        complaints=complained.records,
        after={"emergencies": rest, "complaints": complained.after},
        statuses=statuses(),
        at=at,
        given=request.form,
        done="done" in request.args,
    )


def _reviewed(services: Services, session: Session, id: str) -> Response:
    verdict = request.form.get("verdict", "")
    said, faults = forms.texts(request.form, note=_NOTE)
    if verdict not in emergency.VERDICTS:
        faults["verdict"] = Issue("required", "review-verdict-missing")
    if faults:
        return _waiting(services, session, id, faults)
    one = emergency.review(services, id, session.account, verdict, said["note"])
    facts = (("emergency", id), ("verdict", verdict))
    act = own("emergency-reviewed", "U")
    trace.note(services, _caller(session), act, concerned=(one.patient,), facts=facts)
    return see_other("/review?done")


def _answered(services: Services, session: Session, id: str) -> Response:
    said, faults = forms.texts(request.form, answer=_ANSWER)
    if faults:
        return _waiting(services, session, id, faults)
    patient = complaints.answer(services, id, session.account, said["answer"])
    trace.note(services, _caller(session), own("complaint-answered", "U"), concerned=(patient,))
    return see_other("/review?done")


def _caller(session: Session) -> Caller:
    return access.caller_of(session.account, "HSYSADMIN")
