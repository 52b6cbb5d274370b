"""Registering as a resident, and choosing a first password by invitation.

Spec: 人口健康信息管理办法(试行) article 18 (R1.18),
https://pages.nist.gov/800-63-4/sp800-63a.html
"""

import re
from collections.abc import Callable
from datetime import date

from flask import Blueprint, Response, redirect, request

from server.audit.event import ACCOUNT_CHANGED, own
from server.auth.tokens import Tokens
from server.fhir.outcome import Conflict, Issue, NotFound, Unprocessable
from server.identity import accounts, invitations, real_name, registration, senders
from server.identity.access import caller_of
from server.identity.real_name import Claim
from server.identity.throttle import Throttle
from server.portal import session as browser
from server.portal import trace
from server.portal.pages import language, page, refusals, say
from server.services import Services

__all__ = ["pages", "refusals"]
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LONGEST_NAME = 100


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/register-account`` and ``/set-up``."""
    blueprint = Blueprint("register", __name__)

    @blueprint.get("/register-account")
    def asked() -> Response:
        senders.chosen(services().interpreters.settings)  # else nobody need fill anything in
        return _form({})

    @blueprint.post("/register-account")
    def begun() -> Response:
        browser.require_form_token()
        faults = described()
        if faults:
            return _form(faults)
        who = claim()
        if registration.is_child(services(), who.born):
            return _form({"born": say("register-child")})
        throttle = Throttle(services())
        throttle.attempt("registration", browser.address())
        throttle.attempt("registered", accounts.resident_login(who.number))
        return _confirm(registration.begin(services(), who, browser.address()), {})

    @blueprint.post("/register-account/confirm")
    def confirmed() -> Response:
        browser.require_form_token()
        return _confirmed(services())

    @blueprint.route("/set-up/<secret>", methods=["GET", "POST"])
    def set_up(secret: str) -> Response:
        return _set_up(services(), secret)

    return blueprint


def described() -> dict[str, str]:
    """Return what is wrong with the number, name and date of birth in this form, by field."""
    faults: dict[str, str] = {}
    if not real_name.is_number(real_name.normal(request.form.get("number", ""))):
        faults["number"] = say("register-number-malformed")
    if not 0 < len(request.form.get("name", "").strip()) <= LONGEST_NAME:
        faults["name"] = say("form-missing")
    if not _is_date(request.form.get("born", "")):
        faults["born"] = say("register-born-malformed")
    return faults


def claim() -> Claim:
    """Return who is described in this form, in which nothing is wrong."""
    number = real_name.normal(request.form["number"])
    return Claim(number, request.form["name"].strip(), request.form["born"])


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text)) and date(1850, 1, 1) < date.fromisoformat(text)
    except ValueError:
        return False


def _form(faults: dict[str, str]) -> Response:
    token = browser.form_token()
    status = 422 if faults else 200
    shown = page("register.html", status=status, faults=faults, given=request.form, form=token)
    return browser.keep_form_token(shown, token)


def _confirm(id: str, faults: dict[str, str]) -> Response:
    sender = browser.services().interpreters.settings.code_sender
    status = 422 if faults else 200
    token = browser.form_token()
    shown = page(
        "register-confirm.html", status=status, id=id, faults=faults, form=token, sender=sender
    )
    return browser.keep_form_token(shown, token)


def _confirmed(services: Services) -> Response:
    id = request.form.get("id", "")
    try:
        account = registration.confirm(
            services, id, request.form.get("code", ""), request.form.get("password", "")
        )
    except Unprocessable as refused:
        return _confirm(id, {"password": told(refused.issues[0])})
    except Conflict:
        account = None
    if account is None:
        return _confirm(id, {"code": say("register-code-wrong")})
    who = caller_of(account, "PATRQT")
    trace.note(services, who, own("account-registered", "C"), concerned=(account["person"],))
    cookie = browser.sessions().begin(account, ("pwd",))
    return browser.keep(redirect("/me", 303), cookie)  # type: ignore[arg-type]


def _set_up(services: Services, secret: str) -> Response:
    account = invitations.invited(services, secret)
    if account is None:
        raise NotFound.because("invitation-unknown")
    token, faults = browser.form_token(), dict[str, str]()
    if request.method == "POST":
        browser.require_form_token()
        try:
            accepted = invitations.accept(services, secret, request.form.get("password", ""))
        except Unprocessable as refused:
            faults["password"] = told(refused.issues[0])
        else:
            if accepted is None:
                raise NotFound.because("invitation-unknown")
            Tokens.of(services).revoke_all("account", account["id"])
            caller = caller_of(account, "HSYSADMIN")
            trace.note(services, caller, ACCOUNT_CHANGED, facts=(("what", "password"),))
            return redirect("/sign-in", 303)  # type: ignore[return-value]
    status = 422 if faults else 200
    shown = page("set-up.html", status=status, account=account, faults=faults, form=token)
    return browser.keep_form_token(shown, token)


def told(issue: Issue) -> str:
    """Return what `issue` says in the language of this page."""
    return issue.text(language())
