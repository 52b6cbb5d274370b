"""Accounts of staff: an administrator opens them, the security officer locks and unlocks them.

Nobody does both, and nobody changes their own (R5.3, separation of duties).

Spec: GB/T 22239-2019 8.1.10; https://csrc.nist.gov/glossary/term/separation_of_duty
"""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, request

from server.audit.event import ACCOUNT_CHANGED, ROLES_CHANGED, Act
from server.auth.tokens import Tokens
from server.fhir.outcome import Conflict, Forbidden, Issue, NotFound
from server.identity import accounts, alarms, invitations, jurisdictions, staff
from server.identity.access import caller_of
from server.identity.sessions import Session
from server.identity.throttle import Throttle
from server.portal import trace
from server.portal.pages import language, page, say, see_other
from server.portal.session import require_role
from server.profiles.identity_numbers import residents
from server.services import Services
from server.store.shelf import Record

_PATH = "/admin/accounts"
_WRONG = {
    "login": "accounts-login-wrong",
    "name": "accounts-name-wrong",
    "role": "accounts-role-wrong",
    "division": "accounts-division-wrong",
    "organization": "accounts-organization-wrong",
    "person": "accounts-person-wrong",
}
_STATUSES = {
    "active": "accounts-status-active",
    "locked": "accounts-status-locked",
    "closed": "accounts-status-closed",
}
_GUESSED = {
    "login": "alarms-login",
    "address": "alarms-address",
    "everybody": "alarms-everybody",
    "code": "alarms-code",
    "emergency": "alarms-emergency",
    "client": "alarms-client",
    "token": "alarms-token",
    "authorize": "alarms-authorize",
    "push": "alarms-push",
    "patient": "alarms-patient",
    "registration": "alarms-registration",
    "registered": "alarms-registration",
}


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/admin/accounts`` and ``/admin/alarms``."""
    blueprint = Blueprint("staff", __name__)

    @blueprint.get(_PATH)
    def listed() -> Response:
        return _listed(services(), require_role("administrator", "security"), {})

    @blueprint.post(_PATH)
    def opened() -> Response:
        return _opened(services(), require_role("administrator"))

    @blueprint.post(f"{_PATH}/<id>/invite")
    def invited(id: str) -> Response:
        session = require_role("administrator")
        account = _other(services(), session, id)
        if account["kind"] != "staff" or account["status"] != "active":
            raise NotFound.because("url-unknown")
        return _link(services(), session, account, ACCOUNT_CHANGED, "invited")

    @blueprint.post(f"{_PATH}/<id>/status")
    def changed(id: str) -> Response:
        session = require_role("security")
        return _changed(services(), session, _other(services(), session, id))

    @blueprint.post(f"{_PATH}/resident")
    def found() -> Response:
        return _found(services(), require_role("security"))

    @blueprint.get("/admin/alarms")
    def alarmed() -> Response:
        return _alarmed(services(), require_role("security"))

    return blueprint


def _alarmed(services: Services, session: Session) -> Response:
    found = alarms.newest(services, session.account, request.args.get("after"))
    return page(
        "alarms.html",
        session,
        alarms=found.records,
        after=found.after,
        guessed={what: say(key) for what, key in _GUESSED.items()},
    )


def _listed(
    services: Services,
    session: Session,
    faults: Mapping[str, Issue],
    residents: tuple[Record, ...] = (),
) -> Response:
    roles = services.interpreters.roles.names
    kinds = [(role, names[language()]) for role, names in roles.items()]
    found = staff.within(services, session.account, request.args.get("after"))
    return page(
        "accounts.html",
        session,
        faults=faults,
        staff=found.records,
        after=found.after,
        residents=residents,
        roles=[(role, name) for role, name in kinds if role not in staff.NO_STAFF],
        names=dict(kinds),
        statuses={status: say(key) for status, key in _STATUSES.items()},
        given=request.form,
    )


def _opened(services: Services, session: Session) -> Response:
    form = {name: request.form.get(name, "").strip() for name in staff.FIELDS}
    wrong = staff.wrong(services, form, session.account)
    if wrong:
        faults = {name: Issue("value", _WRONG[name]) for name in wrong}
        return _listed(services, session, faults)
    try:
        account = staff.opened(services, form, session.account["id"])
    except (Conflict, Forbidden) as refused:
        at = "login" if isinstance(refused, Conflict) else "role"
        return _listed(services, session, {at: refused.issues[0]})
    return _link(services, session, account, ROLES_CHANGED, account["role"])


def _changed(services: Services, session: Session, account: Record) -> Response:
    asked = request.form.get("status", "")
    if asked in ("locked", "active", "closed"):
        if staff.change(services, account, asked) is None:
            raise Conflict.because("account-not-so")
    elif asked == "free":
        staff.free(services, account)
    elif asked == "factor" and account["kind"] == "staff":
        staff.forget_factor(services, account)
    else:
        raise NotFound.because("url-unknown")
    if asked in ("locked", "closed", "factor"):
        Tokens.of(services).revoke_all("account", account["id"])
    _note(services, session, account, ACCOUNT_CHANGED, asked)
    return see_other(_PATH)


def _found(services: Services, session: Session) -> Response:
    """Show the account of a resident who, say, has lost their telephone."""
    number = residents.normal(request.form.get("number", ""))
    if not residents.is_number(number):
        return _listed(services, session, {"number": Issue("value", "register-number-malformed")})
    Throttle(services).attempt("emergency", session.account["id"])
    account = accounts.shelf(services).first({"login": accounts.resident_login(number)})
    if account is None or not jurisdictions.is_watched(services, account, session.account):
        fault = Issue("not-found", "accounts-resident-unknown")
        return _listed(services, session, {"number": fault})
    _note(services, session, account, ACCOUNT_CHANGED, "found")
    return _listed(services, session, {}, (account,))


def _other(services: Services, session: Session, id: str) -> Record:
    """Return an account that the person of `session` is over, which their own never is."""
    account = accounts.shelf(services).find(id)
    if account is None:
        raise NotFound.because("url-unknown")
    if account["id"] == session.account["id"]:
        raise Forbidden.because("account-own")
    if not jurisdictions.is_watched(services, account, session.account):
        raise NotFound.because("url-unknown")
    return account


def _link(services: Services, session: Session, account: Record, act: Act, what: str) -> Response:
    path = invitations.invite(services, account)
    _note(services, session, account, act, what)
    link = services.interpreters.settings.root_url + path
    return page("invitation.html", session, account=account, link=link)


def _note(services: Services, session: Session, account: Record, act: Act, what: str) -> None:
    caller = caller_of(session.account, "HSYSADMIN")
    facts = (("account", account["id"]), ("what", what))
    concerned = (account["resident"],) if account.get("resident") else ()
    trace.note(services, caller, act, concerned=concerned, facts=facts)
