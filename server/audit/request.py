"""The text of a request as the trail keeps it: all of it but what says by itself who a patient is.

Of a search, the value of a parameter is kept if it cannot name a person: codes, dates, quantities
and references are; names, addresses, identifiers and what no rule knows are masked, as is any long
number in a path that means nothing.

Spec: 个人信息保护法 article 51, https://www.gov.cn/xinwen/2021-08/20/content_5632486.htm
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from server.access.partial import in_part
from server.profiles.definitions import Definitions

LONGEST_PATH = 200
LONGEST_HEADER = 200
_MOST_PARAMETERS = 100
_KEPT_TYPES = frozenset(("token", "date", "number", "quantity", "reference", "uri", "composite"))
_NAMING = frozenset(("identifier", "phone", "email", "telecom", "altid"))
_CONTROLS = frozenset(
    {
        "_count", "_elements", "_format", "_has", "_include", "_pretty", "_revinclude", "_since",
        "_at", "_sort", "_summary", "_total", "_type", "_explain", "_contained", "_containedType",
        "start", "end", "max",
        "mode", "iterate", "missing", "not", "in", "not-in", "above", "below", "exact", "contains",
    }
)  # fmt: skip
_PARTS = re.compile(r"[.:]")
_TYPE = re.compile(r"[A-Z][A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONG_NUMBER = re.compile(r"\d{5,}[\dXx]?")


class Requests:
    """Tells requests in words, by the search parameters that `definitions` have."""

    def __init__(self, definitions: Definitions) -> None:
        facts = [one for known in definitions.search_parameters.values() for one in known.values()]
        named = {one.code for one in facts if one.type not in _KEPT_TYPES} | _NAMING
        self._kept = {one.code for one in facts} - named | _CONTROLS
        self._is_kept = lru_cache(4096)(self._find_kept)

    def text(
        self,
        line: str,
        query: Sequence[tuple[str, str]] = (),
        headers: Iterable[tuple[str, str | None]] = (),
    ) -> str:
        """Return a request with this first `line`, its parameters and some of its headers."""
        if query:
            pairs = [f"{name[:100]}={self._shown(name, value)}" for name, value in query]
            if len(pairs) > _MOST_PARAMETERS:
                pairs[_MOST_PARAMETERS:] = ["…"]
            line = f"{line}?{'&'.join(pairs)}"
        lines = [line, *(f"{name}: {value[:LONGEST_HEADER]}" for name, value in headers if value)]
        # A line ends where we end it.
        if not "".join(lines).isprintable():
            lines = [_CONTROL.sub(" ", one) for one in lines]
        return "\r\n".join(lines)

    def _shown(self, name: str, value: str) -> str:
        if self._is_kept(name):
            return value[:500]
        return ",".join(_masked(one) for one in value[:500].split(","))

    def _find_kept(self, name: str) -> bool:
        return all(part in self._kept or _TYPE.fullmatch(part) for part in _PARTS.split(name))


def unread(path: str) -> str:
    """Return `path`, which means nothing to the server, without numbers that may be somebody's."""
    return _LONG_NUMBER.sub(lambda found: in_part(found[0]), path[:LONGEST_PATH])


def _masked(value: str) -> str:
    """Return `value` so that its kind can be told, but not whose it is; a system stays."""
    system, bar, text = value.rpartition("|")
    return f"{system}{bar}{in_part(text) if text else text}"
