"""Rows of the first sheet of an Excel workbook, one after another.

A workbook shows more than it holds: a number of more than 15 digits has lost the others, and a
formula has a value only if a spreadsheet program has worked it out. Such rows are not taken. All of
the sheet is looked through before anything is kept of it.

Spec: ECMA-376 part 1, 18.3 (worksheets),
https://ecma-international.org/publications-and-standards/standards/ecma-376/
"""

from collections.abc import Iterator
from typing import IO
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile
from zlib import error as ZlibError  # noqa: N812  # it is a class

from server.fhir.outcome import Unprocessable
from server.intake import rows, xlsx_formats, xlsx_parts, xlsx_places, xlsx_sheet, xlsx_texts
from server.intake.rows import Heading, Row, Sheet, unreadable
from server.intake.xlsx_cells import Cells
from server.intake.xlsx_parts import MOST_BYTES, MOST_SHEET_BYTES, Book
from server.intake.xlsx_sheet import Found
from server.mappings.faults import RowFault

_WRONG = (
    BadZipFile, ExpatError, ZlibError, KeyError, ValueError, IndexError, OSError, EOFError,
    NotImplementedError, RuntimeError,
)  # fmt: skip
_Read = tuple[int, list[str], tuple[RowFault, ...]]


def read(stream: IO[bytes]) -> Sheet:
    """Return the rows of the workbook in `stream`; the first that has a text has the headers.

    Raises Unprocessable if it is no workbook, has no rows, or is larger than one may be.
    """
    try:
        book, cells = _opened(stream)
        found = _filled(book, cells)
        first = next(found, None)
    except _WRONG:
        raise Unprocessable.because("intake-not-a-workbook") from None
    if first is None:
        raise Unprocessable.because("intake-sheet-empty", sheet=book.title[:40])
    _, texts, faults = first
    if faults:
        raise Unprocessable(*(one.issue() for one in faults))
    heading = rows.heading(_trimmed(texts))
    return Sheet(heading.names, (_row(heading, *one) for one in found))


def _opened(stream: IO[bytes]) -> tuple[Book, Cells]:
    book = xlsx_parts.opened(stream)
    xlsx_places.inspect(book.read(book.sheet, MOST_SHEET_BYTES))
    return book, Cells(xlsx_texts.read(book), xlsx_formats.read(book), book.is_1904)


def _filled(book: Book, cells: Cells) -> Iterator[_Read]:
    """Yield the number, the cells and the fault of each row that has anything."""
    for found in xlsx_sheet.rows(book.read(book.sheet, MOST_SHEET_BYTES)):
        texts, faults = _texts(cells, found)
        if faults or any(text.strip() for text in texts):
            yield found.number, texts, faults


def _texts(cells: Cells, found: Found) -> tuple[list[str], tuple[RowFault, ...]]:
    texts = [""] * (found.cells[-1].column if found.cells else 0)
    faults: list[RowFault] = []
    if found.misplaced is not None:
        faults.append(unreadable("intake-cell-place", found.misplaced))
    size = 0
    for cell in found.cells:
        text, fault = cells.read(cell)
        size += len(text)
        if size > MOST_BYTES:
            return [], (unreadable("intake-row-too-long", most=MOST_BYTES),)
        texts[cell.column - 1] = text
        if fault is not None:
            faults.append(fault)
    return texts, tuple(faults[:1])


def _row(heading: Heading, number: int, cells: list[str], faults: tuple[RowFault, ...]) -> Row:
    wide = [*cells, *[""] * (len(heading.names) - len(cells))]
    return rows.row(number, heading, wide, *faults)


def _trimmed(cells: list[str]) -> list[str]:
    last = max((place for place, cell in enumerate(cells) if cell.strip()), default=-1)
    return cells[: last + 1]
