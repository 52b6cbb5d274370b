"""An event in one line of JSON, to be kept until it is an AuditEvent."""

from dataclasses import dataclass, fields

import msgspec
import orjson

from server.audit.event import Event


@dataclass(frozen=True, slots=True)
class _Seen:
    type: str
    id: str
    version: int
    patients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read(Event):
    shown: tuple[_Seen, ...] = ()


_NAMES = tuple(one.name for one in fields(Event))
_DECODER = msgspec.json.Decoder(_Read)


def encode(event: Event) -> bytes:
    """Return the line that keeps `event`."""
    return orjson.dumps(event)


def decode(line: bytes) -> Event:
    """Return the event that `line` keeps. Raises ValueError if it is not whole."""
    read = _DECODER.decode(line)
    return Event(**{name: getattr(read, name) for name in _NAMES})
