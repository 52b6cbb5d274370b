"""Guessing made slow: attempts are counted before anything is compared.

They are counted for what is guessed (a login, a code) and for the address that guesses. After a
few it is locked, the longer the more often that happens. Whoever goes on in spite of refusals is
an alarm.

Spec: https://pages.nist.gov/800-63-4/sp800-63b.html#throttle
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from server.fhir.outcome import TooMany
from server.identity import alarms, shelves
from server.services import Services
from server.store.shelf import Record, digest

LONGEST = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many attempts are free within `window`, and after how many there is an alarm.

    Too many are refused for as long as `window`, and longer each time up to `longest`. Without
    `locks` they are an alarm, but are not refused.
    """

    free: int
    alarm: int
    window: timedelta
    longest: timedelta = timedelta(0)
    locks: bool = True


# What many people share, such as an address, is not refused for longer and longer.
LIMITS: Mapping[str, Limit] = {
    "login": Limit(5, 10, timedelta(minutes=15), LONGEST),
    "address": Limit(60, 300, timedelta(minutes=15)),
    "everybody": Limit(500, 500, timedelta(minutes=1), locks=False),
    "code": Limit(5, 10, timedelta(minutes=10), LONGEST),
    "emergency": Limit(10, 20, timedelta(hours=1)),
    "client": Limit(30, 100, timedelta(minutes=5)),
    "token": Limit(300, 1000, timedelta(minutes=5)),
    "authorize": Limit(600, 2000, timedelta(minutes=5)),
    "push": Limit(300, 1000, timedelta(minutes=5)),
    "patient": Limit(30, 100, timedelta(minutes=15), LONGEST),
    "registration": Limit(20, 60, timedelta(hours=1)),
    "registered": Limit(5, 10, timedelta(hours=1), LONGEST),
}
_REMEMBERED = timedelta(days=1)


class Throttle:
    """The attempts on the database of `services`, so that all processes count together."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._shelf = services.store.shelf(shelves.ATTEMPTS)

    def attempt(self, what: str, key: str) -> None:
        """Count an attempt at `key`. Raises TooMany if there were too many of late."""
        limit, name = LIMITS[what], _name(what, key)
        now = datetime.now(UTC)
        found = self._shelf.increase(name, "count", {"expires_at": now + limit.window})
        count = found["count"]
        if count == limit.alarm:
            alarms.raised(self._services, what, key, count)
        if count > limit.free and limit.locks:
            if count == limit.free + 1:
                found = self._locked(name, limit, now) or found
            raise _refusal(found["expires_at"] - now)

    def spare(self, what: str, key: str) -> None:
        """Take back an attempt at `key`, for it was no guess."""
        end = datetime.now(UTC) + LIMITS[what].window
        self._shelf.increase(_name(what, key), "count", {"expires_at": end}, by=-1)

    def forget(self, what: str, key: str) -> None:
        """Forget the attempts at `key`, for one succeeded."""
        for name in (_name(what, key), _times(_name(what, key))):
            self._shelf.take(name)

    def _locked(self, name: str, limit: Limit, now: datetime) -> Record | None:
        """Refuse attempts for a while, twice as long as the last time if that was within a day."""
        remembered = {"expires_at": now + LONGEST + _REMEMBERED}
        times = self._shelf.increase(_times(name), "count", remembered)["count"]
        self._shelf.change(_times(name), remembered)
        lasts = min(limit.window * 2 ** min(times - 1, 16), max(limit.window, limit.longest))
        return self._shelf.change(name, {"expires_at": now + lasts})


def _refusal(wait: timedelta) -> TooMany:
    seconds = max(1, ceil(wait.total_seconds()))
    refusal = TooMany.because("too-many-attempts", minutes=ceil(seconds / 60))
    refusal.headers["Retry-After"] = str(seconds)
    return refusal


def _name(what: str, key: str) -> str:
    """Return the name of a counter; what is guessed is not kept as it is."""
    return f"{what}:{digest(key)}"


def _times(name: str) -> str:
    return f"{name}:locked"
