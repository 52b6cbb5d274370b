"""Search parameters of type date.

A date is a stretch of time, and a prefix a relation between two stretches. The main date of a
type is kept in `ds` (start) and `de` (end); with `dl`, the end again, if longer than a day.
Other dates are entries ``{p: name, s: start, e: end}`` of `d`. All are microseconds since 1970.

Spec: https://hl7.org/fhir/R4/search.html#date
"""

import re
from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Any

from server.fhir.date import EARLIEST, LATEST, Interval, interval
from server.fhir.outcome import BadRequest
from server.search.conditions import Condition, all_of
from server.search.parameter import Entries, Environment, Extract, Parameter
from server.search.steps import Json
from server.search.values import shown, unescaped

_DAY = 86_400_000_000
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
        if found.end - found.start > _DAY:
            entries.scalars["dl"] = found.end

    return add


def condition(parameter: Parameter, text: str, environment: Environment, now: int) -> Condition:
    """Return the condition for one searched value; `now` is what ``ap`` measures from.

    Raises BadRequest if `text` is no date.
    """
    prefix, wanted = parse(parameter, text, environment)
    if parameter.main == "ds":
        return _MAIN[prefix](wanted, now)
    if parameter.code == "_lastUpdated":
        return _MOMENT[prefix](wanted, now)
    return {"d": {"$elemMatch": {"p": parameter.name, **_OTHER[prefix](wanted, now)}}}


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


def _relations(start: str, end: str, ends_after: Callable[[int], Condition]) -> dict[str, Relation]:
    """Return the relation for each prefix between what `start` and `end` hold and an interval.

    `ends_after` gives the condition that the end is after a moment. Bounds of `start` that follow
    from the others are there for the index.
    """

    def within(wanted: Interval, _now: int) -> Condition:
        return {start: {"$gte": wanted.start, "$lt": wanted.end}, end: {"$lte": wanted.end}}

    def outside(wanted: Interval, _now: int) -> Condition:
        return {"$or": [{start: {"$lt": wanted.start}}, ends_after(wanted.end)]}

    def near(wanted: Interval, now: int) -> Condition:
        slack = abs(now - wanted.start) // 10
        before = {start: {"$lt": wanted.end + slack}}
        return all_of([before, ends_after(wanted.start - slack)])

    return {
        "eq": within,
        "ne": outside,
        "gt": lambda wanted, _now: ends_after(wanted.end),
        "lt": lambda wanted, _now: {start: {"$lt": wanted.start}},
        "ge": lambda wanted, now: {"$or": [ends_after(wanted.end), within(wanted, now)]},
        "le": lambda wanted, now: {"$or": [{start: {"$lt": wanted.start}}, within(wanted, now)]},
        "sa": lambda wanted, _now: {start: {"$gte": wanted.end}},
        "eb": lambda wanted, _now: {start: {"$lt": wanted.start}, end: {"$lte": wanted.start}},
        "ap": near,
    }


def _main_ends_after(moment: int) -> Condition:
    # Most dates last a day at most, so that the range of starts to read has an end; the few that
    # last longer are in an index of their own.
    return {
        "$or": [
            {"ds": {"$gt": moment - _DAY}, "de": {"$gt": moment}},
            {"dl": {"$gt": moment}},
        ]
    }


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


_MAIN = _relations("ds", "de", _main_ends_after)
_OTHER = _relations("s", "e", lambda moment: {"e": {"$gt": moment}})
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
