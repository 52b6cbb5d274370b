"""The name of a search parameter in a URL: a code with its modifier, a chain, or ``_has``.

Spec: https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has
"""

import re
from dataclasses import dataclass
from functools import lru_cache

DEEPEST = 12
"""How many steps a chain may have."""
_CODE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?::[A-Za-z-]+)?")
_REVERSE = "_has:"


@dataclass(frozen=True, slots=True)
class Plain:
    """``code`` or ``code:modifier``."""

    code: str
    modifier: str | None = None


@dataclass(frozen=True, slots=True)
class Chained:
    """``code.rest`` or ``code:Type.rest``: `rest` is about what the reference `code` points at."""

    code: str
    type: str | None
    rest: "Name"


@dataclass(frozen=True, slots=True)
class Reverse:
    """``_has:type:code:rest``: `rest` is about resources of `type` whose `code` points here."""

    type: str
    code: str
    rest: "Name"


Name = Plain | Chained | Reverse


class TooDeep(ValueError):
    """A chain has more steps than are followed."""


@lru_cache(maxsize=2048)
def parse(text: str) -> Name:
    """Return what `text` names.

    Raises ValueError if it is not formed like the name of a parameter, TooDeep if it has too many
    steps.
    """
    return _parsed(text, 0)


def _parsed(text: str, steps: int) -> Name:
    if steps > DEEPEST:
        raise TooDeep(text)
    if text.startswith(_REVERSE):
        _, *parts = text.split(":", 3)
        if len(parts) < 3 or not all(parts):
            raise ValueError(text)
        return Reverse(parts[0], parts[1], _parsed(parts[2], steps + 1))
    head, dot, rest = text.partition(".")
    if _CODE.fullmatch(head) is None:
        raise ValueError(text)
    code, _, modifier = head.partition(":")
    if dot:
        return Chained(code, modifier or None, _parsed(rest, steps + 1))
    return Plain(code, modifier or None)
