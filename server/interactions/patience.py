"""A lookup that answers only for so long: no search asks the database on and on.

A query can have a thousand parts that the database is asked for one by one, and for each of many
types. Each question is short; all of them together need not be.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from server.fhir.outcome import TooCostly
from server.search.conditions import Condition
from server.search.joins import Document
from server.store.resources import Resources

SECONDS = 10.0
TOLD = ("v", "comp")
"""The fields of what goes out by which the trail tells what it was, and whom it is about."""


def _soon() -> float:
    return time.monotonic() + SECONDS


@dataclass(frozen=True, slots=True)
class Patience:
    """Asks `resources` until the moment `until`, by the monotonic clock.

    `letters` are the rights that the caller has to have to what is found.
    """

    resources: Resources
    letters: str = "s"
    until: float = field(default_factory=_soon)

    def returning(self) -> "Patience":
        """Return this lookup for what is not only searched, but goes out."""
        return replace(self, letters="rs")

    def rows(
        self, type: str, condition: Condition, fields: Sequence[str], limit: int
    ) -> list[Document]:
        """Return at most `limit` resources. Raises TooCostly when the time is over."""
        if time.monotonic() > self.until:
            raise TooCostly.because("database-work-too-long")
        return self.resources.rows(type, condition, fields, limit, self.letters)
