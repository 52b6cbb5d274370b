"""What the formats of a workbook make of its numbers: days, times, leading zeros.

Spec: ECMA-376 part 1, 18.8.30 (numFmt, with the numbers that Chinese editions leave unsaid),
https://ecma-international.org/publications-and-standards/standards/ecma-376/
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from openpyxl.styles.numbers import (
    BUILTIN_FORMATS,
    STRIP_RE,
    is_date_format,
    is_timedelta_format,
)

from server.intake import xlsx_parts
from server.intake.xlsx_parts import Book

_CHINESE = {
    **dict.fromkeys([27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58], "yyyy-m-d"),
    **dict.fromkeys([32, 33, 34, 35, 55, 56], "h:mm:ss"),
}
_CODES = {**BUILTIN_FORMATS, **_CHINESE}
_LONGEST, _MOST_STYLES = 255, 65_536
_ZEROS = re.compile("00+").fullmatch


@dataclass(frozen=True, slots=True)
class Format:
    """A number is a day, maybe with a time, or a duration; or it has so many digits (`zeros`)."""

    is_date: bool = False
    has_time: bool = False
    is_duration: bool = False
    zeros: int = 0

    @classmethod
    def of(cls, code: str) -> "Format":
        """Return what a format that is written as `code` makes of a number above 0."""
        if len(code) > _LONGEST:
            return cls()
        first = code.split(";", 1)[0]
        if is_date_format(code):
            signs = STRIP_RE.sub("", first).lower()
            has_time = "h" in signs or "s" in signs
            return cls(is_date=True, has_time=has_time, is_duration=is_timedelta_format(code))
        return cls(zeros=len(first)) if _ZEROS(first) else cls()


def read(book: Book) -> list[Format]:
    """Return the format of each style that a cell of `book` may have."""
    if book.styles is None:
        return [Format()]
    own: dict[str, str] = {}
    styles: list[str] = []
    is_of_cells = False
    for element, given in xlsx_parts.starts(book.read(book.styles)):
        match element:
            case "numFmt":
                own[given.get("numFmtId", "")] = given.get("formatCode", "")
            case "cellStyleXfs" | "cellStyles" | "dxfs":
                is_of_cells = False
            case "cellXfs":
                is_of_cells = True
            case "xf" if is_of_cells and len(styles) < _MOST_STYLES:
                styles.append(given.get("numFmtId", "0"))
    return _formats(own, styles) or [Format()]


def _formats(own: Mapping[str, str], styles: list[str]) -> list[Format]:
    made: dict[str, Format] = {}
    for id in styles:
        if id not in made:
            code = own.get(id)
            if code is None:
                code = _CODES.get(int(id), "General") if id.isdecimal() else "General"
            made[id] = Format.of(code)
    return [made[id] for id in styles]
