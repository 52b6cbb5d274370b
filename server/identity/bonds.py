"""Bonds: whose record somebody may see beside their own, as a guardian or by proxy.

A guardian is one that the child's record names as such; else a registrar confirms it. A proxy is
given by the person themselves, for a year at most, and taken back when they like.

Spec: Personal Information Protection Law articles 29 to 31; https://hl7.org/fhir/R4/relatedperson.html
"""

from datetime import UTC, date, datetime, timedelta
from secrets import token_hex
from typing import Any, Literal

import orjson

from server.access.caller import Caller
from server.context import Context
from server.fhir.json import Resource
from server.fhir.outcome import Conflict, NotFound, Unprocessable
from server.identity import accounts, internal, people, real_name, shelves
from server.interactions.call import Call
from server.interactions.door import perform
from server.services import Services
from server.store.shelf import Record, Shelf

LONGEST = timedelta(days=366)
_GUARDIAN = "GUARD"


def shelf(services: Services) -> Shelf:
    """Return where bonds are kept."""
    return services.store.shelf(shelves.BONDS)


def ask_guardian(services: Services, account: Record, number: str, name: str, born: str) -> Record:
    """Bind `account` to the child so described; it waits unless the child's record names them.

    Raises Unprocessable if there is no such child, or it is 14 already; Conflict if it is bound.
    """
    child = real_name.find(services, number, name, born)
    zone = services.interpreters.zone
    if child is None or people.age(date.fromisoformat(born), zone) >= people.OF_AGE:
        raise Unprocessable.because("child-unknown", "number")
    patient = f"Patient/{child['id']}"
    _require_new(services, account["id"], patient)
    names = _guardians(services, child["id"])
    status = "active" if real_name.name_key(account["name"]) in names else "pending"
    bond = {
        "account": account["id"],
        "patient": patient,
        "relation": "guardian",
        "born": born,
        "name": name,
        "holder": account["name"],
        "status": status,
        "created": datetime.now(UTC),
    }
    return _add(services, bond)


def give_proxy(services: Services, account: Record, number: str, until: date) -> Record:
    """Let the holder of the account with ID number `number` see the record of `account`.

    Raises Unprocessable if there is no such account, or `until` is too far or past; Conflict if
    they may already.
    """
    now = datetime.now(UTC)
    end = datetime(until.year, until.month, until.day, tzinfo=services.interpreters.zone)
    if not now < end + timedelta(days=1) <= now + LONGEST:
        raise Unprocessable.because("proxy-until", "until")
    other = accounts.shelf(services).first({"login": accounts.resident_login(number)})
    if other is None or other["id"] == account["id"] or other["status"] != "active":
        raise Unprocessable.because("proxy-unknown", "number")
    _require_new(services, other["id"], account["person"])
    bond = {
        "account": other["id"],
        "patient": account["person"],
        "relation": "proxy",
        "name": account["name"],
        "holder": other["name"],
        "status": "active",
        "created": now,
        "expires_at": end + timedelta(days=1),
    }
    return _add(services, bond)


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


def waiting(services: Services) -> list[Record]:
    """Return the guardians that a registrar has to confirm."""
    return shelf(services).all({"status": "pending"})


def decide(services: Services, id: str, verdict: Literal["active", "refused"]) -> Record:
    """Confirm or refuse a guardian. Raises NotFound if nobody waits for it."""
    bond = shelf(services).change(id, {"status": verdict}, {"status": "pending"})
    if bond is None:
        raise NotFound.because("bond-unknown")
    return bond


def _add(services: Services, bond: dict[str, Any]) -> Record:
    id = token_hex(16)
    shelf(services).add(id, bond)
    return {"id": id, **bond}


def _require_new(services: Services, account: str, patient: str) -> None:
    if shelf(services).first({"account": account, "patient": patient}):
        raise Conflict.because("bond-exists")


def _guardians(services: Services, child: str) -> set[str]:
    """Return the names, to be compared, of who the record of `child` calls a guardian."""
    access = internal.relatives(services, Caller(kind="system", purpose="HSYSADMIN"), child)
    context = Context.of(services, access, services.interpreters.settings.language)
    query = (("patient", child), ("_count", "20"))
    call = Call(interaction="search-type", type="RelatedPerson", query=query)
    bundle: dict[str, Any] = orjson.loads(perform(context, call).body)
    return {
        real_name.name_key(name.get("text", ""))
        for entry in bundle.get("entry", ())
        if _is_guardian(entry["resource"])
        for name in entry["resource"].get("name", ())
    }


def _is_guardian(person: Resource) -> bool:
    codings = [coding for one in person.get("relationship", ()) for coding in one.get("coding", ())]
    return any(coding.get("code") == _GUARDIAN for coding in codings)
