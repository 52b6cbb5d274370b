"""Numbers and quantities: a searched number stands for all that rounds to it.

Spec: https://hl7.org/fhir/R4/search.html#number, https://hl7.org/fhir/R4/search.html#quantity
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.oracle.texts import divided, plain

UCUM = "http://unitsofmeasure.org"
CURRENCIES = "urn:iso:std:iso:4217"
_NUMBER = re.compile(r"([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$", re.ASCII)
_ENDLESS = Fraction(10**60)
# UCUM code: (what is measured, factor and offset to one unit of it), by hand.
UNITS = {
    "ug": ("mass", Fraction(1, 10**6), 0),
    "mg": ("mass", Fraction(1, 1000), 0),
    "g": ("mass", Fraction(1), 0),
    "kg": ("mass", Fraction(1000), 0),
    "mg/dL": ("mass density", Fraction(10), 0),
    "g/L": ("mass density", Fraction(1000), 0),
    "mmol/L": ("substance density", Fraction(1), 0),
    "mol/L": ("substance density", Fraction(1000), 0),
    "mm[Hg]": ("pressure", Fraction(1), 0),
    "cm[Hg]": ("pressure", Fraction(10), 0),
    "Cel": ("temperature", Fraction(1), Fraction(27315, 100)),
    "[degF]": ("temperature", Fraction(5, 9), Fraction(45967, 180)),
    "K": ("temperature", Fraction(1), 0),
    "cm": ("length", Fraction(1, 100), 0),
    "m": ("length", Fraction(1), 0),
    "a": ("time", Fraction(3155760, 1), 0),
    "d": ("time", Fraction(8640, 1), 0),
    "/min": ("rate", Fraction(1, 60), 0),
    "/s": ("rate", Fraction(1), 0),
    "{score}": ("one", Fraction(1), 0),
    "1": ("one", Fraction(1), 0),
}


@dataclass(frozen=True, slots=True)
class Searched:
    """A number of a query, and from where to where it was rounded."""

    value: Fraction
    low: Fraction
    high: Fraction


@dataclass(frozen=True, slots=True)
class Span:
    """A number of a resource; a bound that is ``open`` does not belong to it."""

    low: Fraction
    high: Fraction
    low_open: bool = False
    high_open: bool = False


def searched(text: str) -> Searched:
    """Return the number that `text` is. Raises ValueError if it is none."""
    match = _NUMBER.match(text)
    if match is None:
        raise ValueError(text)
    _, _, fraction, exponent = match.groups()
    last = int(exponent or 0) - len(fraction or "")
    if exponent is not None and not fraction:
        # "1e2 to 1 significant figures, so [95 ... 105)" contradicts itself; its range counts.
        last -= 1
    value, half = Fraction(text), Fraction(10) ** last / 2
    return Searched(value, value - half, value + half)


def fulfils(target: Span, prefix: str, wanted: Searched) -> bool:
    """Tell whether `target` is what `prefix` and `wanted` ask for."""
    x, slack = wanted.value, abs(wanted.value) / 10
    inside_top = target.high < wanted.high or (target.high_open and target.high == wanted.high)
    within = target.low >= wanted.low and inside_top
    return {
        "eq": within,
        "ne": not within,
        "gt": target.high > x,
        "lt": target.low < x,
        "ge": target.high > x or (target.high == x and not target.high_open),
        "le": target.low < x or (target.low == x and not target.low_open),
        "sa": target.low > x or (target.low == x and target.low_open),
        "eb": target.high < x or (target.high == x and target.high_open),
        # What rounds to it is approximately the same, too: ap0 would else be 0 alone.
        "ap": (
            target.low <= max(wanted.high, x + slack) and target.high >= min(wanted.low, x - slack)
        ),
    }[prefix]


def of_number(type: str, value: Any) -> Span | None:
    """Return the number that an element of `type` is."""
    if type == "Range":
        return _range(value)
    if type in ("decimal", "integer", "positiveInt", "unsignedInt"):
        return Span(Fraction(str(value)), Fraction(str(value)))
    return None


def _range(value: Any) -> Span | None:
    low, high = ((value.get(side) or {}).get("value") for side in ("low", "high"))
    if low is None and high is None:
        return None
    return Span(
        -_ENDLESS if low is None else Fraction(str(low)),
        _ENDLESS if high is None else Fraction(str(high)),
    )


def _compared(value: Any) -> Span:
    exact = Fraction(str(value["value"]))
    match value.get("comparator"):
        case "<":
            return Span(-_ENDLESS, exact, high_open=True)
        case "<=":
            return Span(-_ENDLESS, exact)
        case ">":
            return Span(exact, _ENDLESS, low_open=True)
        case ">=":
            return Span(exact, _ENDLESS)
    return Span(exact, exact)


def of_quantity(type: str, value: Any) -> Iterator[tuple[Span, dict[str, Any]]]:
    """Yield the amount that an element of `type` is, and what says its unit."""
    if type in ("Quantity", "Age", "Count", "Distance", "Duration", "SimpleQuantity"):
        if value.get("value") is not None:
            yield _compared(value), value
    elif type == "Money" and value.get("value") is not None:
        currency = value.get("currency")
        unit = {"system": CURRENCIES, "code": currency} if currency else {}
        yield Span(Fraction(str(value["value"])), Fraction(str(value["value"]))), unit
    elif type == "Range" and (span := _range(value)):
        yield span, {**value.get("high", {}), **value.get("low", {})}


def quantity_fulfils(type: str, value: Any, prefix: str, text: str) -> bool:
    """Tell whether an element is the quantity that `text`, still escaped, asks for."""
    parts = [plain(part) for part in divided(text, "|")]
    number, system, code = parts if len(parts) == 3 else (parts[0], "", "")
    wanted = searched(number)
    for span, unit in of_quantity(type, value):
        if not code:
            fits, one, other = True, span, wanted
        elif not system:
            fits, one, other = code in (unit.get("code"), unit.get("unit")), span, wanted
        else:
            fits, one, other = _in_one_unit(span, unit, wanted, system, code)
        if fits and fulfils(one, prefix, other):
            return True
    return False


def _in_one_unit(
    span: Span, unit: dict[str, Any], wanted: Searched, system: str, code: str
) -> tuple[bool, Span, Searched]:
    ours, theirs = UNITS.get(unit.get("code", "")), UNITS.get(code)
    if unit.get("system") != system:
        return False, span, wanted
    if system != UCUM or ours is None or theirs is None:
        return unit.get("code") == code, span, wanted

    def to_base(number: Fraction, how: tuple[str, Fraction, Fraction | int]) -> Fraction:
        endless = abs(number) == _ENDLESS
        return number if endless else number * how[1] + how[2]

    converted = Span(
        to_base(span.low, ours), to_base(span.high, ours), span.low_open, span.high_open
    )
    bounds = (to_base(each, theirs) for each in (wanted.value, wanted.low, wanted.high))
    return ours[0] == theirs[0], converted, Searched(*bounds)
