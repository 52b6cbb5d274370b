"""Invitations: how a member of staff gets the first password, which nobody else ever knows.

Whoever opens an account gets a link to pass on; it works once, for three days.

Spec: https://cheatsheetseries.owasp.org/cheatsheets/Forgot_Password_Cheat_Sheet.html
"""

from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe

from server.identity import accounts, shelves
from server.identity.sessions import Sessions
from server.services import Services
from server.store.shelf import Record, digest

LASTS = timedelta(days=3)


def invite(services: Services, account: Record) -> str:
    """Return the path of the page where the person of `account` chooses a password."""
    secret = token_urlsafe(32)
    services.store.shelf(shelves.INVITATIONS).remove({"account": account["id"]})
    record = {"account": account["id"], "expires_at": datetime.now(UTC) + LASTS}
    services.store.shelf(shelves.INVITATIONS).add(digest(secret), record)
    return f"/set-up/{secret}"


def invited(services: Services, secret: str) -> Record | None:
    """Return the account that `secret` invites to, None if it is no invitation any more."""
    found = services.store.shelf(shelves.INVITATIONS).find(digest(secret))
    account = accounts.shelf(services).find(found["account"]) if found else None
    return account if accounts.is_in_use(account, services.interpreters.settings) else None


def accept(services: Services, secret: str, password: str) -> Record | None:
    """Give the invited account its password and return it; None if the invitation is used.

    Raises Unprocessable if the password is not good enough.
    """
    account = invited(services, secret)
    if account is None:
        return None
    accounts.require_good(services, account, password)
    if services.store.shelf(shelves.INVITATIONS).take(digest(secret)) is None:
        return None
    accounts.set_password(services, account, password)
    Sessions(services).end_all(account["id"])
    return account
