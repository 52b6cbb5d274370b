"""What was done once and must not be done again: said in the very transaction that did it.

A process may die behind a commit and before anybody hears of it. So a job that changes something
has the database keep a mark, ``{_id: "<job>/<part>", job, note, expires_at}`` in ``_marks``,
together with the change: either both are there, or none is. Whoever does the job anew finds it. Of
two processes that do the same part at the same time, because one of them was taken for dead, only
one can put the mark; the other's transaction comes to nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

import pymongo
from bson.binary import Binary
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from server.store.documents import Document
from server.store.failures import refused

MARKS = "_marks"
_INDEXES = (
    pymongo.IndexModel("job"),
    pymongo.IndexModel("expires_at", expireAfterSeconds=0),
)


class DoneElsewhere(BaseException):
    """Another process has done this part meanwhile: whoever hears of it stops.

    It is no Exception, for it must not become the answer to one of several requests.
    """


@dataclass(slots=True)
class Mark:
    """The mark of one `part` of a `job`; the `note` is kept with it."""

    job: str
    part: str
    expires: datetime
    note: bytes = b""
    is_put: bool = False


_wanted: ContextVar[Mark | None] = ContextVar("mark", default=None)


class Marks:
    """The marks of a database."""

    def __init__(self, database: Database[Document]) -> None:
        self._collection = database[MARKS]

    def of(self, job: str) -> dict[str, bytes]:
        """Return the notes of a job's marks, by part."""
        with refused():
            self._collection.create_indexes(list(_INDEXES))
            rows = self._collection.find({"job": job})
            return {row["_id"].removeprefix(f"{job}/"): bytes(row["note"]) for row in rows}

    def remove(self, job: str) -> None:
        """Remove the marks of a job that is done with."""
        with refused():
            self._collection.delete_many({"job": job})

    @staticmethod
    @contextmanager
    def putting(job: str, part: str, expires: datetime) -> Iterator[Mark]:
        """Have the first transaction of this thread within the block put a mark."""
        mark = Mark(job, part, expires)
        token = _wanted.set(mark)
        try:
            yield mark
        finally:
            _wanted.reset(token)


def is_wanted() -> bool:
    """Tell whether what this thread stores next has to be a transaction, for its mark."""
    mark = _wanted.get()
    return mark is not None and not mark.is_put


def put(database: Database[Document], session: ClientSession) -> None:
    """Put the mark that is wanted, if one is, in the transaction of `session`.

    Raises DoneElsewhere if it is there.
    """
    mark = _wanted.get()
    if mark is None or mark.is_put:
        return
    told = {"job": mark.job, "note": Binary(mark.note), "expires_at": mark.expires}
    try:
        database[MARKS].insert_one({"_id": f"{mark.job}/{mark.part}", **told}, session=session)
    except DuplicateKeyError as error:
        raise DoneElsewhere(mark.part) from error


def committed() -> None:
    """Note that the transaction which put the mark was committed."""
    mark = _wanted.get()
    if mark is not None:
        mark.is_put = True
