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
        bounds, unit = found
        entries.q.extend(
            {"p": name, "u": named, "lo": low, "hi": high}
            for named, (low, high) in _in_each_unit(bounds, unit, units)
        )

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


def _quantity(value: Json) -> tuple[_Bounds, Any] | None:
    if value.get("value") is None:
        return None
    exact = number(value["value"], LEAST)
    return _COMPARED.get(value.get("comparator", ""), _exactly)(exact), value


def _exactly(value: float) -> _Bounds:
    return value, value


_COMPARED: dict[str, Callable[[float], _Bounds]] = {
    "<": lambda value: (LEAST, nextafter(value, LEAST)),
    "<=": lambda value: (LEAST, value),
    ">=": lambda value: (value, MOST),
    ">": lambda value: (nextafter(value, MOST), MOST),
}


def _money(value: Json) -> tuple[_Bounds, Any] | None:
    if value.get("value") is None:
        return None
    exact = number(value["value"], LEAST)
    currency = value.get("currency")
    unit = {} if currency is None else {"system": _CURRENCIES, "code": currency}
    return (exact, exact), unit


def _range(value: Json) -> tuple[_Bounds, Any] | None:
    low, high = value.get("low", {}), value.get("high", {})
    if low.get("value") is None and high.get("value") is None:
        return None
    return (number(low.get("value"), LEAST), number(high.get("value"), MOST)), {**high, **low}


def _sampled(value: Json) -> tuple[_Bounds, Any] | None:
    """Return the least and the greatest sample. E, U, L and what is no decimal do not count."""
    samples = [float(text) for text in set(value.get("data", "").split()) if _DECIMAL(text)]
    factor, origin = float(value.get("factor", 1)), value.get("origin", {})
    zero = number(origin.get("value"), 0.0)
    # What overflows is no measurement, and not-a-number would be unequal to itself.
    found = [one for sample in samples if isfinite(one := sample * factor + zero)]
    return ((rounded(min(found)), rounded(max(found))), origin) if found else None


_READS: dict[str, Callable[[Any], tuple[_Bounds, Any] | None]] = {
    **dict.fromkeys(("Quantity", "Age", "Count", "Distance", "Duration"), _quantity),
    "Money": _money,
    "Range": _range,
    "SampledData": _sampled,
}
