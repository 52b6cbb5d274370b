"""What the trail is told, and how that becomes records and lines of the spool."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Timed = tuple[int, Item]
"""When something was (µs since 1970), and what."""


@dataclass(frozen=True, slots=True)
class Records(Generic[Item]):
    """How items become records.

    `write` returns the bytes and the index entries of an item that is recorded with an id at a
    time and was at another (µs); `parts` divides what is too much for one record. `opening` makes
    the item that a lane begins with, `bound` the one that tells of a sheaf, `unfolded` the one that
    tells that this is no sheaf any more; each says certain facts. `is_durable` tells whether who
    waits for an item waits until it is durable. `encode` and `decode` keep an item in a line: its
    beginning, which many items share, and the rest; `keys` is what it is sought by.
    """

    write: Callable[[Item, str, int, int], tuple[bytes, Mapping[str, Any]]]
    parts: Callable[[Item], Sequence[Item]]
    opening: Callable[[Mapping[str, str]], Item]
    bound: Callable[[Mapping[str, str]], Item]
    unfolded: Callable[[Mapping[str, str]], Item]
    is_durable: Callable[[Item], bool]
    encode: Callable[[Item], tuple[bytes, bytes]]
    decode: Callable[[bytes, bytes], Item]
    keys: Callable[[Item], Iterable[str]]
