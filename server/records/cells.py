"""What a cell of a national data set may hold, and how what is written otherwise is put right.

Only spelling is put right, never meaning: full-width signs, spaces around, a small x at the end of
a number, a date written with hyphens. Whatever was put right is told.

Spec: WS 363.1-2011 卫生信息数据元目录 第1部分：总则, 5.1.6 (types and formats),
https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

EMPTY = frozenset(("", "-", "－", "—", "——", "NULL", "null", "/"))
"""What stands in a cell that has nothing to say, as the rules for front pages have it."""
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
SPACES = " \t\r\n\v\f\u00a0\u3000\ufeff\u200b"
LONG_TEXT = 30
"""Above so many characters a text is a sentence, in which full-width signs are at home."""

_DIGITS = re.compile(r"[0-9]+")
_LETTERS_AND_DIGITS = re.compile(r"[^\s\x00-\x1f\x7f]+")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_DAY = re.compile(r"([0-9]{4})([-/.年]?)([0-9]{1,2})(?(2)[-/.月]?)([0-9]{1,2})日?")
_TIME = re.compile(r"([0-9]{1,2})(:?)([0-9]{2})(?:\2([0-9]{2})(?:\.0+)?)?(Z|[+-][0-9:]{4,6})?")
_CHINA = ("+08:00", "+0800")
_TRUE = frozenset(("T", "TRUE", "1", "是", "有", "Y", "YES"))
_FALSE = frozenset(("F", "FALSE", "0", "2", "否", "无", "N", "NO"))


@dataclass(frozen=True, slots=True)
class Told:
    """One thing to say of a cell: a key of messages, the value it is about, what its text needs."""

    message: str
    value: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    severity: str = "error"


class WrongCellError(ValueError):
    """A cell breaks a rule."""

    def __init__(self, message: str, **arguments: object) -> None:
        super().__init__(message)
        self.message = message
        self.arguments = arguments


@dataclass(frozen=True, slots=True)
class Column:
    """What may stand in the cells under one header.

    `kind` is text, digits, code, number, flag, date or dateTime; lengths count characters, that of
    a number its point too, of which `decimals` may stand behind it. `codes` has every spelling of
    every code that a table allows; if it `is_open`, others may stand there as well, and so may
    `others` of that form. A text or a flag may have codes, too. A cell that `repeats` has several
    values, divided by ``|``.
    """

    name: str
    kind: str
    least: int = 0
    most: int = 1000
    decimals: int = 0
    letters: str = "AN"
    codes: Mapping[str, "Known"] = field(default_factory=dict)
    is_open: bool = False
    others: re.Pattern[str] | None = None
    is_required: bool = False
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A code under one of its spellings; `message` tells what is to be warned of, if anything."""

    code: str
    message: str | None = None
    edition: str | None = None


Read = Callable[[Column, str], tuple[str, list[Told]]]


def tidied(column: Column, text: str) -> tuple[str, list[Told]]:
    """Return `text` without what is only spelling, and what was put right."""
    told: list[Told] = []
    stripped = text.strip(SPACES)
    if stripped != text:
        told.append(Told("dataset-spaces", text, severity="warning"))
    if not stripped.isascii() and (column.kind != "text" or column.most <= LONG_TEXT):
        narrow = stripped.translate(_FULL_WIDTH)
        if narrow != stripped:
            told.append(Told("dataset-full-width", stripped, {"right": narrow}, "warning"))
            stripped = narrow
    return stripped, told


def read(column: Column, text: str) -> tuple[str, list[Told]]:
    """Return the one value in `text` as the format wants it, and what was put right.

    Raises WrongCellError.
    """
    tidy, told = tidied(column, text)
    if tidy in EMPTY and tidy not in column.codes:
        return "", [*told, *([Told("dataset-empty", tidy, severity="warning")] if tidy else [])]
    kind = "code" if tidy in column.codes else column.kind
    value, more = READERS[kind](column, tidy)
    return value, told + more


def _text(column: Column, value: str) -> tuple[str, list[Told]]:
    _fits(column, value)
    if column.letters == "A" and _without_letters(value):
        raise WrongCellError("dataset-letters")
    return value, []


def _without_letters(value: str) -> bool:
    return not any(sign.isalpha() for sign in value) or sum(map(str.isdigit, value)) > 5


def _digits(column: Column, value: str) -> tuple[str, list[Told]]:
    if not _DIGITS.fullmatch(value):
        raise WrongCellError("dataset-digits")
    _fits(column, value)
    return value, []


def _marks(column: Column, value: str) -> tuple[str, list[Told]]:
    told: list[Told] = []
    if value[-1] == "x" and value[:-1].isdigit():
        told.append(Told("dataset-small-x", value, severity="warning"))
        value = value.upper()
    if " " in value and value.replace(" ", "").isalnum():
        told.append(Told("dataset-spaces", value, severity="warning"))
        value = value.replace(" ", "")
    if not _LETTERS_AND_DIGITS.fullmatch(value):
        raise WrongCellError("dataset-letters-and-digits")
    _fits(column, value)
    return value, told


def _fits(column: Column, value: str) -> None:
    if not column.least <= len(value) <= column.most:
        raise WrongCellError(
            "dataset-length", least=column.least, most=column.most, length=len(value)
        )


def _code(column: Column, value: str) -> tuple[str, list[Told]]:
    known = column.codes.get(value) or column.codes.get(value.upper())
    if known is None:
        is_other = column.others is not None and column.others.fullmatch(value) is not None
        if not column.is_open and not is_other:
            raise WrongCellError("dataset-domain")
        _fits(column, value)
        return value, []
    if known.message is None:
        return known.code, []
    arguments = {"right": known.code, "edition": known.edition}
    return known.code, [Told(known.message, value, arguments, "warning")]


def _number(column: Column, value: str) -> tuple[str, list[Told]]:
    match = _NUMBER.fullmatch(value)
    if match is None:
        raise WrongCellError("dataset-number")
    told: list[Told] = []
    whole, point, rest = value.partition(".")
    bare = whole.lstrip("0") or "0"
    if bare != whole:
        told.append(Told("dataset-zeros", value, {"right": bare + point + rest}, "warning"))
    if len(rest) > column.decimals:
        raise WrongCellError("dataset-decimals", decimals=column.decimals)
    room = column.most - (column.decimals + 1 if column.decimals else 0)
    if len(bare) > max(room, 1):
        raise WrongCellError(
            "dataset-length", least=column.least, most=column.most, length=len(value)
        )
    return bare + point + rest, told


def _flag(column: Column, value: str) -> tuple[str, list[Told]]:
    upper = value.upper()
    # Beside codes no digit is a flag: 1 may be the code for no.
    is_flag = not (column.codes and value.isdigit())
    if not is_flag or (upper not in _TRUE and upper not in _FALSE):
        raise WrongCellError("dataset-flag")
    flag = "T" if upper in _TRUE else "F"
    told = (
        [] if value == flag else [Told("dataset-flag-written", value, {"right": flag}, "warning")]
    )
    return flag, told


def _day(column: Column, value: str) -> tuple[str, list[Told]]:
    del column
    first, _, rest = value.replace("T", " ").partition(" ")
    if rest and rest.strip("0:.") == "":  # a spreadsheet's midnight
        value, told = first, [Told("dataset-date-written", value, {"right": first}, "warning")]
    else:
        told = []
    day = _as_day(value)
    if day != value:
        told = [Told("dataset-date-written", value, {"right": day}, "warning")]
    return day, told


def _as_day(value: str) -> str:
    match = _DAY.fullmatch(value)
    if match is None or (not match[2] and len(value) != 8):
        raise WrongCellError("dataset-date-format")
    year, month, day = int(match[1]), int(match[3]), int(match[4])
    try:
        date(year, month, day)
    except ValueError:
        raise WrongCellError("dataset-date") from None
    return f"{year:04}{month:02}{day:02}"


def _moment(column: Column, value: str) -> tuple[str, list[Told]]:
    del column
    day, _, time = value.replace("T", " ").partition(" ")
    if not time and value.isdigit() and len(value) in (12, 14):
        day, time = value[:8], value[8:]
    right = _as_day(day)
    if not time:
        return right, [Told("dataset-time-missing", value, severity="warning")]
    match = _TIME.fullmatch(time)
    if match is None:
        raise WrongCellError("dataset-time-format")
    hour, minute, second = match[1], match[3], match[4] or "00"
    if int(hour) > 23 or int(minute) > 59 or int(second) > 59:
        raise WrongCellError("dataset-time")
    if match[5] and match[5] not in _CHINA:
        raise WrongCellError("dataset-zone")
    right = f"{right}T{int(hour):02}{minute}{second}"
    told = (
        [] if right == value else [Told("dataset-date-written", value, {"right": right}, "warning")]
    )
    return right, told


READERS: Mapping[str, Read] = {
    "text": _text,
    "marks": _marks,
    "digits": _digits,
    "code": _code,
    "number": _number,
    "flag": _flag,
    "date": _day,
    "dateTime": _moment,
}
"""How a value is read, by the kind of its column."""
