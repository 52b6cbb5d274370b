"""Rows of the first sheet of an Excel workbook, one after another.

A workbook shows more than it holds: a number of more than 15 digits has lost the others, and a
formula has a value only if a spreadsheet program has worked it out. Such rows are not taken. It may
also hold far more than its bytes seem to: it is looked through before anything is kept of it.

Spec: ECMA-376 part 1, 18.3 (worksheets); https://openpyxl.readthedocs.io/en/stable/optimized.html
"""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date, datetime, time
from itertools import repeat
from typing import IO, Any
from xml.etree.ElementTree import ParseError
from xml.parsers import expat
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile, ZipFile

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from server.fhir.outcome import Unprocessable
from server.intake import rows
from server.intake.rows import Row, Sheet, unreadable
from server.mappings.faults import RowFault

_SHEETS = "xl/worksheets/"
_MOST_BYTES = 8 * 1024 * 1024
"""So many bytes has a row at most, and what is kept of a workbook while it is read."""
_MOST = {"xl/sharedStrings.xml": 64 * 1024 * 1024}
"""Parts that may have more."""
_EXACT = 10**15
_WRONG = (BadZipFile, InvalidFileException, ParseError, KeyError, ValueError, OSError, EOFError)


def read(stream: IO[bytes]) -> Sheet:
    """Return the rows of the workbook in `stream`; the first that has a text has the headers.

    Raises Unprocessable if it is no workbook, has no rows, or too many different texts.
    """
    has_formulas = _inspected(stream)
    sheet = _values(stream, data_only=True)
    beside = _values(stream, data_only=False) if has_formulas else repeat(())
    found = _filled(zip(sheet, beside, strict=False))
    first = next(found, None)
    if first is None:
        raise Unprocessable.because("intake-empty")
    header = rows.header(_trimmed(first[1]))
    return Sheet(header, (_row(header, *one) for one in found))


def _filled(
    values: Iterable[tuple[tuple[Any, ...], tuple[Any, ...]]],
) -> Iterator[tuple[int, list[str], tuple[RowFault, ...]]]:
    """Yield the number, the cells and the faults of each row that has anything."""
    for number, one in enumerate(values, 1):
        cells, faults = _cells(*one)
        if faults or any(cell.strip() for cell in cells):
            yield number, cells, faults


def _row(
    header: tuple[str, ...], number: int, cells: list[str], faults: tuple[RowFault, ...]
) -> Row:
    wide = [*cells, *[""] * (len(header) - len(cells))]
    return rows.row(number, header, wide, *faults)


def _inspected(stream: IO[bytes]) -> bool:
    """Tell whether there are formulas in the workbook. Raises Unprocessable."""
    try:
        with ZipFile(stream) as parts:
            sheets: list[str] = []
            for one in parts.infolist():
                if one.filename.startswith(_SHEETS):
                    sheets.append(one.filename)
                elif one.file_size > _MOST.get(one.filename, _MOST_BYTES):
                    raise Unprocessable.because("intake-workbook-too-large")
            found = [_has_formulas(parts, name) for name in sheets]
    except (*_WRONG, ExpatError):
        raise Unprocessable.because("intake-not-a-workbook") from None
    return any(found)


def _has_formulas(parts: ZipFile, name: str) -> bool:
    """Tell whether a sheet has formulas. Raises Unprocessable if a row of it is too long."""
    parser = expat.ParserCreate()
    found = False
    begun = 0

    def start(element: str, _: object) -> None:
        nonlocal found, begun
        bare = element.rpartition(":")[2]
        found = found or bare == "f"
        if bare == "row":
            begun = parser.CurrentByteIndex

    def refuse(*_: object) -> None:
        raise Unprocessable.because("intake-not-a-workbook")

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    read = 0
    with parts.open(name) as sheet:
        while content := sheet.read(1024 * 1024):
            parser.Parse(content)
            read += len(content)
            if read - begun > _MOST_BYTES:
                raise Unprocessable.because("intake-workbook-too-large")
    return found


def _values(stream: IO[bytes], *, data_only: bool) -> Iterator[tuple[Any, ...]]:
    """Yield the values of each row of the first sheet; without `data_only`, the formulas."""
    stream.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of extensions and styles that are not read
            book = openpyxl.load_workbook(stream, read_only=True, data_only=data_only)
        with closing(book):
            sheet = book.worksheets[0]
            sheet.reset_dimensions()
            yield from sheet.iter_rows(values_only=True)
    except (*_WRONG, IndexError, TypeError):
        raise Unprocessable.because("intake-not-a-workbook") from None


def _cells(
    values: tuple[Any, ...], formulas: tuple[Any, ...]
) -> tuple[list[str], tuple[RowFault, ...]]:
    cells = [_text(value) for value in values]
    for place, formula in enumerate(formulas):
        is_formula = isinstance(formula, str) and formula.startswith("=")
        if is_formula and place < len(values) and values[place] is None:
            cells[place] = formula
            return cells, (unreadable("intake-formula", formula),)
    numbers = [one for one in values if isinstance(one, int | float) and abs(one) >= _EXACT]
    return cells, tuple(unreadable("intake-digits-lost", str(one)) for one in numbers[:1])


def _text(value: object) -> str:
    """Return what a cell shows, a day and a time as national data sets spell them."""
    match value:
        case bool():
            return "T" if value else "F"
        case float() if value.is_integer():
            return str(int(value))
        case datetime() if value.time() != time():
            return value.strftime("%Y%m%dT%H%M%S")
        case date():
            return value.strftime("%Y%m%d")
        case time():
            return value.strftime("%H%M%S")
    return "" if value is None else str(value)


def _trimmed(cells: list[str]) -> list[str]:
    last = max((place for place, cell in enumerate(cells) if cell.strip()), default=-1)
    return cells[: last + 1]
