"""Bonds: whose record somebody may see beside their own, as a guardian or by proxy.

A guardian is one that the child's record names as such; else a registrar confirms it. A proxy is
given by the person themselves, for a year at most, and taken back when they like.

Spec: Personal Information Protection Law articles 29 to 31; https://hl7.org/fhir/R4/relatedperson.html
"""

from datetime import UTC, date, datetime, timedelta
from secrets import token_hex
from typing import Any, Literal

from server.fhir.human_name import name_key
from server.fhir.outcome import Conflict, NotFound, Unprocessable
from server.identity import accounts, guardians, people, real_name, shelves
from server.identity.access import caller_of
from server.identity.real_name import Asker, Claim
from server.services import Services
from server.store.shelf import Page, Record, Shelf

LONGEST = timedelta(days=365)
_PENDING = "pending"
_TOGETHER = 50


def shelf(services: Services) -> Shelf:
    """Return where bonds are kept."""
    return services.store.shelf(shelves.BONDS)


def ask_guardian(services: Services, account: Record, claim: Claim, address: str | None) -> Record:
    """Bind `account` to the child so described; it waits unless the child's record names them.

    Raises Unprocessable if there is no such child, or it is 14 already; Conflict if it is bound.
    """
    asker = Asker(caller_of(account, "FAMRQT"), address)
    child = real_name.find(services, claim, asker)
    zone = services.interpreters.zone
    if child is None or people.age(date.fromisoformat(claim.born), zone) >= people.OF_AGE:
        raise Unprocessable.because("child-unknown", "number")
    patient = f"Patient/{child['id']}"
    _require_new(services, account["login"], patient)
    bond = {
        "account": account["id"],
        "holder_login": account["login"],
        "holder": account["name"],
        "patient": patient,
        "relation": "guardian",
        "born": claim.born,
        "name": claim.name,
        "status": "active" if guardians.names(services, child["id"], account, asker) else _PENDING,
        "created": datetime.now(UTC),
    }
    return _add(services, bond)


def give_proxy(services: Services, account: Record, holder: tuple[str, str], until: date) -> Record:
    """Let the resident with this ID number and name see the record of `account`.

    It begins when they have an account; whether they have one is not told. Raises Unprocessable
    if `until` is too far or past, or it is the holder of `account`; Conflict if they may already.
    """
    number, name = holder
    zone = services.interpreters.zone
    today = datetime.now(zone).date()
    if not today <= until <= today + LONGEST:
        raise Unprocessable.because("proxy-until", "until")
    login = accounts.resident_login(number)
    if login == account["login"]:
        raise Unprocessable.because("proxy-own", "number")
    _require_new(services, login, account["person"])
    bond = {
        "account": "",
        "holder_login": login,
        "holder": name,
        "patient": account["person"],
        "relation": "proxy",
        "name": account["name"],
        "status": "active",
        "created": datetime.now(UTC),
        "expires_at": datetime(until.year, until.month, until.day, tzinfo=zone) + timedelta(days=1),
    }
    added = _add(services, bond)
    other = accounts.shelf(services).first({"login": login})
    if other is not None:
        take_up(services, other)
    return added


def take_up(services: Services, account: Record) -> None:
    """Give `account` the proxies that were made out to its person before they registered."""
    for bond in shelf(services).all({"holder_login": account["login"], "account": ""}):
        if name_key(bond["holder"]) == name_key(account["name"]):
            shelf(services).change(bond["id"], {"account": account["id"]}, {"account": ""})


def mine(services: Services, account: Record) -> list[Record]:
    """Return the bonds of `account`: whom they may act for."""
    return shelf(services).all({"account": account["id"]})


def given(services: Services, account: Record) -> list[Record]:
    """Return the proxies that `account` gave to others."""
    return shelf(services).all({"patient": account["person"], "relation": "proxy"})


def end(services: Services, account: Record, id: str) -> Record:
    """End a bond of `account`, on either side. Raises NotFound if there is none."""
    bond = shelf(services).find(id)
    sides = (bond["account"], bond["patient"]) if bond else ()
    if bond is None or not {account["id"], account.get("person")} & set(sides):
        raise NotFound.because("bond-unknown")
    shelf(services).take(id)
    return bond


def waiting(services: Services, after: str | None = None) -> Page:
    """Return a page of the guardians that a registrar has to confirm, the newest first.

    They begin behind that with the id `after`.
    """
    return shelf(services).page(
        {"status": _PENDING}, newest="created", after=after, limit=_TOGETHER
    )


def pending(services: Services, id: str) -> Record:
    """Return the guardian with this id. Raises NotFound if it does not wait to be confirmed."""
    bond = shelf(services).first({"_id": id, "status": _PENDING})
    if bond is None:
        raise NotFound.because("bond-unknown")
    return bond


def decide(
    services: Services, id: str, verdict: Literal["active", "refused"], by: Record
) -> Record:
    """Confirm or refuse a guardian, as `by` found. Raises NotFound if nobody waits for it."""
    values = {"status": verdict, "decided": {"by": by["id"], "at": datetime.now(UTC)}}
    bond = shelf(services).change(id, values, {"status": _PENDING})
    if bond is None:
        raise NotFound.because("bond-unknown")
    return bond


def _add(services: Services, bond: dict[str, Any]) -> Record:
    id = token_hex(16)
    shelf(services).add(id, bond)
    return {"id": id, **bond}


def _require_new(services: Services, login: str, patient: str) -> None:
    """Raise Conflict if there is such a bond that is in force, or waits to be."""
    zone = services.interpreters.zone
    there = shelf(services).all({"holder_login": login, "patient": patient})
    if any(one["status"] == _PENDING or people.is_in_force(one, zone) for one in there):
        raise Conflict.because("bond-exists")
