"""Search parameters of type date.

A date is a stretch of time, and a prefix a relation between two stretches. The main date of a
type is kept in `ds` (start) and `de` (end); `dl` is 1, 2 or 3 if it lasts longer than a day,
32 days, 1,024 days. Other dates are entries ``{p: name, s: start, e: end}`` of `d`. All are
microseconds since 1970.

Spec: https://hl7.org/fhir/R4/search.html#date
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from server.fhir.date import EARLIEST, LATEST, Interval, interval
from server.fhir.outcome import BadRequest
from server.search.conditions import Condition, all_of, any_of
from server.search.parameter import Asked, Entries, Environment, Extract, Parameter
from server.search.steps import Json
from server.search.values import shown, unescaped

_DAY = 86_400_000_000
_LONGEST = (_DAY, 32 * _DAY, 1024 * _DAY)
_PREFIXED = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(.*)", re.DOTALL)
_Read = Callable[[Any, tzinfo], Interval | None]


def extract(parameter: Parameter, type: str, environment: Environment) -> Extract | None:
    """Return what indexes values of the FHIR type `type`, None if they are no dates."""
    read = _READS.get(type)
    if read is None:
        return None
    zone, name, is_main = environment.zone, parameter.name, parameter.main == "ds"

    def add(value: Json, entries: Entries) -> None:
        found = read(value, zone)
        if found is None:
            return
        if not is_main:
            entries.d.append({"p": name, "s": found.start, "e": found.end})
            return
        entries.scalars.update(ds=found.start, de=found.end)
        level = _level(found)
        if level > 0:
            entries.scalars["dl"] = level

    return add


def condition(parameter: Parameter, text: str, environment: Environment, asked: Asked) -> Condition:
    """Return the condition for one searched value.

    Raises BadRequest if `text` is no date.
    """
    prefix, wanted = parse(parameter, text, environment)
    if parameter.main == "ds":
        return (_FEW if asked.few else _MAIN)[prefix](wanted, asked.now)
    if parameter.code == "_lastUpdated":
        return _MOMENT[prefix](wanted, asked.now)
    return {"d": {"$elemMatch": {"p": parameter.name, **_OTHER[prefix](wanted, asked.now)}}}


def parse(parameter: Parameter, text: str, environment: Environment) -> tuple[str, Interval]:
    """Return the prefix, ``eq`` if there is none, and the stretch of time that `text` names.

    Raises BadRequest if `text` is no date.
    """
    value = unescaped(text)
    match = _PREFIXED.fullmatch(value)
    prefix, written = match.groups() if match else (None, value)
    try:
        return prefix or "eq", interval(written, environment.zone)
    except ValueError:
        raise BadRequest.because(
            "search-date-invalid", parameter=parameter.code, value=shown(value)
        ) from None


Relation = Callable[[Interval, int], Condition]


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The fields in which a stretch of time starts and ends, compared with an interval.

    `straddling` gives the ways to start before one moment and end after another. Bounds of `start`
    that follow from the others are there for the index.
    """

    start: str
    end: str
    straddling: Callable[[int, int], list[Condition]]

    def relations(self) -> dict[str, Relation]:
        """Return the relation that each prefix stands for."""
        return {
            "eq": self._within,
            "ne": self._outside,
            "gt": self._after,
            "lt": lambda wanted, _now: {self.start: {"$lt": wanted.start}},
            "ge": self._from_start,
            "le": self._until_end,
            "sa": lambda wanted, _now: {self.start: {"$gte": wanted.end}},
            "eb": lambda wanted, _now: {
                self.start: {"$lt": wanted.start},
                self.end: {"$lte": wanted.start},
            },
            "ap": self._near,
        }

    def _ends_after(self, moment: int, *, unless_from: int) -> Condition:
        others = self.straddling(unless_from, moment)
        return {"$or": [{self.start: {"$gte": unless_from}}, *others]}

    def _within(self, wanted: Interval, _now: int) -> Condition:
        starts = {"$gte": wanted.start, "$lt": wanted.end}
        return {self.start: starts, self.end: {"$lte": wanted.end}}

    def _outside(self, wanted: Interval, _now: int) -> Condition:
        return any_of([{self.start: {"$lt": wanted.start}}, self._after(wanted, 0)])

    def _after(self, wanted: Interval, _now: int) -> Condition:
        return self._ends_after(wanted.end, unless_from=wanted.end)

    def _from_start(self, wanted: Interval, _now: int) -> Condition:
        # What starts no earlier ends within the interval or after it: either will do.
        return self._ends_after(wanted.end, unless_from=wanted.start)

    def _until_end(self, wanted: Interval, _now: int) -> Condition:
        either = [{self.start: {"$lt": wanted.start}}, {self.end: {"$lte": wanted.end}}]
        return {self.start: {"$lt": wanted.end}, "$or": either}

    def _near(self, wanted: Interval, now: int) -> Condition:
        slack = abs(now - wanted.start) // 10
        first = wanted.start - slack
        before = {self.start: {"$lt": wanted.end + slack}}
        return all_of([before, self._ends_after(first, unless_from=first)])


def _main_straddling(before: int, after: int) -> list[Condition]:
    """Return the ways to start before one moment and end after another, by length.

    What lasts a day starts at most a day before it ends, and so on: each length has a range of
    starts, in an order by start, so that MongoDB merges them without sorting.
    """
    found: list[Condition] = []
    for level, longest in enumerate((*_LONGEST, None)):
        earliest = EARLIEST if longest is None else max(after - longest, EARLIEST)
        if earliest < before:
            found.append({"ds": {"$gte": earliest, "$lt": before}, "de": {"$gt": after}})
            if level > 0:
                found[-1]["dl"] = level
    return found


def _straddling(start: str, end: str) -> Callable[[int, int], list[Condition]]:
    return lambda before, after: [{start: {"$lt": before}, end: {"$gt": after}}]


def _level(found: Interval) -> int:
    """Return how long a stretch is: 0 for a day at most, and 1 more for each further length."""
    length = found.end - found.start
    return sum(length > longest for longest in _LONGEST)


def _moments() -> dict[str, Relation]:
    """Return the relations for `lu`, which is a moment: it ends where it starts."""
    return {
        "eq": lambda wanted, _now: {"lu": {"$gte": wanted.start, "$lt": wanted.end}},
        "ne": lambda wanted, _now: {
            "$or": [{"lu": {"$lt": wanted.start}}, {"lu": {"$gte": wanted.end}}]
        },
        "gt": lambda wanted, _now: {"lu": {"$gte": wanted.end}},
        "lt": lambda wanted, _now: {"lu": {"$lt": wanted.start}},
        "ge": lambda wanted, _now: {"lu": {"$gte": wanted.start}},
        "le": lambda wanted, _now: {"lu": {"$lt": wanted.end}},
        "sa": lambda wanted, _now: {"lu": {"$gte": wanted.end}},
        "eb": lambda wanted, _now: {"lu": {"$lt": wanted.start}},
        "ap": _moment_near,
    }


def _moment_near(wanted: Interval, now: int) -> Condition:
    slack = abs(now - wanted.start) // 10
    return {"lu": {"$gte": wanted.start - slack, "$lt": wanted.end + slack}}


_MAIN = _Bounds("ds", "de", _main_straddling).relations()
_FEW = _Bounds("ds", "de", _straddling("ds", "de")).relations()
_OTHER = _Bounds("s", "e", _straddling("s", "e")).relations()
_MOMENT = _moments()


def _point(value: Json, zone: tzinfo) -> Interval | None:
    return interval(value, zone)


def _period(value: Json, zone: tzinfo) -> Interval | None:
    start, end = value.get("start"), value.get("end")
    if start is None and end is None:
        return None
    return Interval(
        EARLIEST if start is None else interval(start, zone).start,
        LATEST if end is None else interval(end, zone).end,
    )


def _timing(value: Json, zone: tzinfo) -> Interval | None:
    """Return the stretch from the first to the last of the events and bounds of a Timing."""
    found = list(_stretches(value, zone))
    if not found:
        return None
    return Interval(min(one.start for one in found), max(one.end for one in found))


def _stretches(value: Json, zone: tzinfo) -> Iterator[Interval]:
    yield from (interval(event, zone) for event in value.get("event", ()) if event is not None)
    bounds = _period(value.get("repeat", {}).get("boundsPeriod", {}), zone)
    if bounds is not None:
        yield bounds


_READS: dict[str, _Read] = {
    "date": _point,
    "dateTime": _point,
    "instant": _point,
    "Period": _period,
    "Timing": _timing,
}
