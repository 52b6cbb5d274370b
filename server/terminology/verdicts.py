"""Verdicts that have been given, kept to be given again.

Most codes in most resources are the same few. A verdict is kept if no database was asked for it,
and holds for as long as the edition of the terminology is the same. One that would be another for
another day is kept only where no day was given.
"""

from datetime import date

from server.terminology.compositions import Composition, about
from server.terminology.membership import Code, Verdict
from server.terminology.systems import System, Table

_MOST = 8192
_LONGEST = 100
Key = tuple[str, Code]
"""A value set and a code that was asked for, as it is written."""


class Verdicts:
    """Up to 8192 verdicts of one `edition` of the terminology. Any thread may ask."""

    __slots__ = ("_kept", "edition")

    def __init__(self, edition: object = None) -> None:
        self.edition = edition
        self._kept: dict[Key, tuple[Verdict, bool]] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._kept)

    def find(self, key: Key, on: date | None) -> Verdict | None:
        """Return the verdict that was given of `key`, None if it is not kept for that day."""
        found = self._kept.get(key)
        if found is None:
            return None
        verdict, is_timeless = found
        return verdict if is_timeless or on is None else None

    def keep(self, key: Key, on: date | None, verdict: Verdict, by: Composition) -> None:
        """Keep the `verdict` of `key`, whose value set is composed so, if it lasts.

        A code or a name that is long is not kept, for callers write them.
        """
        code = key[1]
        written = (code.code, code.system, code.version, code.display)
        systems = [part.system for part in about(by, code)]
        if any(len(one or "") > _LONGEST for one in written) or not all(map(_is_here, systems)):
            return
        is_timeless = all(_is_timeless(system, code) for system in systems)
        if is_timeless or on is None:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[key] = verdict, is_timeless


def _is_here(system: System | None) -> bool:
    """Tell whether `system` is in memory; of one that is not known nobody is asked either."""
    return system is None or isinstance(system, Table)


def _is_timeless(system: System | None, code: Code) -> bool:
    concept = system.concepts((code.code,)).get(code.code) if system is not None else None
    return concept is None or not concept.periods()
