"""What the elements of a row have to do with each other.

Two values that stand in each other's columns are told as that; an ID number has to agree with the
date of birth and the sex beside it; a body mass index with height and weight. Some values have to
be above others, and a resident has to be somebody.

Spec: GB 11643-1999; WS/T 428-2013 成人体重判定 (body mass index),
https://www.nhc.gov.cn/wjw/s9497/wsbz.shtml
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations

from server.profiles.identity_numbers.residents import (
    WrongNumberError,
    holder,
    normal,
    upgraded,
)
from server.records.cells import Told
from server.records.datasets import Loaded, Shape

_NEAR = Decimal("0.5")
_CENTIMETRES = Decimal(100)
_SEXES = {"1": "male", "2": "female"}


@dataclass(frozen=True, slots=True)
class BodyMassIndex:
    """The elements of height (cm), weight (kg), the index itself, and one for a calculated one."""

    height: str
    weight: str
    given: str
    calculated: str

    def of(self, row: Loaded) -> str | None:
        """Return kg/m², half up to two decimals, None if height or weight is missing or nought."""
        values = [row.cells[name].values[0] for name in (self.height, self.weight)
                  if name in row.cells and row.cells[name].values[0]]  # fmt: skip
        if len(values) < 2 or Decimal(values[0]) == 0:
            return None
        metres = Decimal(values[0]) / _CENTIMETRES
        index = Decimal(values[1]) / (metres * metres)
        return str(index.quantize(Decimal("0.01"), ROUND_HALF_UP))

    def faults(self, row: Loaded) -> Iterator[tuple[str, Told]]:
        """Yield a warning if the index in `row` is not that of height and weight."""
        found = self.of(row)
        if found is None or self.given not in row.cells:
            return
        said = row.cells[self.given].values[0]
        if said and abs(Decimal(said) - Decimal(found)) > _NEAR:
            yield self.given, Told("dataset-body-mass-index", said, {"right": found}, "warning")


@dataclass(frozen=True, slots=True)
class Order:
    """The element `name`, whose number is above that of `other`, or whose date is not before it."""

    name: str
    other: str
    is_number: bool

    def faults(self, row: Loaded) -> Iterator[tuple[str, Told]]:
        """Yield where it is the other way round."""
        value, other = _value(row, self.name), _value(row, self.other)
        if value and other and not self._is_right(value, other):
            said = {"other": self.other, "than": other}
            yield self.name, Told("dataset-order", value, said)

    def _is_right(self, value: str, other: str) -> bool:
        if self.is_number:
            return Decimal(value) > Decimal(other)
        # A day and a time of that day are in order.
        length = min(len(value), len(other))
        return value[:length] >= other[:length]


@dataclass(frozen=True, slots=True)
class Somebody:
    """The elements that identify a resident, of which a row has to have one."""

    names: tuple[str, ...]

    def faults(self, row: Loaded) -> Iterator[tuple[str, Told]]:
        """Yield that there is none."""
        if not any(_value(row, name) or name in row.faults for name in self.names):
            yield self.names[0], Told("dataset-nobody", "", {"names": "、".join(self.names)})


@dataclass(frozen=True, slots=True)
class Person:
    """The elements of an ID number, its type, the date of birth and the sex of one person."""

    number: str
    type: str
    born: str
    sex: str
    default: str = ""

    def faults(self, row: Loaded) -> Iterator[tuple[str, Told]]:
        """Yield where an ID number says another thing than what is beside it, or is an old one."""
        type = _value(row, self.type) or self.default
        number = _value(row, self.number)
        if not number or type not in ("01", "08", "10", "11"):
            return
        try:
            said = holder(normal(number))
        except WrongNumberError:
            return  # told by the conversion
        if len(normal(number)) < 18:
            right = upgraded(normal(number))
            yield self.number, Told("dataset-upgraded", number, {"right": right}, "warning")
        born = _value(row, self.born)
        if born and born[:8] != said.born.strftime("%Y%m%d"):
            yield self.born, Told("dataset-contradiction", born, {"other": self.number})
        sex = _SEXES.get(_value(row, self.sex))
        if sex is not None and sex != said.sex:
            yield self.sex, Told("dataset-contradiction", _value(row, self.sex),
                                 {"other": self.number})  # fmt: skip


def _value(row: Loaded, name: str) -> str:
    cell = row.cells.get(name)
    return cell.values[0] if cell is not None else ""


def swapped(shape: Shape, row: Mapping[str, str], wrong: Sequence[str]) -> tuple[str, str] | None:
    """Return the two of the `wrong` cells that would be right in each other's place, if any are."""
    for first, second in combinations(dict.fromkeys(wrong), 2):
        if shape.accepts(first, row[second]) and shape.accepts(second, row[first]):
            return first, second
    return None
