"""How far an import has come, kept in the database that it writes to."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from server.services import Services
from server.store.shelf import Layout

_DAYS = 30


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """So many `rows` are done, and their rejects make a file of so many bytes (`rejects`)."""

    rows: int = 0
    rejects: int = 0
    counts: dict[str, Any] = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of a database."""

    def __init__(self, services: Services) -> None:
        self._shelf = services.store.shelf(Layout("_imports"))

    def find(self, mark: str) -> Checkpoint | None:
        """Return how far the import called `mark` was when it was interrupted, None if none was."""
        found = self._shelf.find(mark)
        if found is None:
            return None
        counts = dict(found["counts"])
        counts["warnings"] = {one["told"]: one["count"] for one in counts["warnings"]}
        return Checkpoint(found["rows"], found["rejects"], counts)

    def put(self, mark: str, to: Checkpoint) -> None:
        """Keep that the import called `mark` has come `to` there."""
        # What is warned of is no name for a field: it may have any signs.
        warnings = [{"told": told, "count": n} for told, n in to.counts["warnings"].items()]
        ends = datetime.now(UTC) + timedelta(days=_DAYS)
        told = {"rows": to.rows, "rejects": to.rejects, "expires_at": ends}
        self._shelf.put(mark, {**told, "counts": {**to.counts, "warnings": warnings}})

    def remove(self, mark: str) -> None:
        """Forget the import called `mark`, which is done."""
        self._shelf.take(mark)
