"""Search parameters of type quantity.

Index entries ``{p: name, u: unit, lo, hi}`` of `q`, one for each way to name the unit: "" for any,
``|unit`` for its code or its name in any system, and ``=canonical`` with converted numbers for a
unit of UCUM that can be converted, else ``system|code``.

Spec: https://hl7.org/fhir/R4/search.html#quantity
"""

import re
from collections.abc import Callable, Iterator
from math import isfinite, nextafter
from typing import Any

from server.fhir.outcome import BadRequest
from server.search.conditions import Condition
from server.search.number import LEAST, MOST, Searched, number, parse
from server.search.parameter import Entries, Environment, Extract, Parameter
from server.search.steps import Json
from server.search.units import UCUM, Conversion, Units, rounded
from server.search.values import compared, escaped, shown, split, unescaped

_CURRENCIES = "urn:iso:std:iso:4217"
_Bounds = tuple[float, float]
_Between = Callable[[float, float], _Bounds]
"""From the least and the greatest number to the bounds of what is meant by them."""
_ANY_UNIT = ""
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?").fullmatch


def extract(parameter: Parameter, type: str, environment: Environment) -> Extract | None:
    """Return what indexes values of the FHIR type `type`, None if they are no quantities."""
    read = _READS.get(type)
    if read is None:
        return None
    name, units = parameter.name, environment.units

    def add(value: Json, entries: Entries) -> None:
        found = read(value)
        if found is None:
            return
        numbers, unit, between = found
        for named, (low, high) in _in_each_unit(numbers, unit, units):
            # Converted first: rounding would close a bound that is open.
            least, most = between(low, high)
            entries.q.append({"p": name, "u": named, "lo": least, "hi": most})

    return add


def condition(parameter: Parameter, text: str, environment: Environment) -> Condition:
    """Return the condition for ``number``, ``number||unit`` or ``number|system|code``.

    Raises BadRequest if `text` is none of them.
    """
    try:
        unit, searched = _searched(text, environment.units)
    except ValueError:
        raise BadRequest.because(
            "search-quantity-invalid", parameter=parameter.code, value=shown(unescaped(text))
        ) from None
    return {"q": {"$elemMatch": {"p": parameter.name, "u": unit, **searched.condition()}}}


def _searched(text: str, units: Units) -> tuple[str, Searched]:
    match [unescaped(part) for part in split(text, "|")]:
        case [written] | [written, "", ""]:
            return _ANY_UNIT, parse(written)
        case [written, "", unit]:
            return compared(f"|{escaped(unit)}"), parse(written)
        case [written, system, code] if code:
            named, conversion = _exact_unit(system, code, units)
            searched = parse(written)
            return named, searched.converted(conversion) if conversion else searched
    message = "This is not a quantity."
    raise ValueError(message)


def _exact_unit(system: str, code: str, units: Units) -> tuple[str, Conversion | None]:
    conversion = units.conversion(code) if system == UCUM else None
    if conversion is not None:
        return f"={conversion.canonical}", conversion
    return compared(f"{escaped(system)}|{escaped(code)}"), None


def _in_each_unit(bounds: _Bounds, unit: Json, units: Units) -> Iterator[tuple[str, _Bounds]]:
    yield _ANY_UNIT, bounds
    system, code, written = unit.get("system"), unit.get("code"), unit.get("unit")
    for name in dict.fromkeys(name for name in (code, written) if name is not None):
        yield compared(f"|{escaped(name)}"), bounds
    if system is not None and code is not None:
        named, conversion = _exact_unit(system, code, units)
        low, high = bounds
        yield named, (conversion(low), conversion(high)) if conversion else bounds


_Found = tuple[_Bounds, Any, _Between]
"""Numbers, the unit they are in, and what is meant by them."""


def _quantity(value: Json) -> _Found | None:
    if value.get("value") is None:
        return None
    exact = number(value["value"], LEAST)
    return (exact, exact), value, _COMPARED.get(value.get("comparator", ""), _closed)


def _closed(low: float, high: float) -> _Bounds:
    return low, high


_COMPARED: dict[str, _Between] = {
    "<": lambda _low, high: (LEAST, nextafter(high, LEAST)),
    "<=": lambda _low, high: (LEAST, high),
    ">=": lambda low, _high: (low, MOST),
    ">": lambda low, _high: (nextafter(low, MOST), MOST),
}


def _money(value: Json) -> _Found | None:
    if value.get("value") is None:
        return None
    exact = number(value["value"], LEAST)
    currency = value.get("currency")
    unit = {} if currency is None else {"system": _CURRENCIES, "code": currency}
    return (exact, exact), unit, _closed


def _range(value: Json) -> _Found | None:
    low, high = value.get("low", {}), value.get("high", {})
    if low.get("value") is None and high.get("value") is None:
        return None
    bounds = number(low.get("value"), LEAST), number(high.get("value"), MOST)
    return bounds, {**high, **low}, _closed


def _sampled(value: Json) -> _Found | None:
    """Return the least and the greatest sample. E, U, L and what is no decimal do not count."""
    samples = [float(text) for text in set(value.get("data", "").split()) if _DECIMAL(text)]
    factor, origin = float(value.get("factor", 1)), value.get("origin", {})
    zero = number(origin.get("value"), 0.0)
    # What overflows is no measurement, and not-a-number would be unequal to itself.
    found = [one for sample in samples if isfinite(one := sample * factor + zero)]
    return ((rounded(min(found)), rounded(max(found))), origin, _closed) if found else None


_READS: dict[str, Callable[[Any], _Found | None]] = {
    **dict.fromkeys(("Quantity", "Age", "Count", "Distance", "Duration"), _quantity),
    "Money": _money,
    "Range": _range,
    "SampledData": _sampled,
}
