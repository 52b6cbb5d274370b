"""The properties of a line of JSON: its own, and those that a file of rejects has beside them.

Spec: https://hl7.org/fhir/R4/nd-json.html
"""

from typing import Any

import msgspec
import orjson

from server.fhir.json import spelled_once
from server.intake.rows import REJECT_COLUMNS

_TOLD = f',"{REJECT_COLUMNS[0]}":'.encode()
_PROPERTIES = msgspec.json.Decoder(dict[str, msgspec.Raw])


def found(text: str | bytes) -> dict[str, Any] | None:
    """Return the JSON object in `text`, numbers as text; None if it is none.

    Raises BadRequest if it has a property twice.
    """
    try:
        orjson.loads(text)
        value = spelled_once(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def own(line: bytes) -> bytes:
    """Return the JSON object in `line` without what a file of rejects has told of it."""
    kept = _PROPERTIES.decode(line)
    if not kept.keys() & set(REJECT_COLUMNS):
        return line
    # As a file of rejects writes it, that stands at the end, and the rest is as it came.
    place = line.rfind(_TOLD)
    if place > 0 and _is_told(b"{" + line[place + 1 :]):
        return line[:place] + b"}"
    return msgspec.json.encode({name: kept[name] for name in kept if name not in REJECT_COLUMNS})


def _is_told(text: bytes) -> bool:
    try:
        return _PROPERTIES.decode(text).keys() <= set(REJECT_COLUMNS)
    except msgspec.DecodeError:
        return False


def spellings(line: bytes) -> list[tuple[str, str]]:
    """Return the name of each property that is the line's own, and how its value is spelled."""
    kept = _PROPERTIES.decode(line)
    return [(name, bytes(kept[name]).decode()) for name in kept if name not in REJECT_COLUMNS]
