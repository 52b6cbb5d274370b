"""Alarms: somebody goes on guessing in spite of refusals.

An alarm is a line in the log, a number in the metrics, an event of the trail, and what the
security officer sees on a page for half a year.

Spec: GB/T 22239-2019 8.1.3.3, 8.1.4.3; https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html
"""

import logging
from datetime import UTC, datetime, timedelta
from secrets import token_hex

from prometheus_client import Counter

from server.access.caller import Caller
from server.audit.event import Event, own
from server.identity import jurisdictions, shelves
from server.services import Services
from server.store.shelf import Page, Record, Where

KEPT = timedelta(days=183)
_SHOWN = 100
_alarms = Counter("tongkang_alarms", "Alarms: somebody goes on guessing.", ("what",))
_log = logging.getLogger("tongkang.alarm")
_FROM = ("address", "client", "token", "authorize", "push", "registration")
"""Kinds of attempts that are counted by where they come from."""
_AT = ("code", "emergency", "patient")
"""Kinds of attempts that are counted by the id of an account."""


def raised(services: Services, what: str, key: str, attempts: int) -> None:
    """Raise an alarm of `attempts` of the kind `what`, that are counted by `key`."""
    _alarms.labels(what).inc()
    # Whom it is about is told to the security officer, not to the log.
    _log.warning("alarm: guessing goes on", extra={"what": what, "attempts": attempts})
    account = _account(services, what, key)
    record = {
        "kind": "guessing",
        "what": what,
        "attempts": attempts,
        "account": account["id"] if account else None,
        "name": (account.get("shown") or account["name"]) if account else None,
        "source": key if what in _FROM else None,
        "divisions": _divisions(services, account),
        "created": datetime.now(UTC),
        "expires_at": datetime.now(UTC) + KEPT,
    }
    services.store.shelf(shelves.ALARMS).add(token_hex(12), record)
    facts = [("what", what), ("attempts", str(attempts))]
    facts += [("account", account["id"])] if account else []
    caller = Caller(kind="system", purpose="HSYSADMIN")
    event = Event(act=own("alarm", "E"), caller=caller, outcome="4", facts=tuple(facts))
    services.trail.append(event)


def newest(services: Services, by: Record, after: str | None = None) -> Page:
    """Return a page of the alarms of the last half year that are for `by` to see, newest first.

    They begin behind that with the id `after`.
    """
    where: Where = {"kind": "guessing", "divisions": jurisdictions.watched(by)}
    return services.store.shelf(shelves.ALARMS).page(
        where, newest="created", after=after, limit=_SHOWN
    )


def _divisions(services: Services, account: Record | None) -> list[str]:
    """Return where an alarm is heard: everywhere, if it is about nobody who has an account."""
    if account is None:
        return jurisdictions.of_nobody()
    return jurisdictions.of_account(services, account)


def _account(services: Services, what: str, key: str) -> Record | None:
    accounts = services.store.shelf(shelves.ACCOUNTS)
    if what == "login":
        return accounts.first({"login": key})
    return accounts.find(key) if what in _AT else None
