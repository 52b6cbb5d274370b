"""What stands between two expressions.

Spec: http://hl7.org/fhirpath/N1/#operations
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo

from server.profiles.invariants.comparing import are_equal, key, order
from server.profiles.invariants.items import NOTHING, Item, Items, truth

_Truth = bool | None
"""True, false, or nothing that could tell."""
Work = Callable[[Items, Items, tzinfo], Items]


@dataclass(frozen=True, slots=True)
class Logic:
    """An operator on truths; a left side that is `decided_by` makes it `as_decided`."""

    of: Callable[[_Truth, _Truth], _Truth]
    decided_by: _Truth = None
    as_decided: _Truth = None


def _and(one: _Truth, other: _Truth) -> _Truth:
    if False in (one, other):
        return False
    return None if None in (one, other) else True


def _or(one: _Truth, other: _Truth) -> _Truth:
    if True in (one, other):
        return True
    return None if None in (one, other) else False


def _xor(one: _Truth, other: _Truth) -> _Truth:
    return None if one is None or other is None else one != other


def _implies(one: _Truth, other: _Truth) -> _Truth:
    return _or(None if one is None else not one, other)


LOGIC: Mapping[str, Logic] = {
    "and": Logic(_and, decided_by=False, as_decided=False),
    "or": Logic(_or, decided_by=True, as_decided=True),
    "xor": Logic(_xor),
    "implies": Logic(_implies, decided_by=False, as_decided=True),
}


def union(left: Items, right: Items) -> Items:
    """Return what is in either, each value once."""
    return [*{key(item): item for item in (*left, *right)}.values()]


def _is_in(one: Items, many: Items) -> Items:
    if not one:
        return NOTHING
    wanted = key(one[0])
    return truth(any(key(item) == wanted for item in many))


def _compares(*wanted: int) -> Work:
    """Return the comparison that is true of sides in one of the `wanted` orders."""

    def compare(left: Items, right: Items, zone: tzinfo) -> Items:
        if len(left) != 1 or len(right) != 1:
            return NOTHING
        found = order(left[0], right[0], zone)
        return truth(None if found is None else found in wanted)

    return compare


def _equals(left: Items, right: Items, _zone: tzinfo) -> Items:
    return truth(are_equal(left, right))


def _differs(left: Items, right: Items, _zone: tzinfo) -> Items:
    same = are_equal(left, right)
    return truth(None if same is None else not same)


def _plus(left: Items, right: Items, _zone: tzinfo) -> Items:
    if not left or not right:
        return NOTHING
    return [Item(left[0].value + right[0].value, left[0].type)]


def _joined(left: Items, right: Items, _zone: tzinfo) -> Items:
    """Return two texts as one; nothing is an empty text."""
    texts = [str(items[0].value) if items else "" for items in (left, right)]
    return [Item("".join(texts), "string")]


OPERATORS: Mapping[str, Work] = {
    "=": _equals,
    "!=": _differs,
    "<": _compares(-1),
    "<=": _compares(-1, 0),
    ">": _compares(1),
    ">=": _compares(0, 1),
    "|": lambda left, right, _zone: union(left, right),
    "in": lambda left, right, _zone: _is_in(left, right),
    "contains": lambda left, right, _zone: _is_in(right, left),
    "+": _plus,
    "&": _joined,
}
