"""Pieces of JSON that tables write down: filled in once, copied for each row, found again by.

``{name}`` in a text stands for something of the row of the table. What stands for something that
the row does not have is left out, with whatever would be empty without it.

Spec: https://hl7.org/fhir/R4/json.html
"""

import re
from collections.abc import Mapping
from typing import Any

Json = Any
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
VALUE = "{value}"
"""Stands for the value of a cell, where a piece is copied for one."""


class _Absent(Exception):
    """A text stands for what is not there."""


def filled(template: Json, arguments: Mapping[str, str | None]) -> Json:
    """Return `template` with its placeholders filled; those that `arguments` do not name stay."""
    match template:
        case str():
            return _PLACEHOLDER.sub(lambda found: _argument(found, arguments), template)
        case Mapping():
            return _without_absent({name: (value, arguments) for name, value in template.items()})
        case list():
            found = _without_absent(dict(enumerate((one, arguments) for one in template)))
            return list(found.values())
    return template


def _argument(found: re.Match[str], arguments: Mapping[str, str | None]) -> str:
    value = arguments.get(found[1], found[0])
    if value is None:
        raise _Absent
    return value


def _without_absent(parts: Mapping[Any, tuple[Json, Mapping[str, str | None]]]) -> dict[Any, Json]:
    """Return what `parts` come to.

    An item of a list that has a part which stands for nothing is left out, and so is a list of
    which nothing is left.
    """
    found = {}
    for name, (value, arguments) in parts.items():
        try:
            made = filled(value, arguments)
        except _Absent:
            if isinstance(name, str):
                raise
            continue
        if made != [] or value == []:
            found[name] = made
    return found


def fresh(template: Json) -> Json:
    """Return a copy of `template` that may be changed."""
    kind = type(template)
    if kind is dict:
        return {name: fresh(value) for name, value in template.items()}
    if kind is list:
        return [fresh(one) for one in template]
    return template


def with_value(template: Json, value: str) -> Json:
    """Return a copy of `template` in which `value` stands where it is to."""
    if template == VALUE:
        return value
    match template:
        case dict():
            return {name: with_value(one, value) for name, one in template.items()}
        case list():
            return [with_value(one, value) for one in template]
    return template


def merge(node: dict[str, Json], piece: Mapping[str, Json]) -> None:
    """Put `piece` into `node`: lists grow, objects are merged, and all else is replaced."""
    for name, value in piece.items():
        present = node.get(name)
        if isinstance(value, dict) and isinstance(present, dict):
            merge(present, value)
        elif isinstance(value, list) and isinstance(present, list):
            present.extend(value)
        else:
            node[name] = value


def matches(pattern: Json, value: Json) -> bool:
    """Tell whether all that `pattern` has is in `value`, whose numbers may be their digits."""
    match pattern:
        case dict():
            return isinstance(value, dict) and all(
                name in value and matches(one, value[name]) for name, one in pattern.items()
            )
        case list():
            return isinstance(value, list) and all(
                any(matches(one, item) for item in value) for one in pattern
            )
        case bool():
            return value is pattern
        case int() | float():
            return str(value) == str(pattern)
    return pattern in (VALUE, value)


def weight(pattern: Json) -> int:
    """Return how much `pattern` asks for: of two that match, the heavier one is meant."""
    match pattern:
        case dict():
            return sum(map(weight, pattern.values()))
        case list():
            return sum(map(weight, pattern))
    return 1
