"""What a caller may see, as conditions on documents."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Condition = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Visibility:
    """The part of the data that a caller may know of.

    `of` gives for a resource type and letters of SMART scopes, such as ``rs``, the MongoDB filter
    that is ANDed into every query made for the caller with the rights of all these letters.
    `past` gives the filter for superseded versions of a type. `name` tells visibilities
    apart and is equal only for equal ones.
    """

    name: str
    of: Callable[[str, str], Condition] = field(compare=False)
    past: Callable[[str, str], Condition] = field(compare=False)


def _all(type: str, letters: str) -> Condition:  # noqa: ARG001  # whatever they are
    return {}


def _none(type: str, letters: str) -> Condition:  # noqa: ARG001  # as above
    return {"_id": {"$in": []}}


NOTHING = Visibility("nothing", _none, _none)
EVERYTHING = Visibility("everything", _all, _all)
