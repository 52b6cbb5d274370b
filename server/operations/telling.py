"""A searchset told piece by piece, so that a long one needs no more memory than a short one.

Spec: https://hl7.org/fhir/R4/bundle.html#searchset
"""

from collections.abc import Callable, Generator, Iterator
from itertools import chain
from typing import NamedTuple

from server.fhir import bundle
from server.interactions.call import Disclosed, Piece, Pieces, Result

_SEARCHSET = "searchset"
_MOST, _LARGEST = 50, 256_000
"""A piece has so many entries, or bytes, and what it is in the middle of."""


class Told(NamedTuple):
    """An entry of a Bundle in JSON, and the version that it tells of."""

    entry: bytes
    disclosed: Disclosed


class End(NamedTuple):
    """What a Bundle says of itself: its links, and its total if that is known."""

    links: dict[str, str]
    total: int | None


def searchset(told: Generator[Told, None, None], end: Callable[[], End]) -> Result:
    """Return the answer that is the Bundle of all that is `told`, or its beginning.

    `end` gives what only is known when all of it has been told.
    """
    first = _stretch(told)
    following = next(told, None)
    entries = [one.entry for one in first]
    disclosed = tuple(one.disclosed for one in first)
    if following is None:
        body = bundle.bundle(_SEARCHSET, entries, *end())
        return Result(status=200, body=body, disclosed=disclosed)
    rest = _rest(chain((following,), told), end)
    body = bundle.opening(_SEARCHSET, entries)
    return Result(status=200, body=body, disclosed=disclosed, rest=rest)


def _rest(told: Iterator[Told], end: Callable[[], End]) -> Pieces:
    while stretch := _stretch(told):
        body = bundle.more([one.entry for one in stretch])
        yield Piece(body, tuple(one.disclosed for one in stretch))
    yield Piece(bundle.closing(*end()))


def _stretch(told: Iterator[Told]) -> list[Told]:
    """Return what is told next, enough for a piece; nothing if that was all."""
    found: list[Told] = []
    size = 0
    for one in told:
        found.append(one)
        size += len(one.entry)
        if len(found) == _MOST or size > _LARGEST:
            break
    return found
