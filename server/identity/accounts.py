"""Accounts of residents and staff.

A resident's account is found by the SHA-256 of their ID number, a member of staff's by a login
name. Every person has their own: 人口健康信息管理办法(试行) article 18 (R1.18).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

from server.access import divisions
from server.fhir.outcome import Conflict
from server.identity import known, passwords, shelves
from server.services import Services
from server.settings import Settings
from server.store.shelf import Record, Shelf, Taken, digest


def shelf(services: Services) -> Shelf:
    """Return where accounts are kept."""
    return services.store.shelf(shelves.ACCOUNTS)


def resident_login(identity_number: str) -> str:
    """Return the login of the resident with this ID number."""
    return "id:" + digest(identity_number.strip().upper())


def staff_login(name: str) -> str:
    """Return the login of the member of staff who signs in as `name`."""
    return "staff:" + name.strip().casefold()


def add_bound(services: Services, login: str, name: str, patient: str) -> Record:
    """Return the new account of the resident who is `patient`, by their `login`.

    Raises Conflict if they have one already.
    """
    record = {"kind": "resident", "name": name, "person": patient, "resident": patient}
    return _add(services, login, record)


def add_staff(services: Services, login: str, details: Mapping[str, Any]) -> Record:
    """Return the new account, still without a password, of a member of staff.

    `details` are name, person, organization, division and role. Raises Conflict if the login is
    taken.
    """
    within = divisions.above(str(details.get("division") or ""))
    record = {"kind": "staff", "shown": login, "divisions": within, **details}
    return _add(services, staff_login(login), record)


def set_password(services: Services, account: Record, password: str) -> None:
    """Give `account` a password. Raises Unprocessable if it is not good enough."""
    require_good(services, account, password)
    shelf(services).change(account["id"], {"password": passwords.hashed(password)})


def require_good(services: Services, account: Record, password: str) -> None:
    """Raise Unprocessable unless `password` is good enough for `account`."""
    passwords.require_good(password, known.of(services, account))


def is_in_use(account: Record | None, settings: Settings) -> bool:
    """Tell whether the person of `account` may sign in: none to try out may in production."""
    if account is None or account["status"] != "active":
        return False
    return not (account.get("demo") and settings.mode == "production")


def authenticated(services: Services, login: str, password: str) -> Record | None:
    """Return the account in use with this login and password, None if there is none.

    It takes as long either way.
    """
    account = shelf(services).first({"login": login})
    kept = account.get("password") if account else None
    is_right = passwords.is_right(kept, password)
    if account is None or not is_right or not is_in_use(account, services.interpreters.settings):
        return None
    if kept and passwords.is_outdated(kept):
        shelf(services).change(account["id"], {"password": passwords.hashed(password)})
    return account


def _add(services: Services, login: str, record: Mapping[str, Any]) -> Record:
    id = token_hex(16)
    full = {"login": login, "status": "active", "created": datetime.now(UTC), **record}
    try:
        shelf(services).add(id, full)
    except Taken:
        raise Conflict.because("account-exists") from None
    return {"id": id, **full}
