"""Accounts of staff: an administrator opens them, the security officer locks and unlocks them.

Nobody does both, and nobody changes their own (R5.3, separation of duties).

Spec: GB/T 22239-2019 8.1.10; https://csrc.nist.gov/glossary/term/separation_of_duty
"""

import re
from collections.abc import Callable

from flask import Blueprint, Response, redirect, request

from server.access import divisions
from server.audit.event import ACCOUNT_CHANGED, ROLES_CHANGED
from server.auth.shelves import TOKENS
from server.auth.tokens import Tokens
from server.fhir.outcome import Conflict, Forbidden, NotFound
from server.identity import accounts, invitations
from server.identity.access import caller_of
from server.identity.sessions import Session
from server.portal import trace
from server.portal.pages import language, page, say
from server.portal.session import require_csrf, require_role, sessions
from server.services import Services
from server.store.shelf import Record

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{2,63}")
_REFERENCE = re.compile(r"Organization/[A-Za-z0-9.-]{1,64}")
_PERSON = re.compile(r"Practitioner/[A-Za-z0-9.-]{1,64}")
_SHOWN = 200


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/admin/accounts``."""
    blueprint = Blueprint("staff", __name__)

    @blueprint.get("/admin/accounts")
    def listed() -> Response:
        return _listed(services(), require_role("administrator", "security"), {})

    @blueprint.post("/admin/accounts")
    def opened() -> Response:
        session = require_role("administrator")
        require_csrf(session)
        return _opened(services(), session)

    @blueprint.post("/admin/accounts/<id>/invite")
    def invited(id: str) -> Response:
        session = require_role("administrator")
        require_csrf(session)
        account = _other(services(), session, id)
        _note(services(), session, account, "invited")
        return _link(services(), session, account)

    @blueprint.post("/admin/accounts/<id>/status")
    def changed(id: str) -> Response:
        session = require_role("security")
        require_csrf(session)
        account = _other(services(), session, id)
        status = "active" if request.form.get("status") == "active" else "locked"
        accounts.shelf(services()).change(account["id"], {"status": status})
        if status != "active":
            sessions().end_all(account["id"])
            tokens = Tokens(services().store.shelf(TOKENS), services().trail.bump)
            tokens.revoke_all("account", account["id"])
        _note(services(), session, account, status)
        return redirect("/admin/accounts", 303)  # type: ignore[return-value]

    return blueprint


def _listed(services: Services, session: Session, faults: dict[str, str]) -> Response:
    roles = services.interpreters.roles.names
    kinds = [(role, names[language()]) for role, names in roles.items() if role not in _NO_STAFF]
    return page(
        "accounts.html",
        session,
        422 if faults else 200,
        staff=accounts.shelf(services).all({"kind": "staff"}, limit=_SHOWN),
        roles=kinds,
        names=dict(kinds),
        faults=faults,
        given=request.form,
        statuses={
            "active": say("accounts-status-active"),
            "locked": say("accounts-status-locked"),
            "closed": say("accounts-status-closed"),
        },
    )


_NO_STAFF = ("resident", "system")


def _opened(services: Services, session: Session) -> Response:
    form = {name: request.form.get(name, "").strip() for name in _FIELDS}
    faults = _faults(services, form)
    if faults:
        return _listed(services, session, faults)
    unit = {"reference": form["organization"], "name": form["organization_name"]}
    details = {
        "name": form["name"],
        "role": form["role"],
        "division": form["division"],
        "organization": unit if form["organization"] else None,
        "person": form["person"] or None,
        "opened_by": session.account["id"],
    }
    kept = {name: value for name, value in details.items() if value is not None}
    try:
        account = accounts.add_staff(services, form["login"], kept)
    except Conflict as refused:
        return _listed(services, session, {"login": refused.issues[0].text(language())})
    _note(services, session, account, form["role"])
    return _link(services, session, account)


_FIELDS = ("login", "name", "role", "division", "organization", "organization_name", "person")


def _faults(services: Services, form: dict[str, str]) -> dict[str, str]:
    unit, person = form["organization"], form["person"]
    is_role = form["role"] in services.interpreters.roles.letters and form["role"] not in _NO_STAFF
    wrong = {
        "login": None if _LOGIN.fullmatch(form["login"]) else "accounts-login-wrong",
        "name": None if 0 < len(form["name"]) <= 100 else "accounts-name-wrong",
        "role": None if is_role else "accounts-role-wrong",
        "division": None if divisions.is_code(form["division"]) else "accounts-division-wrong",
        "organization": None if _is(_REFERENCE, unit) else "accounts-organization-wrong",
        "person": None if _is(_PERSON, person) else "accounts-person-wrong",
    }
    return {name: say(key) for name, key in wrong.items() if key}


def _is(pattern: re.Pattern[str], text: str) -> bool:
    """Tell whether `text` is empty, or what `pattern` says."""
    return not text or pattern.fullmatch(text) is not None


def _other(services: Services, session: Session, id: str) -> Record:
    """Return the account of another member of staff."""
    account = accounts.shelf(services).find(id)
    if account is None or account["kind"] != "staff":
        raise NotFound.because("url-unknown")
    if account["id"] == session.account["id"]:
        raise Forbidden.because("account-own")
    return account


def _link(services: Services, session: Session, account: Record) -> Response:
    path = invitations.invite(services, account)
    link = services.interpreters.settings.root_url + path
    return page("invitation.html", session, account=account, link=link)


def _note(services: Services, session: Session, account: Record, what: str) -> None:
    caller = caller_of(session.account, "HSYSADMIN")
    act = ROLES_CHANGED if what in services.interpreters.roles.letters else ACCOUNT_CHANGED
    facts = (("account", account["id"]), ("what", what))
    trace.note(services, caller, act, facts=facts)
