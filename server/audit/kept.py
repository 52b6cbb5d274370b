"""An event in one line of JSON, to be kept until it is an AuditEvent."""

from dataclasses import dataclass

import msgspec
from msgspec import structs

from server.audit.event import Event


@dataclass(frozen=True, slots=True)
class _Seen:
    type: str
    id: str
    version: int
    patients: tuple[str, ...] = ()


class _Read(Event, frozen=True, kw_only=True):
    shown: tuple[_Seen, ...] = ()


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(_Read)


def encode(event: Event) -> bytes:
    """Return the line that keeps `event`."""
    return _ENCODER.encode(event)


def decode(line: bytes) -> Event:
    """Return the event that `line` keeps. Raises ValueError if it is not whole."""
    read = _DECODER.decode(line)
    return Event(**structs.asdict(read))
