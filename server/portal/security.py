"""A person's own account: the password, and the browsers that are signed in.

Spec: https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html
"""

from collections.abc import Callable

from flask import Blueprint, Response, redirect, request

from server.audit.event import ACCOUNT_CHANGED
from server.fhir.outcome import Unprocessable
from server.identity import accounts, passwords
from server.identity.access import caller_of
from server.identity.sessions import Session
from server.identity.throttle import Throttle
from server.portal import trace
from server.portal.pages import page, say
from server.portal.register import told
from server.portal.session import require_csrf, require_signed_in, sessions
from server.services import Services


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/me/security``."""
    blueprint = Blueprint("security", __name__)

    @blueprint.get("/me/security")
    def shown() -> Response:
        return _shown(services(), require_signed_in(), {})

    @blueprint.post("/me/security/password")
    def password() -> Response:
        session = require_signed_in()
        require_csrf(session)
        return _password(services(), session)

    @blueprint.post("/me/security/sign-out-elsewhere")
    def elsewhere() -> Response:
        session = require_signed_in()
        require_csrf(session)
        sessions().end_all(session.account["id"], but=session.id)
        services().trail.bump()
        _note(services(), session, "sessions")
        return redirect("/me/security?done=elsewhere", 303)  # type: ignore[return-value]

    return blueprint


def _shown(services: Services, session: Session, faults: dict[str, str]) -> Response:
    zone = services.interpreters.zone
    return page(
        "security.html",
        session,
        422 if faults else 200,
        faults=faults,
        open=sessions().of(session.account["id"]),
        mine=session.id,
        done=_done(request.args.get("done", "")),
        moment=lambda when: when.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
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
        return _shown(services, session, {"old": say("security-old-wrong")})
    try:
        accounts.set_password(services, account, request.form.get("new", ""))
    except Unprocessable as refused:
        return _shown(services, session, {"new": told(refused.issues[0])})
    Throttle(services).forget("login", account["login"])
    sessions().end_all(account["id"], but=session.id)
    services.trail.bump()
    _note(services, session, "password")
    return redirect("/me/security?done=password", 303)  # type: ignore[return-value]


def _note(services: Services, session: Session, what: str) -> None:
    caller = caller_of(session.account, "PATRQT")
    trace.note(services, caller, ACCOUNT_CHANGED, facts=(("what", what),))
