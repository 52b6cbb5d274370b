"""A lookup that answers only for so long: no search asks the database on and on.

A query can have a thousand parts that the database is asked for one by one, and for each of many
types. Each question is short; all of them together need not be.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from server.fhir.outcome import TooCostly
from server.search.conditions import Condition
from server.search.joins import Document, Lookup

SECONDS = 10.0


def _soon() -> float:
    return time.monotonic() + SECONDS


@dataclass(frozen=True, slots=True)
class Patience:
    """Asks `lookup` until the moment `until`, by the monotonic clock."""

    lookup: Lookup
    until: float = field(default_factory=_soon)

    def rows(
        self, type: str, condition: Condition, fields: Sequence[str], limit: int
    ) -> list[Document]:
        """Return what `lookup` does. Raises TooCostly when the time is over."""
        if time.monotonic() > self.until:
            raise TooCostly.because("database-work-too-long")
        return self.lookup.rows(type, condition, fields, limit)
