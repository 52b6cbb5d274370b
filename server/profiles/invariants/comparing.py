"""When two values are equal, and which of two comes first.

Where FHIRPath cannot tell, neither can these: two dates of different precision, quantities of
different units.

Spec: http://hl7.org/fhirpath/N1/#equality, http://hl7.org/fhirpath/N1/#comparison
"""

from collections.abc import Hashable, Mapping
from datetime import tzinfo
from typing import Any

import orjson

from server.fhir.date import interval
from server.profiles.invariants.items import Item, Items
from server.profiles.primitives import DAYS


def key(item: Item) -> Hashable:
    """Return what equal values have in common, and no others."""
    value = item.value
    if type(value) is str:
        return value
    if type(value) is bool:
        return ("boolean", value)
    if isinstance(value, int | float):
        return value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def are_equal(left: Items, right: Items) -> bool | None:
    """Tell whether two collections are equal, None if one of them is empty."""
    if not left or not right:
        return None
    if len(left) == 1 and len(right) == 1:
        return key(left[0]) == key(right[0])
    same = (key(one) == key(other) for one, other in zip(left, right, strict=False))
    return len(left) == len(right) and all(same)


def order(left: Item, right: Item, zone: tzinfo) -> int | None:
    """Return -1, 0 or 1 as `left` comes before, with or after `right`; None if nobody can tell.

    A date without a zone is in `zone`.
    """
    match left.value, right.value:
        case (bool(), _) | (_, bool()):
            return None
        case (int() | float() as one, int() | float() as other):
            return _order(one, other)
        case str(one), str(other):
            if left.type in DAYS and right.type in DAYS:
                return _order_of_days(one, other, zone)
            return _order(one, other)
        case {"value": one}, {"value": other}:
            return _order(one, other) if _unit(left.value) == _unit(right.value) else None
    return None


def _order(one: Any, other: Any) -> int:  # noqa: ANN401  # numbers or texts
    return int(one > other) - int(one < other)


def _order_of_days(one: str, other: str, zone: tzinfo) -> int | None:
    first, second = interval(one, zone), interval(other, zone)
    if first == second:
        return 0
    if first.end <= second.start:
        return -1
    return 1 if first.start >= second.end else None


def _unit(quantity: Mapping[str, Any]) -> tuple[Any, ...]:
    if "code" in quantity:
        return quantity.get("system"), quantity["code"]
    return (quantity.get("unit"),)
