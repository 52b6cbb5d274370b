"""Signing in and out: password, and the second factor of staff.

Spec: https://pages.nist.gov/800-63-4/sp800-63b.html
"""

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as Answer

from server.access.caller import ANONYMOUS
from server.audit.event import SIGNED_IN, SIGNED_OUT, Act
from server.identity import accounts, senders, totp
from server.identity.access import about_account
from server.identity.sessions import Session
from server.identity.throttle import Throttle
from server.portal import session as browser
from server.portal import trace
from server.portal.pages import page, say, see_other
from server.profiles.identity_numbers import residents
from server.services import Services
from server.store.shelf import Record

_HOME = {"resident": "/me", "staff": "/"}
_BY_ROLE = {
    "administrator": "/admin/accounts",
    "security": "/review",
    "clinician": "/emergency",
    "registrar": "/guardians",
}


def sign_in() -> Blueprint:
    """Return the blueprint of the pages to sign in and out."""
    blueprint = Blueprint("sign_in", __name__)
    blueprint.add_url_rule("/sign-in", "show", _show, methods=["GET"])
    blueprint.add_url_rule("/sign-in", "enter", _enter, methods=["POST"])
    blueprint.add_url_rule("/second-factor", "second", _second, methods=["GET"])
    blueprint.add_url_rule("/second-factor", "prove", _prove, methods=["POST"])
    blueprint.add_url_rule("/sign-out", "leave", _leave, methods=["POST"])
    return blueprint


def _show() -> Response:
    return _form(browser.onwards(request.args.get("next"), ""))


def _form(onwards: str, error: str = "", status: int = 200) -> Response:
    token = browser.form_token()
    shown = page(
        "sign-in.html",
        status=status,
        onwards=onwards,
        error=error,
        form=token,
        registers=senders.is_there(browser.services().interpreters.settings),
    )
    return browser.keep_form_token(shown, token)


def _enter() -> Answer:
    browser.require_form_token()
    onwards = browser.onwards(request.form.get("next"), "")
    services = browser.services()
    login = _login(request.form.get("login", ""))
    counted = (("everybody", ""), ("address", browser.address()), ("login", login))
    throttle = Throttle(services)
    for what, key in counted:
        throttle.attempt(what, key)
    account = accounts.authenticated(services, login, request.form.get("password", ""))
    if account is None:
        _note_failure(services, login)
        return _form(onwards, say("sign-in-wrong"), 401)
    throttle.forget("login", login)
    for what, key in counted[:2]:
        throttle.spare(what, key)
    if (before := browser.begun()) is not None:
        browser.end(before)
    cookie = browser.sessions().begin(account, ("pwd",))
    if account["kind"] == "staff":
        target = url_for("sign_in.second", next=onwards or None)
    else:
        target = onwards or _HOME["resident"]
        _note(services, account, SIGNED_IN)
    return browser.keep(see_other(target), cookie)


def _login(said: str) -> str:
    """Return the login that `said` means: an ID number, or a staff name."""
    number = residents.normal(said)[:200]
    return (
        accounts.resident_login(number)
        if residents.is_number(number)
        else accounts.staff_login(said[:200])
    )


def _note(services: Services, account: Record, act: Act, refused: str | None = None) -> None:
    trace.note(services, about_account(account), act, refused=refused)


def _note_failure(services: Services, login: str) -> None:
    """Record that somebody failed to sign in; in the name of nobody, for who it was is unknown."""
    account = accounts.shelf(services).first({"login": login})
    facts = (("account", account["id"]),) if account else ()
    trace.note(services, ANONYMOUS, SIGNED_IN, facts=facts, refused="sign-in-wrong")


def _second() -> Answer:
    session = browser.begun()
    if session is None or browser.is_complete(session):
        return see_other("/sign-in" if session is None else home(session.account))
    return _second_form(session, browser.onwards(request.args.get("next"), ""))


def _second_form(session: Session, onwards: str, error: str = "", status: int = 200) -> Response:
    account = session.account
    new = "" if account.get("totp") else browser.sessions().new_secret(session)
    picture = totp.picture(new, str(account.get("shown") or account["name"])) if new else ""
    return page(
        "second-factor.html",
        status=status,
        onwards=onwards,
        error=error,
        secret=new,
        picture=picture,
        token=session.csrf,
    )


def _prove() -> Answer:
    session = browser.begun()
    if session is None or browser.is_complete(session):
        return see_other("/sign-in" if session is None else home(session.account))
    browser.require_csrf(session)
    account, code = session.account, request.form.get("code", "").strip()
    onwards = browser.onwards(request.form.get("next"), "")
    services = browser.services()
    Throttle(services).attempt("code", account["id"])
    recovery = None
    if account.get("totp"):
        is_right = totp.is_right(services, account, code)
    else:
        recovery = totp.set_up(services, account, browser.sessions().new_secret(session), code)
        is_right = recovery is not None
    if not is_right:
        _note(services, account, SIGNED_IN, "second-factor-wrong")
        return _second_form(session, onwards, say("second-factor-wrong"), 401)
    Throttle(services).forget("code", account["id"])
    browser.sessions().end(session.id)
    cookie = browser.sessions().begin(account, ("pwd", "otp"))
    _note(services, account, SIGNED_IN)
    target = onwards or home(account)
    answer = (
        page("recovery-codes.html", codes=recovery, target=target)
        if recovery
        else see_other(target)
    )
    return browser.keep(answer, cookie)


def _leave() -> Answer:
    session = browser.begun()
    if session is not None:
        browser.require_csrf(session)
        browser.end(session)
        _note(browser.services(), session.account, SIGNED_OUT)
    return browser.drop(see_other("/"))


def home(account: Record) -> str:
    """Return the page that the person of `account` comes to first."""
    return _BY_ROLE.get(account.get("role", ""), _HOME[account["kind"]])
