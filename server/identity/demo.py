"""Accounts to try the demo region with; never in production.

Their people are made up, their passwords are new each time and are told once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_urlsafe

import orjson

from server.access.caller import ANONYMOUS
from server.context import Context
from server.fhir.json import Resource
from server.fhir.outcome import Forbidden
from server.identity import accounts, internal, passwords, real_name, totp
from server.interactions.call import Call
from server.interactions.door import perform
from server.services import Services

RESIDENT = "demo-1-000000"
_UNIT = {"reference": "Organization/demo-hospital-350602", "name": "芗城区医院（演示）"}
_STAFF = (
    ("clinician", "演示医生", "350602", "Practitioner/demo-hospital-350602-1"),
    ("registrar", "演示登记员", "3506", None),
    ("administrator", "演示管理员", "3506", None),
    ("security", "演示安全员", "3506", None),
    ("auditor", "演示审计员", "3506", None),
)


@dataclass(frozen=True, slots=True)
class Made:
    """How to sign in to an account; staff need the `secret` of a second factor, too."""

    role: str
    login: str
    password: str
    secret: str = ""


def demo_accounts(services: Services) -> Iterator[Made]:
    """Yield the accounts, with new passwords. Raises Forbidden in production."""
    if services.interpreters.settings.mode == "production":
        raise Forbidden.because("demo-accounts-not-in-production")
    patient = _resident(services)
    if patient is not None:
        yield _made_resident(services, patient)
    for role, name, division, person in _STAFF:
        yield _made_staff(services, role, name, division, person)


def _made_resident(services: Services, patient: Resource) -> Made:
    number = next(
        one["value"] for one in patient["identifier"] if one["system"] == real_name.ID_NUMBER
    )
    login = accounts.resident_login(number)
    known = accounts.shelf(services).first({"login": login}) or accounts.add_bound(
        services, login, patient["name"][0]["text"], f"Patient/{patient['id']}"
    )
    return Made("resident", number, _password(services, known["id"]))


def _made_staff(
    services: Services, role: str, name: str, division: str, person: str | None
) -> Made:
    login = f"demo-{role}"
    known = accounts.shelf(services).first({"login": accounts.staff_login(login)})
    if known is None:
        details = {"name": name, "role": role, "division": division, "organization": _UNIT}
        who = {"person": person} if person else {}
        known = accounts.add_staff(services, login, {**details, **who})
    secret = totp.new_secret()
    accounts.shelf(services).change(known["id"], {"totp": secret, "totp_step": 0})
    return Made(role, login, _password(services, known["id"]), secret)


def _password(services: Services, id: str) -> str:
    password = token_urlsafe(9) + "-8b"
    accounts.shelf(services).change(id, {"password": passwords.hashed(password)})
    return password


def _resident(services: Services) -> Resource | None:
    access = internal.finder(services, ANONYMOUS)
    context = Context.of(services, access, "zh")
    query = (("_id", RESIDENT),)
    call = Call(interaction="search-type", type="Patient", query=query)
    entries = orjson.loads(perform(context, call).body).get("entry", ())
    found: Resource | None = entries[0]["resource"] if entries else None
    return found
