"""The texts that the cells of a workbook share, kept as closely as they can be.

Spec: ECMA-376 part 1, 18.4 (shared strings), 22.9.2.19 (ST_Xstring),
https://ecma-international.org/publications-and-standards/standards/ecma-376/
"""

import re
from array import array
from collections.abc import Iterable

from server.intake import xlsx_parts
from server.intake.xlsx_parts import Book, bare

MOST_TEXTS = 2_000_000
MOST_CHARACTERS = 131_072
"""So many has a cell."""
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


class Texts:
    """Texts by their number, as bytes one behind another: a str for each would take far more."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("L")

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._ends)

    def __getitem__(self, number: int) -> str:
        """Return the text with this `number`, from 0 on, or as much of it as shows its length.

        It may be longer than a cell can be, and stand in each cell of a row.
        """
        begin = self._ends[number - 1] if number else 0
        end = min(self._ends[number], begin + 4 * (MOST_CHARACTERS + 1))
        return unescaped(self._bytes[begin:end].decode(errors="ignore"))

    def add(self, pieces: Iterable[str]) -> None:
        """Add a text. Raises Unprocessable if there are too many."""
        if len(self._ends) >= MOST_TEXTS:
            raise xlsx_parts.too_large("sharedStrings.xml", f"{MOST_TEXTS} <si>")
        for piece in pieces:
            self._bytes += piece.encode()
        self._ends.append(len(self._bytes))


def unescaped(text: str) -> str:
    """Return `text` with the characters that XML cannot have, which stand as ``_x000D_``."""
    return _ESCAPED.sub(_character, text) if "_x" in text else text


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return found[0] if 0xD800 <= code < 0xE000 else chr(code)


def read(book: Book) -> Texts:
    """Return the texts of `book`. Raises Unprocessable if they are too many or too long."""
    reader = _Reader()
    if book.texts is None:
        return reader.texts
    parser = xlsx_parts.parser()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    for piece in book.read(book.texts, xlsx_parts.MOST_TEXT_BYTES):
        parser.Parse(piece)
    parser.Parse(b"", True)  # noqa: FBT003  # it has no name
    return reader.texts


class _Reader:
    """Hears elements; how a word is pronounced (rPh) is no part of it."""

    def __init__(self) -> None:
        self.texts = Texts()
        self._pieces: list[str] = []
        self._is_text = self._is_spoken = False

    def start(self, element: str, _: object) -> None:
        match bare(element):
            case "t":
                self._is_text = not self._is_spoken
            case "rPh":
                self._is_spoken = True

    def end(self, element: str) -> None:
        match bare(element):
            case "t":
                self._is_text = False
            case "rPh":
                self._is_spoken = False
            case "si":
                self.texts.add(self._pieces)
                self._pieces.clear()

    def data(self, text: str) -> None:
        if self._is_text:
            self._pieces.append(text)
