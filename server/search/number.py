"""Search parameters of type number.

Index entries ``{p: name, lo, hi}`` of `n`; a number is a range of one point. The searched
number stands for what rounds to it: ``100`` for 99.5 to 100.5.

Spec: https://hl7.org/fhir/R4/search.html#number
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from math import isfinite, nextafter

from server.fhir.outcome import BadRequest
from server.search.conditions import Condition
from server.search.parameter import Entries, Environment, Extract, Parameter
from server.search.steps import Json
from server.search.units import rounded
from server.search.values import shown, unescaped

_NUMBER = re.compile(
    r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?([+-]?[0-9]{1,40}(\.[0-9]{1,40})?(?:[eE]([+-]?[0-9]{1,3}))?)"
)
_NUMERIC = frozenset({"decimal", "integer", "positiveInt", "unsignedInt"})
LEAST, MOST = float("-inf"), float("inf")


@dataclass(frozen=True, slots=True)
class Searched:
    """A searched number: its prefix, itself, and what rounds to it, from `low` to below `high`.

    What is about it, up to a tenth of it away, goes from `least` to `most`.
    """

    prefix: str
    value: float
    low: float
    high: float
    least: float
    most: float

    def converted(self, convert: Callable[[float], float]) -> "Searched":
        """Return this number in another unit."""
        numbers = (self.value, self.low, self.high, self.least, self.most)
        return Searched(self.prefix, *map(convert, numbers))

    def condition(self) -> Condition:
        """Return the condition on `lo` and `hi` of one entry."""
        # Of a number with more digits than are kept, nothing but itself rounds to it.
        low, high = min(self.low, self.value), max(self.high, nextafter(self.value, MOST))
        return _RELATIONS[self.prefix](replace(self, low=low, high=high))


def parse(text: str) -> Searched:
    """Return the number in `text`, with or without a prefix.

    An exponent counts as one more digit, so that 1e2 is 95 to 105, as the specification has it.

    Raises ValueError if `text` is no number.
    """
    match = _NUMBER.fullmatch(text)
    if match is None or not isfinite(float(match[2])):
        message = "This is not a number."
        raise ValueError(message)
    prefix, digits, fraction, exponent = match.groups()
    value = Decimal(digits)
    last = -len(fraction[1:]) if fraction else 0
    if exponent is not None:
        last += int(exponent) - (fraction is None)
    half = Decimal(5).scaleb(last - 1)
    # What rounds to a number is about it, too: 0 has no tenth.
    slack = max(abs(value) / 10, half)
    bounds = (value, value - half, value + half, value - slack, value + slack)
    return Searched(prefix or "eq", *(rounded(float(bound)) for bound in bounds))


def extract(parameter: Parameter, type: str, _environment: Environment) -> Extract | None:
    """Return what indexes values of the FHIR type `type`, None if they are no numbers."""
    name = parameter.name

    def add(value: Json, entries: Entries) -> None:
        exact = rounded(float(value))
        entries.n.append({"p": name, "lo": exact, "hi": exact})

    def add_range(value: Json, entries: Entries) -> None:
        low, high = (value.get(bound, {}).get("value") for bound in ("low", "high"))
        if low is not None or high is not None:
            entries.n.append({"p": name, "lo": number(low, LEAST), "hi": number(high, MOST)})

    if type == "Range":
        return add_range
    return add if type in _NUMERIC else None


def condition(parameter: Parameter, text: str, _environment: Environment) -> Condition:
    """Return the condition for one searched value.

    Raises BadRequest if `text` is no number.
    """
    value = unescaped(text)
    try:
        searched = parse(value)
    except ValueError:
        raise BadRequest.because(
            "search-number-invalid", parameter=parameter.code, value=shown(value)
        ) from None
    return {"n": {"$elemMatch": {"p": parameter.name, **searched.condition()}}}


def number(value: Json, missing: float) -> float:
    """Return the number `value`, or `missing` if it is None."""
    return missing if value is None else rounded(float(value))


_RELATIONS: dict[str, Callable[[Searched], Condition]] = {
    "eq": lambda x: {"lo": {"$gte": x.low, "$lt": x.high}, "hi": {"$lt": x.high}},
    "ne": lambda x: {"$or": [{"lo": {"$lt": x.low}}, {"hi": {"$gte": x.high}}]},
    "gt": lambda x: {"hi": {"$gt": x.value}},
    "lt": lambda x: {"lo": {"$lt": x.value}},
    "ge": lambda x: {"hi": {"$gte": x.value}},
    "le": lambda x: {"lo": {"$lte": x.value}},
    "sa": lambda x: {"lo": {"$gt": x.value}},
    "eb": lambda x: {"lo": {"$lt": x.value}, "hi": {"$lt": x.value}},
    "ap": lambda x: {"lo": {"$lte": x.most}, "hi": {"$gte": x.least}},
}
