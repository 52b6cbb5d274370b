"""What a value may be: fixed or patterned, of a type, of a length, between bounds.

Spec: https://hl7.org/fhir/R4/elementdefinition.html
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from server.profiles.conformance import Rule, Run
from server.profiles.explain import brief
from server.profiles.invariants.items import Item
from server.profiles.steps import At


def equals(value: Any, expected: Any) -> bool:  # noqa: ANN401  # JSON
    """Tell whether `value` is exactly `expected`; a boolean is no number."""
    match value, expected:
        case dict(), dict():
            return value.keys() == expected.keys() and all(
                equals(value[key], expected[key]) for key in expected
            )
        case list(), list():
            return len(value) == len(expected) and all(map(equals, value, expected))
    return isinstance(value, bool) == isinstance(expected, bool) and bool(value == expected)


def contains(value: Any, pattern: Any) -> bool:  # noqa: ANN401  # JSON
    """Tell whether all that is in `pattern` is in `value`, in arrays at any place."""
    match value, pattern:
        case dict(), dict():
            return all(key in value and contains(value[key], pattern[key]) for key in pattern)
        case list(), list():
            return all(any(contains(one, wanted) for one in value) for wanted in pattern)
    return equals(value, pattern)


def fixed(expected: Any) -> Rule:  # noqa: ANN401  # JSON
    """Return the rule that a value is `expected`."""
    return _compared(equals, expected, "profile-fixed")


def pattern(expected: Any) -> Rule:  # noqa: ANN401  # JSON
    """Return the rule that a value contains `expected`."""
    return _compared(contains, expected, "profile-pattern")


def _compared(holds: Callable[[Any, Any], bool], expected: Any, message: str) -> Rule:  # noqa: ANN401
    shown = brief(orjson.dumps(expected).decode())
    is_text = type(expected) is str

    def check(item: Item, at: At, run: Run) -> None:
        if is_text and item.value == expected:
            return
        if not holds(item.value, expected):
            run.tell("value", message, at, {"expected": shown})

    return check


def of_type(allowed: frozenset[str], bases: Mapping[str, str]) -> Rule:
    """Return the rule that a value is of one of the types `allowed`."""
    listed = ", ".join(sorted(allowed))

    def check(item: Item, at: At, run: Run) -> None:
        if item.type not in allowed and not is_a(item.type, allowed, bases):
            run.tell("structure", "profile-type", at, {"type": item.type, "allowed": listed})

    return check


def is_a(type: str, allowed: frozenset[str], bases: Mapping[str, str]) -> bool:
    """Tell whether `type` is one of `allowed`, or is based on one."""
    name: str | None = type
    while name is not None:
        if name in allowed:
            return True
        name = bases.get(name)
    return False


def length(most: int) -> Rule:
    """Return the rule that a text has at most `most` characters."""

    def check(item: Item, at: At, run: Run) -> None:
        if type(item.value) is str and len(item.value) > most:
            run.tell("too-long", "profile-length", at, {"max": most, "found": len(item.value)})

    return check


def bounds(low: Any, high: Any) -> Rule:  # noqa: ANN401  # a number, or a text that sorts as dates do
    """Return the rule that a value is not below `low` and not above `high`; None is no bound."""

    def check(item: Item, at: At, run: Run) -> None:
        value = item.value
        if value is None or type(value) is dict:
            return
        comparable = [one for one in (low, high) if isinstance(one, str) == isinstance(value, str)]
        if (low in comparable and low is not None and value < low) or (
            high in comparable and high is not None and value > high
        ):
            run.tell("value", "profile-bound", at, {"min": low, "max": high})

    return check
