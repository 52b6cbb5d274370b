"""Units of UCUM, converted to one canonical unit for each kind of quantity.

Spec: https://ucum.org/ucum
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson

UCUM = "http://unitsofmeasure.org"
# No brace inside: a search for the other end from each of many takes quadratic time.
_STANDING_ALONE = re.compile(r"(^|[/.(])\{[^{}]*\}")
_ANNOTATION = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Conversion:
    """How values in some unit become values in `canonical`: times `factor`, plus `offset`."""

    factor: float
    canonical: str
    offset: float = 0.0

    def __call__(self, value: float) -> float:
        """Return `value` in the canonical unit."""
        return rounded(value * self.factor + self.offset)


@dataclass(frozen=True, slots=True)
class Units:
    """The units that can be converted, by UCUM code without annotations."""

    conversions: Mapping[str, Conversion]

    def conversion(self, code: str) -> Conversion | None:
        """Return how to convert from `code`, None if it is not known."""
        found = self.conversions.get(code)
        if found is None and "{" in code:
            # To UCUM an annotation is a remark: {cells}/uL is /uL, and {score} is 1.
            bare = _ANNOTATION.sub("", _STANDING_ALONE.sub(r"\g<1>1", code))
            found = self.conversions.get(bare)
        return found


def rounded(value: float) -> float:
    """Return `value` to 12 significant digits, which hides how it was calculated."""
    return float(f"{value:.12g}")


@cache
def load(file: Path) -> Units:
    """Return the units in `file`, which ``tools/distil_ucum.py`` wrote."""
    rows = orjson.loads(file.read_bytes())
    return Units({code: Conversion(*row) for code, row in rows.items()})
