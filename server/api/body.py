"""The body of a request, read once, whole, and never beyond its limits."""

import contextlib
import zlib
from collections.abc import Mapping
from typing import IO, Any

from gunicorn.http.errors import ParseException

from server.fhir.outcome import (
    BadRequest,
    FhirError,
    RequestTimeout,
    TooLarge,
    UnsupportedMediaType,
)

_GZIP = 16 + zlib.MAX_WBITS


def read(environ: Mapping[str, Any], limit: int) -> bytes:
    """Return the body in `environ`, unpacked, of at most `limit` bytes.

    Raises BadRequest if it is shorter than announced or packed wrongly,
    RequestTimeout if it stops coming, TooLarge beyond `limit`,
    UnsupportedMediaType if it is packed in another way than gzip.
    """
    if environ.get("HTTP_TRANSFER_ENCODING", "chunked").strip().lower() != "chunked":
        raise BadRequest.because("body-broken")
    announced = _announced(environ, limit)
    try:
        packed = _received(environ["wsgi.input"], announced, limit)
    except (BlockingIOError, TimeoutError):
        # The socket waits as long as docker/gunicorn.conf.py tells it to, then gives up so.
        raise RequestTimeout.because("body-late") from None
    except (OSError, ParseException):
        raise BadRequest.because("body-broken") from None
    encoding = environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if encoding == "identity":
        return packed
    if encoding != "gzip":
        raise UnsupportedMediaType.because("content-encoding-unknown", name=encoding[:40])
    return _unpacked(packed, limit)


def drain(environ: Mapping[str, Any], limit: int) -> None:
    """Read what is left of a body that is not wanted, lest it be taken for the next request.

    One that is too large or too slow stays; its connection then ends.
    """
    with contextlib.suppress(FhirError):
        read(environ, limit)


def _announced(environ: Mapping[str, Any], limit: int) -> int | None:
    if environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
        return None
    text = environ.get("CONTENT_LENGTH") or "0"
    if not (text.isascii() and text.isdigit()):
        raise BadRequest.because("body-broken")
    length = int(text)
    if length > limit:
        raise TooLarge.because("body-too-large", limit=limit)
    return length


def _received(stream: IO[bytes], announced: int | None, limit: int) -> bytes:
    if announced is not None:
        body = stream.read(announced) if announced else b""
        if len(body) != announced:
            raise BadRequest.because("body-broken")
        return body
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise TooLarge.because("body-too-large", limit=limit)
    return body


def _unpacked(packed: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        body = unpacker.decompress(packed, limit + 1)
    except zlib.error:
        raise BadRequest.because("body-not-gzip") from None
    if len(body) > limit:
        raise TooLarge.because("body-too-large", limit=limit)
    if not unpacker.eof or unpacker.unused_data:
        raise BadRequest.because("body-not-gzip")
    return body
