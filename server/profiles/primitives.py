"""What counts as a value of each primitive type.

Spec: https://hl7.org/fhir/R4/datatypes.html#primitive
"""

import re
from collections.abc import Callable, Mapping
from datetime import date

from server.profiles.definitions import Primitive
from server.profiles.narrative import is_narrative

Check = Callable[[object], bool]

# Characters below U+0020 other than tab, line feed and carriage return are refused, as are
# halves of surrogate pairs, which no UTF-8 can carry.
_CLEAN = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]*").fullmatch
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}").fullmatch
LENGTH = 2**20
DAYS = frozenset({"date", "dateTime", "instant"})
# What is printable and holds no space is always one of these, whatever their regex.
_TOKENS = frozenset({"canonical", "code", "uri", "url"})
_BOUNDS = {
    "integer": (-(2**31), 2**31 - 1),
    "unsignedInt": (0, 2**31 - 1),
    "positiveInt": (1, 2**31 - 1),
}


def checks(primitives: Mapping[str, Primitive]) -> Mapping[str, Check]:
    """Return for each of `primitives` the function that tells whether a value is one."""
    return {name: _check(primitive) for name, primitive in primitives.items()}


def bounds(type: str) -> tuple[int, int]:
    """Return the smallest and the largest number of an integer type."""
    return _BOUNDS[type]


def is_clean(text: str) -> bool:
    """Tell whether `text` is free of characters that FHIR does not allow in strings."""
    # Most strings are printable throughout, which is quicker to ask.
    return text.isprintable() or _CLEAN(text) is not None


def is_real_day(text: str) -> bool:
    """Tell whether the day of `text`, a date as the regex wants it, is in the calendar."""
    # Every month has 28 days; the slice is empty where the day is left out.
    if text[8:10] < "29":
        return True
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def _check(primitive: Primitive) -> Check:
    # Types whose values need more than their regex; the others are told by that alone.
    special: dict[str, Check] = {
        "boolean": _is_boolean,
        "decimal": _is_decimal,
        "base64Binary": _is_base64,
        "xhtml": is_narrative,
    }
    if primitive.name in special:
        return special[primitive.name]
    if primitive.name in _BOUNDS:
        return _integer(*_BOUNDS[primitive.name])
    if primitive.name in ("string", "markdown"):
        return _string(LENGTH)
    regex = primitive.regex or ""
    if primitive.name in DAYS:
        return _day(regex)
    return _token(_text(regex)) if primitive.name in _TOKENS else _text(regex)


def _is_boolean(value: object) -> bool:
    return value is True or value is False


def _is_decimal(value: object) -> bool:
    # bool is a subclass of int, so isinstance would let true pass for a number.
    kind = type(value)
    return kind is float or kind is int


def _integer(smallest: int, largest: int) -> Check:
    def check(value: object) -> bool:
        return type(value) is int and smallest <= value <= largest

    return check


def _string(length: int) -> Check:
    clean = _CLEAN

    def check(value: object) -> bool:
        return (
            type(value) is str
            and 0 < len(value) <= length
            and (value.isprintable() or clean(value) is not None)
        )

    return check


def _text(regex: str) -> Check:
    # In XML Schema, whose regexes these are, white space is that of ASCII.
    matches, clean = re.compile(regex, re.ASCII).fullmatch, _CLEAN

    def check(value: object) -> bool:
        return (
            type(value) is str
            and value != ""
            and matches(value) is not None
            and (value.isprintable() or clean(value) is not None)
        )

    return check


def _token(thorough: Check) -> Check:
    def check(value: object) -> bool:
        # Most have nothing that a regex, four times as slow, would have to look at.
        if type(value) is str and value.isprintable() and " " not in value:
            return value != ""
        return thorough(value)

    return check


def _day(regex: str) -> Check:
    matches = re.compile(regex).fullmatch

    def check(value: object) -> bool:
        return type(value) is str and matches(value) is not None and is_real_day(value)

    return check


def _is_base64(value: object) -> bool:
    # The regex in the facts takes exponential time on white space, and knows no padding.
    if type(value) is not str:
        return False
    packed = "".join(value.split())
    return len(packed) % 4 == 0 and _BASE64(packed) is not None
