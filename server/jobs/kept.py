"""Requests and answers as they are kept, byte for byte what they were."""

from collections.abc import Iterable

import msgspec

from server.fhir.outcome import FhirError
from server.interactions.call import Call, Disclosed, Result

_CALL = msgspec.msgpack.Decoder(Call)
_ANSWER = msgspec.msgpack.Decoder(Result)


def call(content: bytes) -> Call:
    """Return the request in `content`."""
    return _CALL.decode(content)


def answer(content: bytes) -> Result:
    """Return the answer in `content`."""
    return _ANSWER.decode(content)


def content(told: Call | Result) -> bytes:
    """Return `told` as it is kept."""
    return msgspec.msgpack.encode(told, enc_hook=_plain)


def _plain(value: object) -> object:
    """Return a whole number of MongoDB's own as ours, and else what an issue is worded with."""
    return int(value) if isinstance(value, int) else str(value)


def refusal(error: FhirError) -> Result:
    """Return the answer that `error` is."""
    return Result(
        status=error.status,
        issues=error.issues,
        headers=error.headers,
        interaction=error.interaction,
        concerned=error.concerned,
    )


def disclosed(answers: Iterable[bytes]) -> tuple[Disclosed, ...]:
    """Return all that some kept answers disclose."""
    return tuple(dict.fromkeys(one for each in answers for one in answer(each).disclosed))
