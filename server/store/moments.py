"""Moments that all pages of a search are read as of, whatever is written meanwhile.

MongoDB keeps what was for five minutes at least (`minSnapshotHistoryWindowInSeconds`). Who asks for
the next page later than that gets it from what is there now, as long as no version that was
current at the moment has been superseded; what was stored for the first time since then is left
out, or comes once. The history tells what has been superseded by the clocks of the servers, which
may differ by a minute and are read before a transaction is committed.

Spec: https://www.mongodb.com/docs/manual/reference/read-concern-snapshot/
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any, TypeVar

from bson.timestamp import Timestamp
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from server.store.documents import Document

Result = TypeVar("Result")
Moment = Sequence[int]
"""What MongoDB calls a moment, as JSON: seconds since 1970 and a number. Empty is none."""
_LOST = frozenset((239, 246))
"""Too old; a collection has been made since."""
_SECOND = 1_000_000
_MARGIN = 60 * _SECOND
_PATIENCE_SECONDS = 2.0
_PAUSE_SECONDS = 0.02
MOST_SUPERSEDED = 10_000
"""Of more versions that were superseded since, it is not looked up when they began."""


class Lost(Exception):
    """A moment cannot be read any more."""


def as_of(
    client: MongoClient[Document], moment: Moment, read: Callable[[ClientSession], Result]
) -> tuple[Result, Moment]:
    """Return what `read` returns as of `moment`, or as of now if there is none yet, and the moment.

    There still is none if there is no collection. Raises Lost if the moment cannot be read any
    more.
    """
    deadline = monotonic() + _PATIENCE_SECONDS
    while True:
        with client.start_session(snapshot=True) as session:
            if moment:
                # The driver has no public name for it, and says that it is None.
                session._snapshot_time = Timestamp(*moment)  # type: ignore[assignment]  # noqa: SLF001
            try:
                result = read(session)
            except OperationFailure as error:
                if moment and error.code in _LOST:
                    raise Lost from error
                if error.code not in _LOST or monotonic() > deadline:
                    raise
            else:
                time = session._snapshot_time  # noqa: SLF001 - as above
                return result, [] if time is None else [time.time, time.inc]
        # The collection was made just now, and most members of the set have yet to hear of it.
        sleep(_PAUSE_SECONDS)


def stored_by(moment: Moment) -> dict[str, Any]:
    """Return the condition for what was stored by `moment`, or soon afterwards."""
    return {"lu": {"$lte": moment[0] * _SECOND + _MARGIN}}


def is_superseded(
    history: Collection[Document], moment: Moment, session: ClientSession | None = None
) -> bool:
    """Tell whether a version that was current at `moment` may have been superseded since.

    `history` are superseded versions.
    """
    since: Document = {"until": {"$gt": moment[0] * _SECOND - _MARGIN}}
    by_end: dict[str, Any] = {"hint": "until", "session": session}
    # Those that began later as well are passed over one by one.
    if history.count_documents(since, limit=MOST_SUPERSEDED, **by_end) == MOST_SUPERSEDED:
        return True
    where = {**since, **stored_by(moment), "del": None}
    return history.find_one(where, {"_id": 1}, **by_end) is not None


def shown(moment: Moment) -> str:
    """Return `moment` to the second, as FHIR writes it."""
    return datetime.fromtimestamp(moment[0], UTC).isoformat()
