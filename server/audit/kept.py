"""An event as the spool keeps it until it is an AuditEvent: what many have in common, and its own.

Both are JSON: who does what from where is an object, which is written once for all whose it is;
the request and what was shown is an array.
"""

from functools import lru_cache

import msgspec

from server.access.caller import Caller
from server.audit.event import Act, Event, Outcome

_MOST = 4096


class _Shared(msgspec.Struct, frozen=True, omit_defaults=True):
    act: Act
    caller: Caller
    outcome: Outcome
    reason: str | None = None
    address: str | None = None


class _Seen(msgspec.Struct, frozen=True):
    type: str
    id: str
    version: int
    patients: tuple[str, ...] = ()


class _Own(msgspec.Struct, array_like=True):
    request: str
    shown: tuple[_Seen, ...]
    concerned: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


_ENCODER = msgspec.json.Encoder()
_SHARED, _OWN = msgspec.json.Decoder(_Shared), msgspec.json.Decoder(_Own)


def encode(event: Event) -> tuple[bytes, bytes]:
    """Return what `event` has in common with others, and what is its own."""
    shared = _shared(event.act, event.caller, event.outcome, event.reason, event.address)
    own = event.request, event.shown, event.concerned, event.facts
    return shared, _ENCODER.encode(own)


@lru_cache(_MOST)
def _shared(*values: object) -> bytes:
    return _ENCODER.encode(_Shared(*values))  # type: ignore[arg-type]  # as encode has them


def decode(shared: bytes, own: bytes) -> Event:
    """Return the event that was encoded so. Raises ValueError if that is not whole."""
    who, what = _read(shared), _OWN.decode(own)
    return Event(
        act=who.act,
        caller=who.caller,
        outcome=who.outcome,
        reason=who.reason,
        address=who.address,
        request=what.request,
        shown=what.shown,
        concerned=what.concerned,
        facts=what.facts,
    )


_read = lru_cache(_MOST)(_SHARED.decode)
