"""How many reads in sheaves fulfil a condition, without a record for each.

Most that is counted depends on what many lines have in common, and on when they were: who did what
from where, and how it ended. Lines that have that in common, and lie in the same of the periods
that the condition tells apart, fulfil it all or not at all; so the database is asked about one of
them, by the entries that its record would have, and the others are counted.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic

from pymongo.client_session import ClientSession
from pymongo.database import Database

from server.store import whom
from server.store.collections import Halfway
from server.store.documents import Document
from server.store.items import Item, Records, Timed
from server.store.sheaf_keys import possible
from server.store.sheaves import SHEAVES
from server.store.spool import lines

_SHARED = (
    "action", "address", "agent", "agent-name", "agent-role", "altid", "outcome", "policy", "site",
    "subtype", "type",
)  # fmt: skip
"""The search parameters whose values lines with the same beginning have in common."""
_SHARED_TERMS = tuple(f"{code}=" for code in _SHARED)
_MARKS = frozenset(("del", "div", "dl", "own", "sec", "shut"))
_TIMES = {"ds": 0, "de": 1000}
"""By how much a field is later than the act was, µs."""
_LOWER, _UPPER = frozenset(("$gt", "$gte")), frozenset(("$lt", "$lte"))
_LISTED = frozenset(("$in", "$nin"))
_ALL_OF_TIME = range(1, 1 << 62)
_ASKED_AT_ONCE = 500
_Kind = tuple[bytes, int]
"""What lines begin with, and the number of the period that they are in."""
_One = tuple[int, tuple[int, bytes]]
"""How many lines are of a kind, and when one of them was, with the rest of it."""


class SheafCounts(Generic[Item]):
    """Counts what is in the sheaves of a `database`, of which `records` tells how it is stored."""

    def __init__(self, database: Database[Document], records: Records[Item]) -> None:
        self._database = database
        self._records = records

    def count(self, where: Mapping[str, Any], session: ClientSession) -> int:
        """Return how many fulfil `where`, which has to be one that `can_count`.

        They are those of the moment that `session` reads. Raises Halfway.
        """
        moments = sorted({at for at in _moments(where) if at in _ALL_OF_TIME})
        kinds: dict[_Kind, _One] = {}
        total = 0
        for sheaf in self._sheaves(where, session):
            for beginning, at, rest in self._read(sheaf):
                place = bisect_left(moments, at)
                is_on = place < len(moments) and moments[place] == at
                kind = beginning, 2 * place + is_on
                count, one = kinds.get(kind, (0, (at, rest)))
                kinds[kind] = count + 1, one
            if len(kinds) >= _ASKED_AT_ONCE:
                total += self._fulfilling(where, kinds)
                kinds = {}
        return total + self._fulfilling(where, kinds)

    def _sheaves(self, where: Mapping[str, Any], session: ClientSession) -> Iterator[Document]:
        condition = possible(where)
        if condition is None:
            return
        asked = {"$and": [{"folded": True, "last": {"$gte": 0}}, condition]}
        wanted = dict.fromkeys(("lines", "n", "unfolding", "first", "last"), 1)
        with self._database[SHEAVES].find(asked, wanted, session=session) as found:
            for sheaf in found:
                if "unfolding" in sheaf:
                    raise Halfway({"ds": {"$gte": sheaf["first"], "$lte": sheaf["last"]}})
                yield sheaf

    def _read(self, sheaf: Document) -> Iterator[tuple[bytes, int, bytes]]:
        """Yield of each read in `sheaf` what it begins with, when it was, and the rest."""
        for beginning, line in islice(lines(bytes(sheaf["lines"])), sheaf["n"]):
            at, _, rest = line.partition(b" ")
            yield beginning, int(at), rest

    def _fulfilling(self, where: Mapping[str, Any], kinds: Mapping[_Kind, _One]) -> int:
        """Return how many lines of those `kinds` fulfil `where` of which one does."""
        total = 0
        fields = _fields(where)
        waiting = iter(kinds.items())
        while some := list(islice(waiting, _ASKED_AT_ONCE)):
            counts = [count for _, (count, _) in some]
            items = [
                (at, self._records.decode(beginning, rest))
                for (beginning, _), (_, (at, rest)) in some
            ]
            total += sum(counts[number] for number in self._right(where, fields, items))
        return total

    def _right(
        self, where: Mapping[str, Any], fields: frozenset[str], items: Sequence[Timed[Item]]
    ) -> Iterator[int]:
        """Yield the numbers of those `items` whose records would fulfil `where`."""
        documents: list[Document] = []
        for number, (at, item) in enumerate(items):
            _, written = self._records.write(item, "", at, at)
            entries = {**written, whom.FIELD: whom.terms(written)}
            found = {name: entries[name] for name in fields & entries.keys()}
            documents.append({"_id": number, **found})
        stages: list[Document] = [
            {"$documents": [{"$literal": one} for one in documents]},
            {"$match": dict(where)},
            {"$project": {"_id": 1}},
        ]
        with self._database.aggregate(stages) as rows:
            yield from (row["_id"] for row in rows)


def can_count(where: Mapping[str, Any]) -> bool:
    """Tell whether `where` depends only on what lines have in common, and on when they were."""
    return all(_is_shared(name, value) for name, value in _leaves(where))


def _leaves(where: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in where.items():
        if name in ("$and", "$or", "$nor"):
            for one in value:
                yield from _leaves(one)
        else:
            yield name, value


def _fields(where: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for name, _ in _leaves(where))


def _is_shared(name: str, value: Any) -> bool:  # noqa: ANN401  # any condition
    if name in _TIMES:
        return all(type(one) is int for one in _constants(value))
    if name in _MARKS:
        return True
    allowed = _ENTRIES.get(name)
    return allowed is not None and _is_closed(value) and all(map(allowed, _constants(value)))


_ENTRIES: Mapping[str, Callable[[Any], bool]] = {
    "t": lambda one: isinstance(one, str) and one.startswith(_SHARED_TERMS),
    "whom": lambda one: isinstance(one, str) and one.startswith("agent="),
    "s": lambda one: isinstance(one, str) and one.startswith(_SHARED_TERMS),
    "has": lambda one: one in _SHARED,
}


def _is_closed(value: Any) -> bool:  # noqa: ANN401  # any condition
    """Tell whether `value` names what it means, and has no stretch with one end only."""
    if not isinstance(value, Mapping):
        return isinstance(value, str)
    has_ends = bool(_LOWER & value.keys()) == bool(_UPPER & value.keys())
    inner = (one for name, one in value.items() if name in ("$not", "$elemMatch"))
    return has_ends and all(_is_closed(one) for one in inner)


def _constants(value: Any) -> Iterator[Any]:  # noqa: ANN401  # any condition
    """Yield the values that a field is compared with; an operator that is not known is one."""
    if not isinstance(value, Mapping):
        yield value
        return
    for operator, one in value.items():
        if operator in ("$not", "$elemMatch"):
            yield from _constants(one)
        elif operator in _LISTED:
            yield from one
        elif operator in _LOWER | _UPPER | {"$ne"}:
            yield one
        else:
            yield operator


def _moments(where: Mapping[str, Any]) -> Iterator[int]:
    """Yield the moments of acts that `where` tells apart."""
    for name, value in _leaves(where):
        if name in _TIMES:
            yield from (one - _TIMES[name] for one in _constants(value))
