"""The page on which a registrar confirms guardians whom the record of the child does not name.

What it tells is what a registrar compares with the papers: who the child is, who asks, and whom
the record names as relatives.

Spec: Personal Information Protection Law article 31; https://hl7.org/fhir/R4/relatedperson.html
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from server.fhir.json import Resource
from server.fhir.outcome import NotFound
from server.identity import access, accounts, bonds
from server.identity.sessions import Session
from server.portal import persons, persons_page, trace, words
from server.portal.desk import Desk
from server.portal.pages import language, page, see_other
from server.portal.session import require_role
from server.profiles.identity_numbers.residents import ID_NUMBER
from server.services import Services
from server.store.shelf import Record

_ROLE = "registrar"
_ENOUGH = 20
_MOST_PAGES = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """A guardian to confirm; `holder` is empty for one whose record is not the registrar's to see.

    Of a person there are the name, the ID number, the day of birth and the address.
    """

    bond: Record
    child: tuple[str, ...]
    holder: tuple[str, ...]
    relatives: tuple[str, ...]


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/guardians``."""
    blueprint = Blueprint("guardians", __name__)
    trace.recorded(blueprint, services)

    @blueprint.get("/guardians")
    def waiting() -> Response:
        return _waiting(services(), require_role(_ROLE))

    @blueprint.post("/guardians/<id>")
    def decided(id: str) -> Response:
        return _decided(services(), require_role(_ROLE), id)

    return blueprint


def _waiting(services: Services, session: Session) -> Response:
    desk, after = _desk(services, session), request.args.get("after")
    found: list[Asked] = []
    for _ in range(_MOST_PAGES):
        waiting = bonds.waiting(services, after)
        found += _asked(services, desk, waiting.records)
        after = waiting.after
        if after is None or len(found) >= _ENOUGH:
            break
    return page("guardians.html", session, waiting=found, after=after)


def _decided(services: Services, session: Session, id: str) -> Response:
    waiting = bonds.pending(services, id)
    if not _seen(_desk(services, session), [waiting["patient"]]):
        raise NotFound.because("bond-unknown")
    is_one = request.form.get("verdict") == "active"
    bond = bonds.decide(services, id, "active" if is_one else "refused", session.account)
    persons_page.note(services, session, bond, f"guardian-{bond['status']}", "U")
    return see_other("/guardians")


def _desk(services: Services, session: Session) -> Desk:
    return trace.desk(services, access.of(services, session, purpose="HOPERAT"))


def _asked(services: Services, desk: Desk, waiting: Sequence[Record]) -> list[Asked]:
    """Return those of `waiting` whose child's record the registrar may see."""
    known = accounts.shelf(services).many([bond["account"] for bond in waiting])
    holders = {bond["id"]: known.get(bond["account"], {}).get("person") for bond in waiting}
    seen = _seen(desk, [*(bond["patient"] for bond in waiting), *filter(None, holders.values())])
    shown = [bond for bond in waiting if bond["patient"] in seen]
    relatives = _relatives(desk, [bond["patient"] for bond in shown])
    return [
        Asked(
            bond,
            _told(seen[bond["patient"]]),
            _told(seen.get(holders[bond["id"]] or "", {})),
            tuple(relatives.get(bond["patient"], ())),
        )
        for bond in shown
    ]


def _seen(desk: Desk, patients: Sequence[str]) -> dict[str, Resource]:
    """Return those of `patients` (``Patient/a``) that the registrar may see, by reference."""
    if not patients:
        return {}
    ids = sorted({one.partition("/")[2] for one in patients})
    query = (("_id", ",".join(ids)), ("_count", str(len(ids))))
    return {f"Patient/{one['id']}": one for one in desk.search("Patient", query).matches}


def _relatives(desk: Desk, children: Sequence[str]) -> dict[str, list[str]]:
    """Return whom the records of `children` name as relatives: what they are, and their names."""
    found: dict[str, list[str]] = {}
    query = (("patient", ",".join(sorted({*children}))), ("_count", "200"))
    for one in desk.search("RelatedPerson", query).matches if children else ():
        kinds = [words.concept(each, language()) for each in one.get("relationship", ())]
        told = " ".join([*kinds, persons.name(one)])
        found.setdefault(one["patient"]["reference"], []).append(told)
    return found


def _told(patient: Resource) -> tuple[str, ...]:
    """Return what a registrar compares with the papers of a person."""
    if not patient:
        return ()
    numbers: list[Any] = [
        one.get("value") for one in patient.get("identifier", ()) if one.get("system") == ID_NUMBER
    ]
    lives = next((one.get("text") for one in patient.get("address", ())), None)
    parts = (persons.name(patient), *numbers, patient.get("birthDate"), lives)
    return tuple(str(part) for part in parts if part)
