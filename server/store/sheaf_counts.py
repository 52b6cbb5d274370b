"""How many reads in sheaves fulfil a condition, and whether one of a sheaf does, unfolding none."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from time import monotonic
from typing import Any, Generic

from pymongo.client_session import ClientSession
from pymongo.database import Database

from server.fhir.outcome import TooCostly
from server.store import sheaf_lines
from server.store.documents import Document
from server.store.doubt import Doubt
from server.store.items import Item, Records
from server.store.sheaf_keys import possible
from server.store.sheaf_lines import Kind, Line, Question
from server.store.sheaves import SHEAVES

_SECONDS = 10.0
_KINDS_AT_ONCE = 2000
_WANTED = dict.fromkeys(("lines", "n", "unfolding"), 1)


class SheafCounts(Generic[Item]):
    """Asks the lines in the sheaves of a `database`.

    `records` tells what they are, `doubt` which of them have records.
    """

    def __init__(
        self, database: Database[Document], records: Records[Item], doubt: Doubt[Item]
    ) -> None:
        self._database = database
        self._records = records
        self._doubt = doubt

    def counting(self, where: Mapping[str, Any]) -> Callable[[ClientSession], int] | None:
        """Return what counts the reads without a record that fulfil `where` at a moment.

        That is the one which a session reads. None if they have to be unfolded for it.
        """
        if not sheaf_lines.is_shared(where):
            return None
        return lambda session: self._count(where, session)

    def sieve(self, where: Mapping[str, Any]) -> Callable[[Document], bool] | None:
        """Return what tells whether a sheaf may have reads that fulfil `where`.

        None if its lines do not tell.
        """
        asked = sheaf_lines.shared(where)
        if asked is None:
            return None
        question = self._question(asked)

        def may_have_some(sheaf: Document) -> bool:
            some = {question.kind(line): line for line in sheaf_lines.read(sheaf)}
            known = question.fulfilled(some)
            return any(known[kind] for kind in some)

        return may_have_some

    def _question(self, where: Mapping[str, Any]) -> Question[Item]:
        return Question(self._database, self._records, where)

    def _count(self, where: Mapping[str, Any], session: ClientSession) -> int:
        question, until = self._question(where), monotonic() + _SECONDS
        counts: Counter[Kind] = Counter()
        some: dict[Kind, Line] = {}
        total = 0
        for lines in self._lines(where, session):
            for line in lines:
                kind = question.kind(line)
                counts[kind] += 1
                some[kind] = line
            if len(some) > _KINDS_AT_ONCE:
                total += _sum(counts, question.fulfilled(some))
                counts, some = Counter(), {}
            if monotonic() > until:
                raise TooCostly.because("database-work-too-long")
        return total + _sum(counts, question.fulfilled(some))

    def _lines(self, where: Mapping[str, Any], session: ClientSession) -> Iterator[Iterable[Line]]:
        """Yield of each sheaf the lines that have no record at the moment that `session` reads."""
        condition = possible(where)
        if condition is None:
            return
        asked = {"$and": [{"folded": True, "last": {"$gte": 0}}, condition]}
        with self._database[SHEAVES].find(asked, _WANTED, session=session) as found:
            for sheaf in found:
                lines = sheaf_lines.read(sheaf)
                yield lines if "unfolding" not in sheaf else self._missing(lines, session)

    def _missing(self, lines: Iterable[Line], session: ClientSession) -> Iterator[Line]:
        """Yield those of `lines` that have no record yet, of a sheaf that is being unfolded."""
        decode = self._records.decode
        known = [(line, (line[1], decode(line[0], line[2]))) for line in lines]
        of = {id(item): line for line, item in known}
        for item in self._doubt.missing([item for _, item in known], session):
            yield of[id(item)]


def _sum(counts: Counter[Kind], is_right: Mapping[Kind, bool]) -> int:
    return sum(count for kind, count in counts.items() if is_right[kind])
