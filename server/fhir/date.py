"""Dates as FHIR writes them, read as stretches of time.

A date says how precise it is by what it leaves out: ``2024-05`` is the whole of May. So
every date is an interval of microseconds since 1970-01-01T00:00Z: the start belongs to
it, the end does not.

Spec: https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

EARLIEST = -(2**63)
LATEST = 2**63 - 1
_DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_TEXT = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?(Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?)?)?)?"
)


class Interval(NamedTuple):
    """A stretch of time, in microseconds since 1970-01-01T00:00Z; `end` is just after it."""

    start: int
    end: int


def interval(text: str, zone: tzinfo) -> Interval:
    """Return the stretch of time that `text` names; without a zone of its own it is in `zone`.

    `text` is a date, dateTime or instant; minutes without seconds are understood too.

    Raises ValueError if `text` is no date, or one that no calendar has.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        message = "This is not a FHIR date."
        raise ValueError(message)
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    if hour is None:
        return _days(year, month, day, zone)
    if fraction is None and offset is not None and second not in (None, "60"):
        # What machines write, and so most of what comes in, is read by one call.
        start = microseconds(datetime.fromisoformat(text))
        return Interval(start, start + 1_000_000)
    today = (date(int(year), int(month), int(day)).toordinal() - _EPOCH_DAY) * _DAY
    start = today + _clock(int(hour), int(minute), int(second or 0))
    start -= _offset(offset) if offset else _local_offset(start, zone)
    if second is None:
        return Interval(start, start + 60_000_000)
    if fraction is None:
        return Interval(start, start + 1_000_000)
    digits = fraction[:6]
    unit = 10 ** (6 - len(digits))
    start += int(digits) * unit
    return Interval(start, start + unit)


def microseconds(moment: datetime) -> int:
    """Return `moment`, which carries a zone, in microseconds since 1970-01-01T00:00Z."""
    gone = moment - _EPOCH
    return (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds


def _days(year: str, month: str | None, day: str | None, zone: tzinfo) -> Interval:
    first = date(int(year), int(month or 1), int(day or 1)).toordinal()
    if day is not None:
        count = 1
    elif month is not None:
        count = monthrange(int(year), int(month))[1]
    else:
        count = date(int(year), 12, 31).toordinal() - first + 1
    return Interval(_midnight(first, zone), _midnight(first + count, zone))


@lru_cache(maxsize=4096)
def _midnight(ordinal: int, zone: tzinfo) -> int:
    local = (ordinal - _EPOCH_DAY) * _DAY
    return local - _local_offset(local, zone)


def _clock(hour: int, minute: int, second: int) -> int:
    # A leap second, which FHIR allows, is told apart from the next minute by no clock of ours.
    if hour > 23 or minute > 59 or second > 60:
        message = "No clock shows this time."
        raise ValueError(message)
    return ((hour * 60 + minute) * 60 + second) * 1_000_000


def _offset(text: str) -> int:
    if text == "Z":
        return 0
    size = (int(text[1:3]) * 60 + int(text[4:6])) * 60_000_000
    return -size if text[0] == "-" else size


def _local_offset(local: int, zone: tzinfo) -> int:
    """Return how far `zone` is ahead of UTC when its clocks show `local` microseconds."""
    days, rest = divmod(local, _DAY)
    # The last midnight of year 9999 is beyond what datetime holds; a day earlier is as good.
    ordinal = min(days + _EPOCH_DAY, date.max.toordinal())
    seconds = rest // 1_000_000
    clock = datetime.fromordinal(ordinal).replace(
        hour=seconds // 3600, minute=seconds // 60 % 60, second=seconds % 60, tzinfo=zone
    )
    offset = zone.utcoffset(clock)
    return 0 if offset is None else round(offset.total_seconds() * 1_000_000)
