"""Accounts to try the demo region with; in production there are none, and none works.

Their people are made up, their passwords are new each time and are told once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_urlsafe

from server.fhir.json import Resource
from server.fhir.outcome import Forbidden, NotFound
from server.identity import accounts, known, passwords, totp
from server.identity.sessions import Sessions
from server.profiles.identity_numbers import residents
from server.services import Services
from server.store.shelf import Record

RESIDENT = "Patient/demo-1-000000"
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
    """Yield the accounts, with new passwords.

    Raises Forbidden in production, NotFound if the demo region is not there.
    """
    if services.interpreters.settings.mode == "production":
        raise Forbidden.because("demo-accounts-not-in-production")
    patient = known.own_record(services, RESIDENT)
    if patient is None:
        raise NotFound.because("demo-region-missing")
    yield _made_resident(services, patient)
    for role, name, division, person in _STAFF:
        yield _made_staff(services, role, name, division, person)


def are_told(services: Services) -> bool:
    """Tell whether there are such accounts, so that somebody was told how to sign in to them."""
    login = accounts.staff_login(f"demo-{_STAFF[-1][0]}")
    account = accounts.shelf(services).first({"login": login})
    return account is not None and "password" in account


def code(services: Services, login: str) -> str:
    """Return what an authenticator would show now for an account to try out, of this `login`.

    Raises NotFound if there is none, as in production.
    """
    account = accounts.shelf(services).first({"login": accounts.staff_login(login)})
    is_told = accounts.is_in_use(account, services.interpreters.settings)
    if account is None or not is_told or not account.get("demo"):
        raise NotFound.because("demo-account-unknown")
    return totp.code(totp.secret_of(services, account))


def _made_resident(services: Services, patient: Resource) -> Made:
    number = next(
        one["value"] for one in patient["identifier"] if one["system"] == residents.ID_NUMBER
    )
    login = accounts.resident_login(number)
    account = accounts.shelf(services).first({"login": login}) or accounts.add_bound(
        services, login, patient["name"][0]["text"], f"Patient/{patient['id']}"
    )
    accounts.shelf(services).change(account["id"], {"demo": True})
    return Made("resident", number, _password(services, account))


def _made_staff(
    services: Services, role: str, name: str, division: str, person: str | None
) -> Made:
    login = f"demo-{role}"
    account = accounts.shelf(services).first({"login": accounts.staff_login(login)})
    if account is None:
        details = {"name": name, "role": role, "division": division, "organization": _UNIT}
        who = {"person": person} if person else {}
        account = accounts.add_staff(services, login, {**details, **who, "demo": True})
    secret = totp.new_secret()
    kept = totp.closed(services, account["id"], secret)
    values = {"totp": kept, "totp_step": 0, "recovery": []}
    accounts.shelf(services).change(account["id"], values)
    return Made(role, login, _password(services, account), secret)


def _password(services: Services, account: Record) -> str:
    password = token_urlsafe(12)
    accounts.shelf(services).change(account["id"], {"password": passwords.hashed(password)})
    Sessions(services).end_all(account["id"])
    return password
