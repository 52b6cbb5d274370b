"""Guessing made slow: attempts are counted before anything is compared.

They are counted for what is guessed (a login, a code) and for the address that guesses. Whoever
goes on in spite of refusals is an alarm: a line in the log and a number in the metrics.

Spec: https://pages.nist.gov/800-63-4/sp800-63b.html#throttle
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from prometheus_client import Counter

from server.fhir.outcome import TooMany
from server.identity import shelves
from server.services import Services

_alarms = Counter("tongkang_alarms", "Alarms: somebody goes on guessing.", ("what",))
_log = logging.getLogger("tongkang.alarm")


@dataclass(frozen=True, slots=True)
class Limit:
    """How many attempts are free within `window`, and after how many there is an alarm."""

    free: int
    alarm: int
    window: timedelta


LIMITS: Mapping[str, Limit] = {
    "login": Limit(5, 10, timedelta(minutes=15)),
    "address": Limit(60, 300, timedelta(minutes=15)),
    "code": Limit(5, 10, timedelta(minutes=10)),
    "emergency": Limit(10, 20, timedelta(hours=1)),
    "client": Limit(30, 100, timedelta(minutes=5)),
    "token": Limit(300, 1000, timedelta(minutes=5)),
    "authorize": Limit(600, 2000, timedelta(minutes=5)),
    "patient": Limit(30, 100, timedelta(minutes=15)),
    "registration": Limit(20, 60, timedelta(hours=1)),
}


class Throttle:
    """The attempts on the database of `services`, so that all processes count together."""

    def __init__(self, services: Services) -> None:
        self._shelf = services.store.shelf(shelves.ATTEMPTS)

    def attempt(self, what: str, key: str) -> None:
        """Count an attempt at `key`. Raises TooMany if there were too many of late."""
        limit = LIMITS[what]
        end = datetime.now(UTC) + limit.window
        count = self._shelf.increase(_name(what, key), "count", {"expires_at": end})["count"]
        if count == limit.alarm:
            _alarms.labels(what).inc()
            # Whom it is about is in the trail, not in the log.
            _log.warning("alarm: guessing goes on", extra={"what": what, "attempts": count})
        if count > limit.free:
            refusal = TooMany.because("too-many-attempts", minutes=limit.window.seconds // 60 or 60)
            refusal.headers["Retry-After"] = str(int(limit.window.total_seconds()))
            raise refusal

    def forget(self, what: str, key: str) -> None:
        """Forget the attempts at `key`, for one succeeded."""
        self._shelf.take(_name(what, key))


def _name(what: str, key: str) -> str:
    """Return the name of a counter; what is guessed is not kept as it is."""
    return f"{what}:{sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"
