"""What a caller may see, as a condition on documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Visibility:
    """The part of the data that a caller may know of.

    `condition` is a MongoDB filter that is ANDed into every query made for the
    caller; `name` tells conditions apart and is equal only for equal ones.
    """

    name: str
    condition: Mapping[str, Any] = field(compare=False)


EVERYTHING = Visibility("everything", {})
