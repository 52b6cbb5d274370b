"""Where rows and cells of a sheet stand, looked at before any of them is read.

Rows stand in order, in at most 1,048,576 of them; cells in columns up to XFD. So that a sheet of
many megabytes takes a request no longer than it must, the tags are found by their spelling; only
where something else could look like one, each is heard.

Spec: ECMA-376 part 1, 18.3.1.73 (row), 18.3.1.4 (c),
https://ecma-international.org/publications-and-standards/standards/ecma-376/
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from server.fhir.outcome import Unprocessable
from server.intake import xlsx_parts
from server.intake.xlsx_parts import MOST_BYTES

MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
_NUMBER = re.compile("[0-9]{1,7}").fullmatch
_LETTERS = re.compile("[A-Z]{1,3}").fullmatch
_DIGITS = "0123456789"
_ROWS = re.compile(rb"""<(?:\w+:)?row\b(?:[^>]*?\sr\s*=\s*["']([^"'>]*))?""").finditer
_MISPLACED = re.compile(
    rb"""<(?:\w+:)?c\b[^>]*?\sr\s*=\s*["']"""
    rb"""(?!(?:[A-Z]{1,2}|[A-W][A-Z]{2}|X[A-E][A-Z]|XF[A-D])[0-9]{1,7}["'])([^"'>]*)"""
).search


def inspect(content: Iterable[bytes]) -> None:
    """Raise Unprocessable unless rows and cells stand where they may, and none is too long."""
    parser, places = xlsx_parts.parser(), Places()
    is_spelled = True
    left = b""
    for piece in content:
        text = left + piece
        if is_spelled and b"<!" in text:
            # What follows may stand in a comment or CDATA; what is left begins a tag not heard yet.
            is_spelled = False
            parser.StartElementHandler = places.start
        parser.Parse(piece)
        places.read += len(piece)
        if is_spelled:
            end = text.rfind(b"<")
            left = text[end:] if len(text) - end < len(piece) else b""
            places.look(text[: len(text) - len(left)])
        places.check()
    parser.Parse(b"", True)  # noqa: FBT003  # it has no name


class Places:
    """The last row and cell, and how much was `read` of the sheet."""

    def __init__(self) -> None:
        self.row = self.column = 0
        self.read = 0
        self._begun = 0

    def look(self, text: bytes) -> None:
        """Go to the rows in `text`. Raises Unprocessable if a row or cell is misplaced."""
        for found in _ROWS(text):
            self.begin(None if found[1] is None else found[1].decode("utf-8", "replace"))
        wrong = _MISPLACED(text)
        if wrong is not None:
            raise misplaced(wrong[1].decode("utf-8", "replace"))

    def start(self, element: str, given: Mapping[str, str]) -> None:
        """Go to the row or cell that begins with this `element`. Raises Unprocessable."""
        if element == "row" or element.endswith(":row"):
            self.begin(given.get("r"))
        elif (element == "c" or element.endswith(":c")) and "r" in given:
            letters = given["r"].rstrip(_DIGITS)
            if not 0 < number(letters) <= MOST_COLUMNS:
                raise misplaced(given["r"])

    def begin(self, text: str | None) -> None:
        """Begin the row that is called `text`, or the next one. Raises Unprocessable."""
        if text is not None and not _NUMBER(text):
            raise misplaced(text)
        row = self.row + 1 if text is None else int(text)
        if not self.row < row <= MOST_ROWS:
            raise misplaced(str(row))
        self.row, self.column, self._begun = row, 0, self.read

    def cell(self, text: str | None) -> bool:
        """Go to the cell that is called `text`, or to the next; tell whether that may be."""
        column = self.column + 1 if text is None else number(text.rstrip(_DIGITS))
        is_right = self.column < column <= MOST_COLUMNS
        if is_right:
            self.column = column
        return is_right

    def check(self) -> None:
        """Raise Unprocessable if the row is too long."""
        if self.read - self._begun > MOST_BYTES:
            raise xlsx_parts.too_large(f'<row r="{self.row}">', f"{MOST_BYTES >> 20} MB")


@lru_cache(MOST_COLUMNS)
def number(letters: str) -> int:
    """Return the number of the column called `letters`, from 1, and 0 if there is none."""
    column = 0
    for letter in letters if _LETTERS(letters) else "":
        column = 26 * column + ord(letter) - 64
    return column


def misplaced(place: str) -> Unprocessable:
    """Return the refusal of a sheet with a row or a cell at a `place` where none may be."""
    return Unprocessable.because("intake-workbook-place", place=place[:20], rows=MOST_ROWS)
