"""Registering as a resident, and choosing a first password by invitation.

Spec: 人口健康信息管理办法(试行) article 18 (R1.18),
https://pages.nist.gov/800-63-4/sp800-63a.html
"""

import re
from collections.abc import Callable
from datetime import date

from flask import Blueprint, Response, request

from server.audit.event import ACCOUNT_CHANGED, own
from server.auth.tokens import Tokens
from server.fhir.outcome import Conflict, Issue, NotFound, Unprocessable
from server.identity import accounts, invitations, registration, senders
from server.identity.access import about_account
from server.identity.real_name import Claim
from server.identity.throttle import Throttle
from server.portal import session as browser
from server.portal import trace
from server.portal.pages import page, see_other
from server.profiles.identity_numbers import residents
from server.records import forms
from server.records.forms import Text
from server.services import Services

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAME = Text(most=100)


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
            return _form({"born": Issue("business-rule", "register-child")})
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


def described() -> dict[str, Issue]:
    """Return what is wrong with the number, name and date of birth in this form, by field."""
    faults = named()
    if not _is_date(request.form.get("born", "")):
        faults["born"] = Issue("value", "register-born-malformed")
    return faults


def named() -> dict[str, Issue]:
    """Return what is wrong with the number and the name in this form, by field."""
    _, faults = forms.texts(request.form, name=_NAME)
    if not residents.is_number(residents.normal(request.form.get("number", ""))):
        faults["number"] = Issue("value", "register-number-malformed")
    return faults


def claim() -> Claim:
    """Return who is described in this form, in which nothing is wrong."""
    number = residents.normal(request.form["number"])
    return Claim(number, request.form["name"].strip(), request.form["born"])


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text)) and date(1850, 1, 1) < date.fromisoformat(text)
    except ValueError:
        return False


def _form(faults: dict[str, Issue]) -> Response:
    token = browser.form_token()
    shown = page("register.html", faults=faults, given=request.form, form=token)
    return browser.keep_form_token(shown, token)


def _confirm(id: str, faults: dict[str, Issue]) -> Response:
    sender = browser.services().interpreters.settings.code_sender
    token = browser.form_token()
    shown = page("register-confirm.html", faults=faults, id=id, form=token, sender=sender)
    return browser.keep_form_token(shown, token)


def _confirmed(services: Services) -> Response:
    id = request.form.get("id", "")
    try:
        account = registration.confirm(
            services, id, request.form.get("code", ""), request.form.get("password", "")
        )
    except Unprocessable as refused:
        return _confirm(id, {"password": refused.issues[0]})
    except Conflict:
        account = None
    if account is None:
        return _confirm(id, {"code": Issue("value", "register-code-wrong")})
    who = about_account(account)
    is_new = "password" not in account
    act = own("account-registered", "C") if is_new else ACCOUNT_CHANGED
    trace.note(services, who, act, concerned=(account["person"],))
    if (before := browser.begun()) is not None:
        browser.end(before)
    cookie = browser.sessions().begin(account, ("pwd",))
    return browser.keep(see_other("/me"), cookie)


def _set_up(services: Services, secret: str) -> Response:
    account = invitations.invited(services, secret)
    if account is None:
        raise NotFound.because("invitation-unknown")
    token, faults = browser.form_token(), dict[str, Issue]()
    if request.method == "POST":
        browser.require_form_token()
        try:
            accepted = invitations.accept(services, secret, request.form.get("password", ""))
        except Unprocessable as refused:
            faults["password"] = refused.issues[0]
        else:
            if accepted is None:
                raise NotFound.because("invitation-unknown")
            Tokens.of(services).revoke_all("account", account["id"])
            who, what = about_account(account), (("what", "password"),)
            trace.note(services, who, ACCOUNT_CHANGED, facts=what)
            return see_other("/sign-in")
    shown = page("set-up.html", faults=faults, account=account, form=token)
    return browser.keep_form_token(shown, token)
