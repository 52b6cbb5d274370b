r"""Values of a query: where they divide, and what ``\,`` ``\$`` ``\|`` ``\\`` stand for.

Spec: https://hl7.org/fhir/R4/search.html#escaping
"""

import re
from hashlib import blake2b

_ESCAPED = re.compile(r"\\([,$|\\])")
_TO_ESCAPE = re.compile(r"[|\\]")
_SHOWN = 40
LONGEST_TERM = 1024
HASHED = "\x1f"
"""Stands in a term between the beginning of a long text and the hash of all of it."""


def split(text: str, divider: str) -> list[str]:
    """Return the parts of `text` between unescaped `divider`, one character; still escaped."""
    if "\\" not in text:
        return text.split(divider)
    parts, start = [], 0
    for match in re.finditer(rf"\\.|{re.escape(divider)}", text, re.DOTALL):
        if match.group() == divider:
            parts.append(text[start : match.start()])
            start = match.end()
    return [*parts, text[start:]]


def unescaped(text: str) -> str:
    """Return `text` as it was before it was escaped."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def escaped(text: str) -> str:
    """Return `text` with each bar and backslash escaped, so that a bar after it divides."""
    return _TO_ESCAPE.sub(r"\\\g<0>", text) if "|" in text or "\\" in text else text


def compared(text: str) -> str:
    """Return `text` as it is compared: a hash replaces what follows 1,024 characters."""
    return text if len(text) <= LONGEST_TERM else f"{text[:LONGEST_TERM]}{HASHED}{digest(text)}"


def digest(text: str) -> str:
    """Return a hash of `text`, 32 characters."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


def shown(text: str) -> str:
    """Return as much of `text` as a message may quote."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
