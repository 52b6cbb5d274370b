"""The pages on which an administrator reviews apps and systems.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/best-practices.html
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from flask import Blueprint, Response, request

from server.access import scopes
from server.auth import amending, approval, review, shelves, terms
from server.auth.offer import WILDCARD, Offer
from server.auth.review import VERDICTS, Decision
from server.content import TERMINOLOGY
from server.fhir.outcome import Issue, NotFound
from server.identity.access import caller_of
from server.identity.sessions import Session
from server.portal.disclosures import PURPOSES
from server.portal.pages import language, page, say, see_other
from server.portal.session import address, require_role
from server.search import sensitivity
from server.services import Services
from server.store.shelf import Record, Where

_ROLE = "administrator"
_GROUPS: Mapping[str, Where] = {
    "pending": {"status": "pending"},
    "waiting": {"status": "approved", "is_waiting": True},
    "approved": {"status": "approved"},
    "suspended": {"status": "suspended"},
    "refused": {"status": "refused"},
}
_HEADINGS = {
    "pending": "clients-pending",
    "waiting": "clients-waiting",
    "approved": "clients-approved",
    "suspended": "clients-suspended",
    "refused": "clients-refused",
}
_KINDS = {"app": "clients-kind-app", "backend": "clients-kind-backend"}
_DECIDING = {
    "approved": "clients-approve",
    "refused": "clients-refuse",
    "suspended": "clients-suspend",
}
_NAMES = {
    "name": "developer-name",
    "legal_name": "clients-legal-name",
    "purpose": "clients-purpose",
    "contacts": "developer-contacts",
    "retention_days": "developer-retention",
    "redirect_uris": "developer-redirects",
    "post_logout_redirect_uris": "clients-after-sign-out",
    "launch_uri": "developer-launch-uri",
    "jwks": "developer-jwks",
    "jwks_uri": "developer-jwks-uri",
    "policy_uri": "developer-policy-uri",
    "tos_uri": "developer-tos-uri",
    "client_uri": "developer-client-uri",
    "logo_uri": "clients-logo-uri",
    "grant_types": "clients-grant-types",
    "require_pushed": "clients-push",
}
_FAULTS = {
    "scope": "clients-fault-scope",
    "organization": "clients-fault-organization",
    "division": "clients-fault-division",
    "limited": "clients-fault-limited",
    "hidden": "clients-fault-elements",
    "masked": "clients-fault-elements",
    "note": "clients-fault-note",
}
_LONGEST_NOTE = 500
_SHOWN = 100


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/admin/clients``."""
    blueprint = Blueprint("clients", __name__)

    @blueprint.get("/admin/clients")
    def listed() -> Response:
        return _listed(services(), require_role(_ROLE))

    @blueprint.get("/admin/clients/<id>")
    def shown(id: str) -> Response:
        session, client = require_role(_ROLE), _client(services(), id)
        return _shown(services(), session, client, approval.form(client))

    @blueprint.post("/admin/clients/<id>")
    def decided(id: str) -> Response:
        session = require_role(_ROLE)
        return _decided(services(), session, _client(services(), id))

    return blueprint


def _listed(services: Services, session: Session) -> Response:
    """Show the clients of each status, or of the one in ``?group=`` from ``?after=`` on."""
    shelf, after = services.store.shelf(shelves.CLIENTS), request.args.get("after")
    asked = request.args.get("group", "")
    groups = {
        name: shelf.page(where, newest="created", after=after, limit=_SHOWN)
        for name, where in _GROUPS.items()
        if name == asked or asked not in _GROUPS
    }
    return page("clients.html", session, groups=groups, **_words())


def _client(services: Services, id: str) -> Record:
    found = services.store.shelf(shelves.CLIENTS).find(id)
    if found is None:
        raise NotFound.because("client-unknown")
    return found


def _shown(
    services: Services,
    session: Session,
    client: Record,
    given: Mapping[str, str],
    faults: Collection[str] = (),
) -> Response:
    known = sensitivity.declared(TERMINOLOGY)
    said = amending.said(client)
    return page(
        "client.html",
        session,
        faults={name: Issue("value", _FAULTS.get(name, "clients-fault")) for name in faults},
        client=client,
        said=said,
        wants=_wants(services, client, said["scope"]),
        changes=[(name, _lines(client["seen"].get(name)), _lines(said[name]))
                 for name in amending.waiting(client)],
        given=given,
        labels=[(code, words[language()]) for code, words in known.items()],
        purposes=[(code, say(PURPOSES[code])) for code in approval.PURPOSES],
        verdicts=VERDICTS[client["status"]],
        lines=_lines,
        names={name: say(key) for name, key in _NAMES.items()},
        deciding={verdict: say(key) for verdict, key in _DECIDING.items()},
        note=request.form.get("note", ""),
        **_words(),
        same_name=_of_same_name(services, client),
        is_own=client.get("registered_by") == session.account["id"],
    )  # fmt: skip


def _of_same_name(services: Services, client: Record) -> list[Record]:
    """Return the other clients that people would take for this one."""
    found = services.store.shelf(shelves.CLIENTS).all({"name": client["name"]})
    return [one for one in found if one["id"] != client["id"]]


def _wants(services: Services, client: Record, scope: str) -> list[str]:
    """Return in plain words what a client asks for."""
    kind = "resident" if client["kind"] == "app" else "system"
    words = terms.of(Offer(services, client, scopes.read(scope), kind), language())
    some = [text for name, text in words.ticks.items() if not name.startswith(WILDCARD)]
    all_of_it = [say("clients-wants-all")] if len(some) < len(words.ticks) else []
    return [*all_of_it, *some, *words.more.values()]


def _lines(value: Any) -> list[str]:  # noqa: ANN401  # any JSON
    """Return what a client said in one field, line by line."""
    match value:
        case None | False | "" | []:
            return []
        case True:
            return [say("clients-yes")]
        case {"keys": list(keys)}:
            return [_key(key) for key in keys]
        case {"zh": str(zh), "en": str(en)}:
            return list(dict.fromkeys((zh, en)))
        case list():
            return [str(one) for one in value]
    return [str(value)]


def _key(key: Mapping[str, Any]) -> str:
    start = str(key.get("x") or key.get("n"))[:16]
    return f"{key.get('kid')} ({key.get('kty')}) {start}…"


def _words() -> dict[str, Any]:
    """Return the words that both pages need."""
    return {
        "headings": {name: say(key) for name, key in _HEADINGS.items()},
        "kinds": {kind: say(key) for kind, key in _KINDS.items()},
    }


def _given() -> dict[str, str]:
    """Return what was filled in; several ticks of one name are divided by spaces."""
    return {name: " ".join(request.form.getlist(name)).strip() for name in approval.FIELDS}


def _decided(services: Services, session: Session, client: Record) -> Response:
    verdict, note = request.form.get("verdict", ""), request.form.get("note", "").strip()
    given, faults = _given(), list[str]()
    agreed: Mapping[str, Any] = {}
    if not _is_note(note):
        faults.append("note")
    known = next((one for one in VERDICTS[client["status"]] if one == verdict), None)
    if known is None:
        faults.append("verdict")
    if known == "approved":
        try:
            agreed = approval.terms(services.interpreters, given, client)
        except approval.Faulty as fault:
            faults += fault.fields
    if faults or known is None:
        return _shown(services, session, client, given, faults)
    decision = Decision(
        verdict=known,
        caller=caller_of(session.account, "HSYSADMIN"),
        note=note,
        revision=request.form.get("revision") or None,
        terms=agreed,
        address=address(),
    )
    review.decide(services, client["id"], decision)
    return see_other(f"/admin/clients/{client['id']}")


def _is_note(note: str) -> bool:
    return 0 < len(note) <= _LONGEST_NOTE and note.replace("\r\n", "").isprintable()
