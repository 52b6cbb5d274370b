"""Rows of national data sets, read at the border by a schema that their tables generate.

No schema is typed by hand: there is one field for each data element, made of what its table says of
type, format, value domain and whether it is required.

Spec: https://marshmallow.readthedocs.io/en/stable/api_reference.html
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from server.records.cells import Column, Told, WrongCellError, read
from server.records.right_cells import is_right

DIVIDER = "|"
_has_divider = re.compile(r"[|｜;；,，、\\]").search
_BETWEEN_TEXTS = re.compile(r"(\\*)([|｜])")
_BETWEEN_OTHERS = re.compile(r"(\\*)([|｜;；,，、])")
_LAST = re.compile(r"\\+\Z")


@dataclass(frozen=True, slots=True)
class Cell:
    """The values of a cell, each in its place, ``""`` where none is; and what to say of them."""

    values: tuple[str, ...]
    told: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a row has, by the name of the column; what is wrong with the others."""

    cells: Mapping[str, Cell]
    faults: Mapping[str, list[Told]] = field(default_factory=dict)


def _between(kind: str) -> re.Pattern[str]:
    """Return what divides the values of a cell: backslashes, and the sign behind them."""
    return _BETWEEN_TEXTS if kind == "text" else _BETWEEN_OTHERS


def divided(column: Column, text: str) -> list[str]:
    r"""Return the values in `text`, which stand between dividers; ``\|`` is a bar in a value.

    Of backslashes before a divider two are one, and one that is left over takes its meaning from
    it; all other backslashes are what they are.
    """
    if not column.repeats:
        return [text]
    values, value, place = [], "", 0
    for found in _between(column.kind).finditer(text):
        halves, rest = divmod(len(found[1]), 2)
        value += text[place : found.start()] + "\\" * halves
        place = found.end()
        if rest:
            value += found[2]
        else:
            values.append(value)
            value = ""
    return [*values, value + text[place:]]


def joined(values: Iterable[str], kind: str = "text") -> str:
    """Return `values`, of a column of this `kind`, as they stand in one cell."""
    between = _between(kind)
    said = [between.sub(lambda found: f"{found[1] * 2}\\{found[2]}", one) for one in values]
    # What stands before a divider would take its meaning from it.
    before = [_LAST.sub(lambda found: found[0] * 2, one) for one in said[:-1]]
    return DIVIDER.join([*before, *said[-1:]])


class _Cell(fields.Field[Cell]):
    """A cell of `column`."""

    def __init__(self, column: Column) -> None:
        super().__init__(required=column.is_required)
        self.column = column

    def _deserialize(self, value: str, *_: Any, **__: Any) -> Cell:
        values: list[str] = []
        told: list[Told] = []
        faults: list[Told] = []
        for one in divided(self.column, value):
            try:
                right, more = read(self.column, one)
            except WrongCellError as wrong:
                faults.append(Told(wrong.message, one, wrong.arguments))
                continue
            values.append(right)
            told += more
        if self.required and not any(values) and not faults:
            faults.append(Told("dataset-required", ""))
        if faults:
            raise ValidationError([*faults, *told])
        return Cell(tuple(values), tuple(told))


def _is_right(column: Column) -> Callable[[str], bool]:
    """Return what tells quickly that a cell has one value, which is right as it stands."""
    one = is_right(column)
    if not column.repeats:
        return one
    return lambda text: _has_divider(text) is None and one(text)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rows of a data set look like."""

    columns: Mapping[str, Column]
    is_right: Mapping[str, Callable[[str], bool]]
    fields: Mapping[str, fields.Field[Any]]
    required: tuple[str, ...]

    @classmethod
    def of(cls, columns: Iterable[Column]) -> "Shape":
        """Return the shape of rows that have these `columns`."""
        known = {column.name: column for column in columns}
        made = {name: _Cell(column) for name, column in known.items()}
        schema = Schema.from_dict(dict(made))(unknown=EXCLUDE)
        required = tuple(name for name, column in known.items() if column.is_required)
        right = {name: _is_right(column) for name, column in known.items()}
        return cls(known, right, schema.load_fields, required)

    def load(self, row: Mapping[str, str]) -> Loaded:
        """Return what stands in `row`, whose keys are the names of columns.

        Most cells are right, which is told quickly; of the others the fields of the schema are
        asked one by one, for the schema as a whole would ask each of its hundreds of fields, also
        where a row has but thirty.
        """
        cells: dict[str, Cell] = {}
        faults: dict[str, list[Told]] = {}
        for name, text in row.items():
            if not text:
                continue
            if self.is_right[name](text):
                cells[name] = Cell((text,))
            else:
                try:
                    cells[name] = self.fields[name].deserialize(text)
                except ValidationError as error:
                    faults[name] = cast("list[Told]", error.messages)
        for name in self.required:
            if not row.get(name):
                faults[name] = [Told("dataset-required", "")]
        return Loaded(cells, faults)

    def accepts(self, name: str, text: str) -> bool:
        """Tell whether `text` could stand in the column `name`."""
        try:
            for one in divided(self.columns[name], text):
                read(self.columns[name], one)
        except WrongCellError:
            return False
        return True
