"""The pages on which an administrator reviews apps and systems.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/best-practices.html
"""

from collections.abc import Callable

from flask import Blueprint, Response, redirect, request

from server.auth import review, shelves
from server.auth.review import PURPOSES, VERDICTS, Decision, Faulty
from server.content import TERMINOLOGY
from server.fhir.outcome import NotFound
from server.identity.access import caller_of
from server.identity.sessions import Session
from server.portal.pages import language, page, say
from server.portal.session import address, require_csrf, require_role
from server.search import sensitivity
from server.services import Services
from server.store.shelf import Record

_ROLE = "administrator"
_GROUPS = {
    "pending": "clients-pending",
    "proposed": "clients-proposed",
    "approved": "clients-approved",
    "suspended": "clients-suspended",
    "refused": "clients-refused",
}
_KINDS = {"app": "clients-kind-app", "backend": "clients-kind-backend"}
_PURPOSES = {
    "HOPERAT": "clients-purpose-HOPERAT",
    "TREAT": "clients-purpose-TREAT",
    "PUBHLTH": "clients-purpose-PUBHLTH",
    "HRESCH": "clients-purpose-HRESCH",
    "HPAYMT": "clients-purpose-HPAYMT",
}
_FORM = (
    "scope",
    "organization",
    "organization_name",
    "division",
    "limited",
    "labels",
    "hidden",
    "masked",
    "introspect",
    "purpose_of_use",
)
_LONGEST_NOTE = 500
_SHOWN = 500


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/admin/clients``."""
    blueprint = Blueprint("clients", __name__)

    @blueprint.get("/admin/clients")
    def listed() -> Response:
        session = require_role(_ROLE)
        found = services().store.shelf(shelves.CLIENTS).all({}, newest="created", limit=_SHOWN)
        return page("clients.html", session, groups=_groups(found), words=_words())

    @blueprint.get("/admin/clients/<id>")
    def shown(id: str) -> Response:
        session = require_role(_ROLE)
        return _shown(services(), session, _client(services(), id), _said(_client(services(), id)))

    @blueprint.post("/admin/clients/<id>")
    def decided(id: str) -> Response:
        session = require_role(_ROLE)
        require_csrf(session)
        return _decided(services(), session, _client(services(), id))

    return blueprint


def _groups(found: list[Record]) -> dict[str, list[Record]]:
    """Return the clients by status; those whose new keys wait for review are in a second group."""
    groups = {key: [one for one in found if one["status"] == key] for key in _GROUPS}
    waiting = [one for one in found if review.waiting(one) and one not in groups["pending"]]
    return {**groups, "proposed": waiting}


def _words() -> dict[str, str]:
    """Return what statuses and kinds are called in the language of this page."""
    return {key: say(message) for key, message in {**_GROUPS, **_KINDS}.items()}


def _client(services: Services, id: str) -> Record:
    found = services.store.shelf(shelves.CLIENTS).find(id)
    if found is None:
        raise NotFound.because("client-unknown")
    return found


def _said(client: Record) -> dict[str, str]:
    """Return what the form about `client` begins with."""
    unit, masks = client.get("organization") or {}, client.get("masks") or {}
    return {
        "scope": client.get("scope", ""),
        "organization": unit.get("reference") or "",
        "organization_name": unit.get("name") or "",
        "division": client.get("division") or "",
        "limited": "yes" if client.get("region") or _is_new_system(client) else "",
        "labels": " ".join(client.get("labels", ())),
        "purpose_of_use": client.get("purpose_of_use") or PURPOSES[0],
        "introspect": "yes" if client.get("may_introspect") else "",
        **{
            how: " ".join(f"{type}.{name}" for type, one in masks.items() for name in one[how])
            for how in ("hidden", "masked")
        },
    }


def _is_new_system(client: Record) -> bool:
    """Tell whether nobody has decided yet what a system sees: no more than its own, then."""
    return client["kind"] == "backend" and not client.get("reviews")


def _shown(
    services: Services,
    session: Session,
    client: Record,
    given: dict[str, str],
    faults: tuple[str, ...] = (),
) -> Response:
    zone, known = services.interpreters.zone, sensitivity.declared(TERMINOLOGY)
    return page(
        "client.html",
        session,
        422 if faults else 200,
        client=client,
        given=given,
        faults={name: say("clients-field-wrong") for name in faults},
        same_name=_of_same_name(services, client),
        words=_words(),
        purposes=[(code, say(_PURPOSES[code])) for code in PURPOSES],
        labels=[(code, said[language()]) for code, said in known.items()],
        moment=lambda when: when.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
    )


def _of_same_name(services: Services, client: Record) -> list[Record]:
    """Return the other clients that people would take for this one."""
    found = services.store.shelf(shelves.CLIENTS).all({"name": client["name"]})
    return [one for one in found if one["id"] != client["id"]]


def _decided(services: Services, session: Session, client: Record) -> Response:
    verdict, note = request.form.get("verdict", ""), request.form.get("note", "").strip()
    given = {name: request.form.get(name, "").strip() for name in _FORM}
    if verdict not in VERDICTS or not 0 < len(note) <= _LONGEST_NOTE:
        return _shown(services, session, client, given, ("note",))
    try:
        terms = review.terms(services, given, client) if verdict == "approved" else {}
    except Faulty as fault:
        return _shown(services, session, client, given, fault.fields)
    caller = caller_of(session.account, "HSYSADMIN")
    seen = request.form.get("revision") or None
    decision = Decision(verdict, caller, note, seen, terms, address())
    review.decide(services, client["id"], decision)
    return redirect(f"/admin/clients/{client['id']}", 303)  # type: ignore[return-value]
