"""The rows of one sheet as they stand in its XML, one after another.

Rows and cells that are not there are passed over without a step for each.

Spec: ECMA-376 part 1, 18.3.1.73 (row), 18.3.1.4 (c),
https://ecma-international.org/publications-and-standards/standards/ecma-376/
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from server.intake import xlsx_parts
from server.intake.xlsx_parts import bare
from server.intake.xlsx_places import Places

_READ = ("v", "t", "f")


class Cell(NamedTuple):
    """A cell: its `column` from 1, and what is told of it; `value` or `formula` None if not."""

    column: int
    type: str
    style: str
    value: str | None
    formula: str | None


class Found(NamedTuple):
    """A row: its `number`, its `cells`, and the name of one that is `misplaced`, if one is."""

    number: int
    cells: list[Cell]
    misplaced: str | None


def rows(content: Iterable[bytes]) -> Iterator[Found]:
    """Yield each row that is there. Raises Unprocessable if one is misplaced or too long."""
    parser, reader = xlsx_parts.parser(), _Reader()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    for piece in content:
        parser.Parse(piece)
        reader.places.read += len(piece)
        reader.places.check()
        yield from reader.done
        reader.done.clear()
    parser.Parse(b"", True)  # noqa: FBT003  # it has no name


class _Reader:
    """Makes rows of what it hears; `done` are those that have ended."""

    def __init__(self) -> None:
        self.places = Places()
        self.done: list[Found] = []
        self._cells: list[Cell] = []
        self._misplaced: str | None = None
        self._given: Mapping[str, str] | None = None
        self._texts: dict[str, list[str]] = {}
        self._into: list[str] | None = None
        self._is_spoken = False

    def start(self, element: str, given: Mapping[str, str]) -> None:
        """Hear that an element begins."""
        name = bare(element)
        if self._given is not None:
            if name == "rPh":
                self._is_spoken = True
            elif name in _READ and not self._is_spoken:
                self._into = self._texts.setdefault(name, [])
        elif name == "c":
            self._given = given
        elif name == "row":
            self.places.begin(given.get("r"))

    def data(self, text: str) -> None:
        """Hear a text."""
        if self._into is not None:
            self._into.append(text)

    def end(self, element: str) -> None:
        """Hear that an element ends."""
        name = bare(element)
        if name in _READ:
            self._into = None
        elif name == "rPh":
            self._is_spoken = False
        elif name == "c" and self._given is not None:
            self._add(self._given)
            self._given = None
            self._texts.clear()
        elif name == "row":
            self.done.append(Found(self.places.row, self._cells, self._misplaced))
            self._cells, self._misplaced = [], None

    def _add(self, given: Mapping[str, str]) -> None:
        if not self.places.cell(given.get("r")):
            self._misplaced = given.get("r", "")
            return
        type = given.get("t", "n")
        value = self._texts.get("t" if type == "inlineStr" else "v")
        formula = self._texts.get("f")
        cell = Cell(
            self.places.column,
            type,
            given.get("s", "0"),
            None if value is None else "".join(value),
            None if formula is None else "".join(formula),
        )
        self._cells.append(cell)
