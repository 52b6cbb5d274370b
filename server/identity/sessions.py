"""Sessions of people who are signed in: kept by the server, told apart by a random cookie.

A session ends when nothing was asked for a while, after eight hours at the latest, when its person
signs out or their account is closed. It gets a new name whenever its factors change.

Spec: https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from server.identity import accounts, shelves, totp
from server.services import Services
from server.store.shelf import Record, digest

IDLE: Mapping[str, timedelta] = {
    "staff": timedelta(minutes=15),
    "resident": timedelta(minutes=30),
}
LONGEST = timedelta(hours=8)
_NOTED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """One session. `factors` are how the person proved who they are: pwd, otp.

    `csrf` is the secret that every form sends back; `id` names the session and is no secret.
    """

    account: Record
    csrf: str
    factors: tuple[str, ...]
    auth_time: datetime
    id: str


class Sessions:
    """The sessions on the database of `services`."""

    def __init__(self, services: Services) -> None:
        self._shelf = services.store.shelf(shelves.SESSIONS)
        self._accounts = services.store.shelf(shelves.ACCOUNTS)
        self._safe = services.safe
        self._settings = services.interpreters.settings

    def begin(self, account: Record, factors: Sequence[str]) -> str:
        """Return the cookie of a new session of `account`."""
        cookie, now = token_urlsafe(32), datetime.now(UTC)
        record: dict[str, Any] = {
            "account": account["id"],
            "csrf": token_urlsafe(32),
            "factors": list(factors),
            "auth_time": now,
            "until": now + LONGEST,
            "seen": now,
            "expires_at": now + IDLE[account["kind"]],
        }
        self._shelf.add(digest(cookie), record)
        return cookie

    def current(self, cookie: str) -> Session | None:
        """Return the session that `cookie` names, None if there is none or it has ended."""
        found = self._shelf.find(digest(cookie))
        if found is None:
            return None
        account = self._accounts.find(found["account"])
        if account is None or not accounts.is_in_use(account, self._settings):
            return None
        self._note(found, account)
        factors = tuple(found["factors"])
        return Session(account, found["csrf"], factors, found["auth_time"], found["id"])

    def is_alive(self, id: str) -> bool:
        """Tell whether the session named `id` goes on."""
        found = self._shelf.find(id)
        account = self._accounts.find(found["account"]) if found else None
        return accounts.is_in_use(account, self._settings)

    def new_secret(self, session: Session) -> str:
        """Return the secret that this session offers as a second factor, the same each time.

        It is kept here, so that no form can bring another.
        """
        place = f"{shelves.SESSIONS.name}/{session.id}"
        new = {"offered": self._safe.closed(totp.new_secret(), place)}
        self._shelf.change(session.id, new, {"offered": None})
        found = self._shelf.find(session.id) or new
        return self._safe.opened(found["offered"], place)

    def of(self, account: str) -> list[Record]:
        """Return the sessions of an account, the latest first."""
        return self._shelf.all({"account": account}, newest="auth_time", limit=100)

    def end(self, id: str) -> None:
        """End the session named `id`."""
        self._shelf.take(id)

    def end_all(self, account: str, but: str | None = None) -> None:
        """End every session of an account, but the one named `but`."""
        for session in self._shelf.each({"account": account}):
            if session["id"] != but:
                self.end(session["id"])

    def _note(self, session: Record, account: Record) -> None:
        """Note that the person is there, once a minute at most."""
        now = datetime.now(UTC)
        if now - session["seen"] > _NOTED:
            end = min(session["until"], now + IDLE[account["kind"]])
            self._shelf.change(session["id"], {"seen": now, "expires_at": end})
