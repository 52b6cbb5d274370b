"""Pages that are all read as of the moment of the first, whatever is written meanwhile.

MongoDB keeps what was for five minutes at least (`minSnapshotHistoryWindowInSeconds`). Who asks for
the next page later than that gets what is there now, without what was stored after the first
page was read; only a change that was under way at that very moment could then come up twice.

Spec: https://www.mongodb.com/docs/manual/reference/read-concern-snapshot/
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from bson.timestamp import Timestamp
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import OperationFailure

from server.store.documents import Document

# Too old; not to be had because an index or a collection has been made since.
_LOST = frozenset((239, 246))


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment in microseconds since 1970, and as MongoDB counts it; 0, 0 if it does not know."""

    now: int
    seconds: int = 0
    increment: int = 0

    @classmethod
    def of(cls, values: Sequence[int]) -> Self:
        """Return the moment that has these `values`."""
        return cls(*values)

    def values(self) -> list[int]:
        """Return this moment as JSON."""
        return [self.now, self.seconds, self.increment]

    def reading(self) -> Document:
        """Return the read concern to read as of this moment."""
        at = {"atClusterTime": Timestamp(self.seconds, self.increment)} if self.seconds else {}
        return {"level": "snapshot", **at}


@dataclass(frozen=True, slots=True)
class Run:
    """One query: the `command` to read as of a moment, else the `bounded` one to read what is."""

    command: Document
    bounded: Document


def rows(
    database: Database[Document], runs: Iterable[Run], moment: Moment, *, first: bool
) -> Iterator[Document]:
    """Yield what the `runs` find one after the other, with the moment as `at` of each document.

    The `first` page is read as of now, which MongoDB then has a name for.
    """
    with database.client.start_session(causal_consistency=False) as session:
        for run in runs:
            cursor = None
            if first or moment.seconds:
                cursor = _opened(database, run.command, moment, session)
            if cursor is None:
                command = {**run.bounded, "readConcern": {"level": "majority"}}
                cursor = database.command(command, session=session)["cursor"]
            elif not moment.seconds:
                time = cursor["atClusterTime"]
                moment = Moment(moment.now, time.time, time.inc)
            at = moment.values()
            for document in _batches(database, cursor, session):
                yield {**document, "at": at}


def _opened(
    database: Database[Document], command: Document, moment: Moment, session: ClientSession
) -> Document | None:
    """Return the cursor of `command` as of `moment`, None if that cannot be read any more."""
    command = {**command, "readConcern": moment.reading()}
    try:
        cursor: Document = database.command(command, session=session)["cursor"]
    except OperationFailure as error:
        if error.code not in _LOST:
            raise
        return None
    return cursor


def _batches(
    database: Database[Document], cursor: Mapping[str, Any], session: ClientSession
) -> Iterator[Document]:
    """Yield the documents of `cursor`, which is closed when nobody wants more of them."""
    collection = cursor["ns"].partition(".")[2]
    try:
        yield from cursor["firstBatch"]
        while cursor["id"]:
            more = {"getMore": cursor["id"], "collection": collection}
            cursor = database.command(more, session=session)["cursor"]
            yield from cursor["nextBatch"]
    finally:
        if cursor["id"]:
            database.command(
                {"killCursors": collection, "cursors": [cursor["id"]]}, session=session
            )
