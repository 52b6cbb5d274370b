"""The page where a person decides what an app may do.

Spec: 个人信息保护法 articles 14, 17, 23, 29, http://www.npc.gov.cn/npc/c30834/202108/t20210820_313088.html
"""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as Answer

from server.auth import decision, pending, redirects, terms
from server.auth.decision import Undecided
from server.fhir.outcome import BadRequest
from server.identity import access
from server.identity.sessions import Session
from server.identity.throttle import Throttle
from server.portal import persons, trace
from server.portal import session as browser
from server.portal.desk import Desk
from server.portal.pages import dressed, language, page, see_other
from server.portal.sent import sent
from server.profiles.identity_numbers import residents
from server.store.shelf import Record

_NONE = "none"


def consent() -> Blueprint:
    """Return the blueprint of ``/consent/<id>``."""
    blueprint = Blueprint("consent", __name__)
    trace.recorded(blueprint, browser.services)
    blueprint.add_url_rule("/consent/<id>", "show", _show, methods=["GET"])
    blueprint.add_url_rule("/consent/<id>", "decide", _decide, methods=["POST"])
    return blueprint


def _show(id: str) -> Answer:
    token = browser.form_token()
    waiting = pending.of(browser.services(), id, token)
    return browser.keep_form_token(_shown(id, waiting), token)


def _shown(id: str, waiting: Record) -> Response:
    session = browser.signed_in()
    quiet = _NONE in waiting["prompts"]
    if session is None or _is_stale(waiting, session):
        return _refused(waiting, "login_required") if quiet else _to_sign_in(id)
    if not _is_launched_by(waiting, session):
        return _leave(_refusal(waiting, "invalid_request"), session, waiting)
    location = decision.again(browser.services(), waiting, session)
    if location is not None:
        return _leave(location, session, waiting)
    if quiet:
        return _refused(waiting, "consent_required")
    return _form(waiting, session, _at_first(waiting, session))


def _decide(id: str) -> Answer:
    session = browser.signed_in()
    if session is None:
        return see_other(f"/consent/{id}")
    browser.require_csrf(session)
    waiting = pending.of(browser.services(), id, browser.form_token())
    if _is_stale(waiting, session) or not _is_launched_by(waiting, session):
        return see_other(f"/consent/{id}")
    ticks = set(request.form.getlist("tick"))
    match request.form.get("decision"):
        case "deny":
            return dressed(sent(decision.deny(browser.services(), waiting, session)))
        case "find":
            Throttle(browser.services()).attempt("patient", session.account["id"])
            number = residents.normal(request.form.get("number", ""))
            found = persons.found(_desk(session), number) if residents.is_number(number) else None
            waiting = pending.choose_patient(browser.services(), waiting, found)
            return _form(waiting, session, ticks, "" if found else "consent-not-found")
        case "allow":
            return _allowed(waiting, session, ticks)
        case _:
            raise BadRequest.because("consent-undecided")


def _allowed(waiting: Record, session: Session, ticks: set[str]) -> Answer:
    chosen = request.form.get("patient")
    patient = None if chosen is None else f"Patient/{chosen[:64]}"
    try:
        location = decision.allow(browser.services(), waiting, session, ticks, patient, language())
    except Undecided as error:
        return _form(waiting, session, ticks, error.issues[0].message)
    return dressed(sent(location))


def _form(waiting: Record, session: Session, ticks: set[str], error: str = "") -> Response:
    services = browser.services()
    offer = decision.offered(services, waiting, session.account)
    choice = decision.patients(services, waiting, session.account)
    is_told = "patient" in decision.launched(waiting)
    return page(
        "consent.html",
        session,
        status=422 if error else 200,
        form_targets=(redirects.origin(waiting["redirect_uri"]),),
        id=waiting["id"],
        client=offer.client,
        terms=_offered(waiting, session),
        ticked=ticks,
        persons={
            one.partition("/")[2]: name
            for one, name in persons.names(_desk(session), choice).items()
        },
        asks_person=bool(offer.scope.clinical)
        and (offer.needs_patient or offer.kind == "resident"),
        looks_up=offer.kind == "staff" and offer.needs_patient and not is_told,
        error=error,
    )


def _desk(session: Session) -> Desk:
    services = browser.services()
    return trace.desk(services, access.of(services, session))


def _offered(waiting: Record, session: Session) -> terms.Terms:
    offer = decision.offered(browser.services(), waiting, session.account)
    return terms.of(offer, language())


def _at_first(waiting: Record, session: Session) -> set[str]:
    """Return what is ticked before the person has looked: nothing that is sensitive."""
    said = _offered(waiting, session)
    return {*said.ticks, *said.more}


def _is_stale(waiting: Record, session: Session) -> bool:
    """Tell whether the person has to sign in once more, as the client wishes."""
    if "login" in waiting["prompts"] and session.auth_time < waiting["created"]:
        return True
    if waiting["max_age"] is None or session.auth_time >= waiting["created"]:
        return False
    return datetime.now(UTC) - session.auth_time > timedelta(seconds=waiting["max_age"])


def _is_launched_by(waiting: Record, session: Session) -> bool:
    launch = waiting["launch"]
    return launch is None or launch["account"] == session.account["id"]


def _to_sign_in(id: str) -> Response:
    """Send the browser to sign in; a session that is too old goes on, for any app could end it."""
    return see_other(f"/sign-in?next=/consent/{id}")


def _refusal(waiting: Record, error: str) -> str:
    return decision.refuse(browser.services(), waiting, error)


def _refused(waiting: Record, error: str) -> Response:
    return dressed(sent(_refusal(waiting, error)))


def _leave(location: str, session: Session, waiting: Record) -> Response:
    """Send the browser back to the client.

    Right after signing in not by redirection, for the page with that form lets its answer lead
    nowhere else than to this server.
    """
    if session.auth_time < waiting["created"]:
        return dressed(sent(location))
    return page("onwards.html", session, location=location)
