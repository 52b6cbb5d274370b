"""What can be told of the lines in sheaves without a record for each.

Much that is asked for depends on what many lines have in common, and on when they were: who did
what from where, and how it ended. Lines that have that in common, and lie in the same of the
periods that a condition tells apart, fulfil it all or not at all: they are of one kind. So the
database is asked about one of each kind, by the entries that its record would have.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Generic

from pymongo.database import Database

from server.store import whom
from server.store.documents import Document
from server.store.items import Item, Records
from server.store.spool import lines

_SHARED = (
    "action", "address", "agent", "agent-name", "agent-role", "altid", "outcome", "policy", "site",
    "subtype", "type",
)  # fmt: skip
"""The search parameters whose values lines with the same beginning have in common."""
_SHARED_TERMS = tuple(f"{code}=" for code in _SHARED)
_LISTS = frozenset(("s", "t", whom.FIELD))
_MARKS = frozenset(("del", "div", "dl", "own", "sec", "shut"))
_TIMES = {"ds": 0, "de": 1000}
"""By how much a field is later than the act was, µs."""
_LOWER, _UPPER = frozenset(("$gt", "$gte")), frozenset(("$lt", "$lte"))
_LISTED = frozenset(("$in", "$nin"))
_INNER = frozenset(("$not", "$elemMatch"))
_ALL_OF_TIME = range(1, 1 << 62)
_ASKED_AT_ONCE, _REMEMBERED = 500, 20_000
Line = tuple[bytes, int, bytes]
"""What it begins with, when its act was, and the rest."""
Kind = tuple[bytes, int]
"""What lines begin with, and the number of the period that they are in."""


def read(sheaf: Document) -> Iterator[Line]:
    """Yield the lines of `sheaf`, but for what was cut off behind them."""
    for beginning, line in islice(lines(bytes(sheaf["lines"])), sheaf["n"]):
        at, _, rest = line.partition(b" ")
        yield beginning, int(at), rest


class Question(Generic[Item]):
    """The condition `where`, of which all `is_shared`, asked of lines; answers are remembered."""

    def __init__(
        self, database: Database[Document], records: Records[Item], where: Mapping[str, Any]
    ) -> None:
        self._database = database
        self._records = records
        self._where = dict(where)
        self._fields = frozenset(name for name, _ in _leaves(where))
        moments = {at for at in _moments(where) if at in _ALL_OF_TIME}
        self._moments = sorted(moments)
        self._known: dict[Kind, bool] = {}

    def kind(self, line: Line) -> Kind:
        """Return of which kind a line is."""
        beginning, at, _ = line
        place = bisect_left(self._moments, at)
        is_on = place < len(self._moments) and self._moments[place] == at
        return beginning, 2 * place + is_on

    def fulfilled(self, some: Mapping[Kind, Line]) -> Mapping[Kind, bool]:
        """Return which kinds fulfil the condition, at least those of which `some` have a line."""
        if len(self._known) > _REMEMBERED:
            self._known = {}
        new = ((kind, line) for kind, line in some.items() if kind not in self._known)
        while asked := dict(islice(new, _ASKED_AT_ONCE)):
            self._known.update(self._answered(asked))
        return self._known

    def _answered(self, asked: Mapping[Kind, Line]) -> Iterator[tuple[Kind, bool]]:
        documents = [
            {"$literal": {"_id": number, **self._entries(line)}}
            for number, line in enumerate(asked.values())
        ]
        stages: list[Document] = [
            {"$documents": documents},
            {"$match": self._where},
            {"$project": {"_id": 1}},
        ]
        with self._database.aggregate(stages) as rows:
            right = {row["_id"] for row in rows}
        yield from ((kind, number in right) for number, kind in enumerate(asked))

    def _entries(self, line: Line) -> Document:
        """Return what the record of `line` would have in the fields that are asked for.

        Of a list that is what its kind has in common, for a long one does not fit.
        """
        beginning, at, rest = line
        _, entries = self._records.write(self._records.decode(beginning, rest), "", at, at)
        found = {**entries, whom.FIELD: whom.terms(entries)}
        for name in _LISTS & found.keys():
            found[name] = [one for one in found[name] if one.startswith(_SHARED_TERMS)]
        return {name: found[name] for name in self._fields & found.keys()}


def is_shared(where: Mapping[str, Any]) -> bool:
    """Tell whether `where` depends only on what lines have in common, and on when they were."""
    return all(_is_shared(name, value) for name, value in _leaves(where))


def shared(where: Mapping[str, Any]) -> Document | None:
    """Return what `where` asks of that, if no more than that is asked; None if it is nothing.

    A period alone is nothing, for a sheaf has one.
    """
    found = _part(where)
    return found if {*_ENTRIES, *_MARKS} - {"del"} & {name for name, _ in _leaves(found)} else None


def _part(where: Mapping[str, Any]) -> Document:
    found: Document = {}
    for name, value in where.items():
        if name in ("$and", "$or"):
            found[name] = [_part(one) for one in value]
        elif is_shared({name: value}):
            found[name] = value
    return found


def _leaves(where: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in where.items():
        if name in ("$and", "$or", "$nor"):
            for one in value:
                yield from _leaves(one)
        else:
            yield name, value


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
    return has_ends and all(_is_closed(one) for name, one in value.items() if name in _INNER)


def _constants(value: Any) -> Iterator[Any]:  # noqa: ANN401  # any condition
    """Yield the values that a field is compared with; an operator that is not known is one."""
    if not isinstance(value, Mapping):
        yield value
        return
    for operator, one in value.items():
        if operator in _INNER:
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
