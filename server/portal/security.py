"""A person's own account: the password, and the browsers that are signed in.

Spec: https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html
"""

from collections.abc import Callable

from flask import Blueprint, Response, request

from server.audit.event import ACCOUNT_CHANGED
from server.fhir.outcome import Issue, Unprocessable
from server.identity import accounts, passwords
from server.identity.access import about_account
from server.identity.sessions import Session
from server.identity.throttle import Throttle
from server.portal import trace
from server.portal.pages import page, say, see_other
from server.portal.session import keep, require_signed_in, sessions
from server.services import Services


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/me/security``."""
    blueprint = Blueprint("security", __name__)

    @blueprint.get("/me/security")
    def shown() -> Response:
        return _shown(require_signed_in(), {})

    @blueprint.post("/me/security/password")
    def password() -> Response:
        return _password(services(), require_signed_in())

    @blueprint.post("/me/security/sign-out-elsewhere")
    def elsewhere() -> Response:
        session = require_signed_in()
        sessions().end_all(session.account["id"], but=session.id)
        services().trail.bump()
        _note(services(), session, "sessions")
        return see_other("/me/security?done=elsewhere")

    return blueprint


def _shown(session: Session, faults: dict[str, Issue]) -> Response:
    return page(
        "security.html",
        session,
        faults=faults,
        open=sessions().of(session.account["id"]),
        mine=session.id,
        done=_done(request.args.get("done", "")),
    )


def _done(what: str) -> str:
    """Return in words what was done, nothing if nothing was."""
    match what:
        case "password":
            return say("security-done-password")
        case "elsewhere":
            return say("security-done-elsewhere")
    return ""


def _password(services: Services, session: Session) -> Response:
    account = session.account
    Throttle(services).attempt("login", account["login"])
    if not passwords.is_right(account.get("password"), request.form.get("old", "")):
        return _shown(session, {"old": Issue("value", "security-old-wrong")})
    try:
        accounts.set_password(services, account, request.form.get("new", ""))
    except Unprocessable as refused:
        return _shown(session, {"new": refused.issues[0]})
    Throttle(services).forget("login", account["login"])
    sessions().end_all(account["id"])
    services.trail.bump()
    _note(services, session, "password")
    cookie = sessions().begin(account, session.factors)
    return keep(see_other("/me/security?done=password"), cookie)


def _note(services: Services, session: Session, what: str) -> None:
    caller = about_account(session.account)
    trace.note(services, caller, ACCOUNT_CHANGED, facts=(("what", what),))
