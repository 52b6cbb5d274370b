"""How much of one resource is indexed: 50,000 entries of at most 1.5 MB.

Nothing is ever found by only some of its values: a resource with more is refused. It is noticed
while the entries are collected, so that the work is bounded, too.
"""

from collections.abc import Sequence
from typing import Any

from server.fhir.outcome import TooLarge
from server.search.conditions import weight
from server.search.parameter import Entries, Extract

_MOST = 50_000
_LARGEST = 1_500_000
# So many entries, the longest there are, take no more than the bytes allowed.
_LIGHT = 400
_FEW = 64


def collect(values: Sequence[Any], add: Extract, found: Entries) -> None:
    """Add the entries of `values` to `found`.

    Raises TooLarge if they are many and make too many entries.
    """
    if len(values) <= _FEW:
        for value in values:
            add(value, found)
        return
    start, end = 0, _FEW
    while start < len(values):
        for value in values[start:end]:
            add(value, found)
        check(found)
        # As many again as there were: all checks together take no longer than the last.
        start, end = end, 2 * end


def check(found: Entries) -> None:
    """Raise TooLarge if `found` has too many entries, or too large ones."""
    lists = found.lists()
    size = sum(map(len, lists))
    if size <= _LIGHT:
        return
    if size > _MOST or sum(map(weight, lists)) > _LARGEST:
        raise TooLarge.because("index-entries-too-many", limit=_MOST, bytes=_LARGEST)
