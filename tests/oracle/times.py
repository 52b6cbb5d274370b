"""Dates as stretches of time, and what a prefix says of two of them.

Spec: https://hl7.org/fhir/R4/search.html#date, https://hl7.org/fhir/R4/search.html#prefix
"""

import re
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
_SHAPE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?$",
    re.ASCII,
)
_FIRST = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))
ALWAYS = 10**30


class Stretch(NamedTuple):
    """From `start` until just before `end`, in microseconds since 1970."""

    start: int
    end: int


def stretch(text: str) -> Stretch:
    """Return the time that `text` names. Raises ValueError if there is no such time."""
    match = _SHAPE.match(text)
    if match is None:
        raise ValueError(text)
    year, month, day, hour, _minute, second, fraction, zone = match.groups()
    if hour is not None:
        return _clock(text, zone, second, fraction)
    start = datetime(int(year), int(month or 1), int(day or 1), tzinfo=ZONE)
    if day:
        end = start + timedelta(days=1)
    elif month:
        end = (start + timedelta(days=32)).replace(day=1)
    else:
        end = start.replace(year=start.year + 1)
    return Stretch(_count(start), _count(end))


def _clock(text: str, zone: str | None, second: str | None, fraction: str | None) -> Stretch:
    whole = re.sub(r"\.\d+", "", text).replace("Z", "+00:00")
    moment = datetime.fromisoformat(whole)
    start = _count(moment if zone else moment.replace(tzinfo=ZONE))
    if second is None:
        return Stretch(start, start + 60_000_000)
    unit = 10 ** (6 - len((fraction or "")[:6]))
    start += int((fraction or "0")[:6]) * unit if fraction else 0
    return Stretch(start, start + unit)


def _count(moment: datetime) -> int:
    return (moment - _FIRST) // timedelta(microseconds=1)


def of_value(type: str, value: Any) -> Stretch | None:
    """Return the time that an element of `type` is about; an end that is missing is open."""
    if type == "Period":
        return _period(value)
    if type == "Timing":
        bounds = (value.get("repeat") or {}).get("boundsPeriod")
        found = [stretch(event) for event in value.get("event", ()) if event]
        found += [one for one in [_period(bounds or {})] if one]
        return (
            Stretch(min(one.start for one in found), max(one.end for one in found))
            if found
            else None
        )
    return stretch(value) if type in ("date", "dateTime", "instant") else None


def _period(value: dict[str, Any]) -> Stretch | None:
    start, end = value.get("start"), value.get("end")
    if start is None and end is None:
        return None
    return Stretch(stretch(start).start if start else -ALWAYS, stretch(end).end if end else ALWAYS)


def fulfils(target: Stretch, prefix: str, wanted: Stretch, now: int) -> bool:
    """Tell whether `target`, a value in a resource, is what `prefix` and `wanted` ask for."""
    within = wanted.start <= target.start and target.end <= wanted.end
    above, below = target.end > wanted.end, target.start < wanted.start
    slack = abs(now - wanted.start) // 10
    return {
        "eq": within,
        "ne": not within,
        "gt": above,
        "lt": below,
        "ge": above or within,
        "le": below or within,
        "sa": target.start >= wanted.end,
        "eb": target.end <= wanted.start,
        "ap": target.start < wanted.end + slack and target.end > wanted.start - slack,
    }[prefix]
