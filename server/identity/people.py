"""For whom a person may act: themselves, their children, and who gave them a proxy.

A guardian's bond ends when the child is 14 (Personal Information Protection Law, article 31), a
proxy's when it expires; both are looked at when they are used.
"""

from datetime import date, datetime, tzinfo

from server.identity import shelves
from server.services import Services
from server.store.shelf import Record

OF_AGE = 14


def persons(services: Services, account: Record) -> tuple[str, ...]:
    """Return the patients (``Patient/a``) that `account` may act for, the person's own first."""
    own = [account["person"]] if str(account.get("person", "")).startswith("Patient/") else []
    bonds = services.store.shelf(shelves.BONDS).all({"account": account["id"]})
    zone = services.interpreters.zone
    bound = [bond["patient"] for bond in bonds if is_in_force(bond, zone)]
    return tuple(dict.fromkeys([*own, *bound]))


def is_in_force(bond: Record, zone: tzinfo) -> bool:
    """Tell whether `bond` gives any right today, in `zone`."""
    if bond.get("status", "active") != "active":
        return False
    if bond["relation"] != "guardian":
        return True  # one that has expired is not there any more
    return age(date.fromisoformat(bond["born"]), zone) < OF_AGE


def age(born: date, zone: tzinfo) -> int:
    """Return how old somebody `born` then is today, in `zone`."""
    today = datetime.now(zone).date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
