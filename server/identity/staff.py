"""Accounts of staff: who may open which, and who may end one.

An administrator opens accounts within their own division; the security officer locks, unlocks and
closes them. Administrator, security officer and auditor keep watch over one another, so that nobody
is two of them.

Spec: GB/T 22239-2019 8.1.4.2; https://csrc.nist.gov/glossary/term/separation_of_duty
"""

import re
from collections.abc import Mapping

from server.access import divisions
from server.fhir.human_name import name_key
from server.fhir.outcome import Forbidden
from server.identity import accounts, totp
from server.identity.sessions import Sessions
from server.identity.throttle import Throttle
from server.services import Services
from server.store.shelf import Page, Record, Where

EXCLUSIVE = ("administrator", "security", "auditor")
"""Roles that keep watch over one another, so nobody has two of them."""
NO_STAFF = ("resident", "system", "platform")
"""Roles that members of staff cannot have."""
FIELDS = ("login", "name", "role", "division", "organization", "organization_name", "person")
_SHOWN = 100
_LOGIN = re.compile(r"[a-z][a-z0-9._@-]{2,63}")
_REFERENCE = re.compile(r"Organization/[A-Za-z0-9.-]{1,64}")
_PERSON = re.compile(r"Practitioner/[A-Za-z0-9.-]{1,64}")
_LONGEST_NAME = 100
_WAYS = {
    "locked": ("active",),
    "active": ("locked",),
    # A closed account is never opened again: whose it was remains to be known.
    "closed": ("active", "locked"),
}


def wrong(services: Services, form: Mapping[str, str], by: Record | None) -> list[str]:
    """Return the fields of `form` that no account can be opened with by `by`.

    `form` has a text for each of FIELDS; without `by`, nobody's division is a limit.
    """
    roles = services.interpreters.roles.letters
    is_wrong = {
        "login": not _LOGIN.fullmatch(form["login"]),
        "name": not 0 < len(form["name"]) <= _LONGEST_NAME or not form["name"].isprintable(),
        "role": form["role"] not in roles or form["role"] in NO_STAFF,
        "division": not divisions.is_code(form["division"]) or not is_within(form, by),
        "organization": bool(form["organization"])
        and not _REFERENCE.fullmatch(form["organization"]),
        "person": bool(form["person"]) and not _PERSON.fullmatch(form["person"]),
    }
    return [name for name, one in is_wrong.items() if one]


def opened(services: Services, form: Mapping[str, str], by: str) -> Record:
    """Return the new account, still without a password, that `form` describes.

    `by` is the id of the account that opens it. Raises Conflict if the login is taken, Forbidden
    if the person has a role that excludes this one.
    """
    name = form["organization_name"] or form["organization"]
    unit = {"reference": form["organization"], "name": name} if form["organization"] else None
    details = {
        "name": form["name"],
        "role": form["role"],
        "division": form["division"],
        "organization": unit,
        "person": form["person"] or None,
        "opened_by": by,
    }
    if form["role"] in EXCLUSIVE and any(
        _is_same(one, details) and one["role"] in EXCLUSIVE and one["role"] != form["role"]
        for one in accounts.shelf(services).each({"kind": "staff"})
        if one["status"] != "closed"
    ):
        raise Forbidden.because("account-exclusive")
    kept = {name: value for name, value in details.items() if value is not None}
    return accounts.add_staff(services, form["login"], kept)


def within(services: Services, of: Record, after: str | None = None) -> Page:
    """Return a page of the accounts of staff of the division of `of` and below, newest first.

    They begin behind that with the id `after`.
    """
    # Accounts that were opened before there were `divisions` have none.
    within = (divisions.prefix(of.get("division") or ""), None)
    where: Where = {"kind": "staff", "divisions": within}
    found = accounts.shelf(services).page(where, newest="created", after=after, limit=_SHOWN)
    return Page([one for one in found.records if is_within(one, of)], found.after)


def is_within(what: Mapping[str, str], of: Record | None) -> bool:
    """Tell whether the division of `what` is that of `of`, or below."""
    if of is None:
        return True
    own = of.get("division")
    return bool(own) and divisions.prefix(what["division"]).startswith(divisions.prefix(own or ""))


def change(services: Services, account: Record, status: str) -> Record | None:
    """Make `account` active, locked or closed and return it; None if it cannot become that.

    Whoever is signed in with it is signed out; what counted against it is forgotten.
    """
    values = {"status": status}
    if status == "closed" and account["kind"] == "resident":
        # They may register once more: nobody is kept from their own record.
        values |= dict.fromkeys(("login", "resident"), f"closed:{account['id']}")
    for before in _WAYS[status]:
        changed = accounts.shelf(services).change(account["id"], values, {"status": before})
        if changed is not None:
            if status == "active":
                free(services, account)
            else:
                Sessions(services).end_all(account["id"])
            return changed
    return None


def free(services: Services, account: Record) -> None:
    """Let the person of `account` try again at once, after too many attempts."""
    Throttle(services).forget("login", account["login"])
    Throttle(services).forget("code", account["id"])


def forget_factor(services: Services, account: Record) -> None:
    """Take the second factor of an account whose person has lost it, and sign them out."""
    totp.forget(services, account)
    Sessions(services).end_all(account["id"])


def _is_same(one: Record, other: Mapping[str, object]) -> bool:
    """Tell whether two accounts are those of one person: of one resource, or name and unit."""
    if one.get("person") and other["person"]:
        return bool(one["person"] == other["person"])
    units = (one.get("organization"), other["organization"])
    references = [unit.get("reference") if isinstance(unit, dict) else None for unit in units]
    return name_key(one["name"]) == name_key(str(other["name"])) and references[0] == references[1]
