"""What a cell of a workbook says, spelled as national data sets spell it, or what is wrong with it.

Spec: ECMA-376 part 1, 18.18.11 (ST_CellType),
https://ecma-international.org/publications-and-standards/standards/ecma-376/
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

from server.intake.rows import unreadable
from server.intake.xlsx_formats import Format
from server.intake.xlsx_sheet import Cell
from server.intake.xlsx_texts import MOST_CHARACTERS, Texts, unescaped
from server.mappings.faults import RowFault

_EXACT = 10**15
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?").fullmatch
_LONGEST = 400
"""So many characters has a number at most: none is spelled with more."""
_Said = tuple[str, RowFault | None]


@dataclass(frozen=True, slots=True)
class Cells:
    """Reads cells of a workbook that has these `texts` and `formats`."""

    texts: Texts
    formats: Sequence[Format]
    is_1904: bool

    def read(self, cell: Cell) -> _Said:
        """Return the text of `cell`, and what is wrong with it, if anything is."""
        value = cell.value
        if cell.formula is not None and not value and (value is None or cell.type != "str"):
            formula = f"={cell.formula}"
            return formula, unreadable("intake-formula", formula)
        if not value:
            return "", None
        said = self._said(cell, value)
        if said is None:
            return value, unreadable("intake-cell-value", value, type=cell.type[:20])
        return ("", unreadable("intake-cell-too-long")) if len(said[0]) > MOST_CHARACTERS else said

    def _said(self, cell: Cell, value: str) -> _Said | None:
        """Return what is said by a `value` that is there, None if it cannot be read."""
        match cell.type:
            case "n":
                return self._number(cell.style, value)
            case "e":
                return value, unreadable("intake-cell-error", value)
        text = self._text(cell.type, value)
        return None if text is None else (text, None)

    def _text(self, type: str, value: str) -> str | None:
        match type:
            case "s":
                number = int(value) if value.isdecimal() and len(value) < 10 else len(self.texts)
                return self.texts[number] if number < len(self.texts) else None
            case "inlineStr" | "str":
                return unescaped(value)
            case "b" if value in ("0", "1"):
                return "FT"[int(value)]
            case "d":
                return _moment(value)
        return None

    def _number(self, style: str, value: str) -> _Said | None:
        known = style.isdecimal() and len(style) < 10 and int(style) < len(self.formats)
        if not known or not _NUMBER(value):
            return None
        format = self.formats[int(style)]
        number = float(value)
        if format.is_date:
            return self._day(format, number)
        if abs(number) >= _EXACT or len(value) > _LONGEST:
            return value, unreadable("intake-digits-lost", value)
        if not number.is_integer():
            return str(number), None
        text = str(int(number))
        return (text.zfill(format.zeros) if number >= 0 else text), None

    def _day(self, format: Format, number: float) -> _Said | None:
        epoch = MAC_EPOCH if self.is_1904 else WINDOWS_EPOCH
        try:
            found = from_excel(number, epoch, timedelta=format.is_duration)
        except (ValueError, OverflowError):
            return None
        return spelled(found, has_time=format.has_time), None


def _moment(value: str) -> str | None:
    kind = datetime if "T" in value else time if ":" in value else date
    try:
        found = kind.fromisoformat(value)
    except ValueError:
        return None
    return spelled(found, has_time="T" in value)


def spelled(value: date | time | timedelta | None, *, has_time: bool) -> str:
    """Return a day or time as data sets have it; a day `has_time` also if that is midnight."""
    match value:
        case datetime() if has_time or value.time() != time():
            return value.strftime("%Y%m%dT%H%M%S")
        case date():
            return value.strftime("%Y%m%d")
        case time():
            return value.strftime("%H%M%S")
    return "" if value is None else str(value)
