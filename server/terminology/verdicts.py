"""Verdicts that have been given, kept to be given again.

Most codes in most resources are the same few. A verdict is kept only if it depends on neither a day
nor a database: all that was asked is in memory, and no concept says when it is valid. It holds for
as long as the edition of the terminology is the same.
"""

from server.terminology.compositions import Composition, about
from server.terminology.membership import Code, Verdict
from server.terminology.systems import Table

_MOST = 8192
_LONGEST = 100
Key = tuple[str, Code]
"""A value set and a code that was asked for, as it is written."""


class Verdicts:
    """Up to 8192 verdicts of one edition. Any thread may ask."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        # The edition and its verdicts are one value, so that no thread sees one without the other.
        self._kept: tuple[object, dict[Key, Verdict]] = (None, {})

    def of(self, edition: object) -> dict[Key, Verdict]:
        """Return the verdicts that hold in `edition`, to look into and to `keep` in."""
        kept = self._kept
        if kept[0] != edition:
            kept = self._kept = (edition, {})
        return kept[1]


def keep(verdicts: dict[Key, Verdict], key: Key, verdict: Verdict, by: Composition) -> None:
    """Keep the `verdict` that was given of `key` by what its value set is composed of, if it lasts.

    A code or a name that is long is not kept, for callers write them.
    """
    code = key[1]
    is_short = all(len(one or "") <= _LONGEST for one in (code.code, code.system, code.display))
    if is_short and all(_lasts(part.system, code) for part in about(by, code)):
        if len(verdicts) >= _MOST:
            verdicts.clear()
        verdicts[key] = verdict


def _lasts(system: object, code: Code) -> bool:
    """Tell whether what `system` says of `code` is the same every day; None says nothing."""
    if system is None:
        return True
    if not isinstance(system, Table):
        return False
    concept = system.concepts((code.code,)).get(code.code)
    return concept is None or not concept.periods()
