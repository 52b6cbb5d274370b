"""A resource as JSON bytes, handled without altering a digit of it.

What is stored and sent is the text that came in, white space between tokens
removed: ``1.50`` stays ``1.50`` and the order of properties stays. A parsed
dict is only ever used to look at a resource, never written back.

Spec: https://hl7.org/fhir/R4/json.html
"""

import json
from datetime import datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import msgspec
import orjson

from server.fhir.outcome import BadRequest, TooLarge

Resource = dict[str, Any]

_PROPERTIES = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parse(body: bytes, max_depth: int) -> tuple[Resource, bytes]:
    """Return the JSON object in `body`, decimals as floats, and its bytes without white space.

    Raises BadRequest if it is not one JSON object in UTF-8 or repeats a
    property, TooLarge if it nests deeper than `max_depth`.
    """
    value, compact = _read(body, max_depth)
    if not isinstance(value, dict):
        raise BadRequest.because("json-not-an-object")
    return value, compact


def parse_array(body: bytes, max_depth: int) -> tuple[list[Any], bytes]:
    """Return the JSON array in `body` as `parse` returns an object, and refuse what that does."""
    value, compact = _read(body, max_depth)
    if not isinstance(value, list):
        raise BadRequest.because("json-not-an-array")
    return value, compact


def _read(body: bytes, max_depth: int) -> tuple[Any, bytes]:
    if body.startswith(b"\xef\xbb\xbf"):
        raise BadRequest.because("json-byte-order-mark")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _malformed(body, error) from None
    properties = _count_properties(value, max_depth)
    try:
        compact = msgspec.json.format(body, indent=-1)
        # Each property shows at least once as `":`; equal counts prove that none is repeated.
        if compact.count(b'":') != properties:
            json.loads(body, object_pairs_hook=_unique)
    except RecursionError:
        # What nests so deep is the first of two equal properties; the parser kept the second.
        raise TooLarge.because("json-too-deep") from None
    return value, compact


def _malformed(body: bytes, error: orjson.JSONDecodeError) -> BadRequest | TooLarge:
    if not body.strip():
        return BadRequest.because("body-missing")
    if "Recursion" in error.msg or "depth" in error.msg:
        return TooLarge.because("json-too-deep")
    return BadRequest.because("json-malformed", line=error.lineno, column=error.colno)


def _count_properties(value: Any, depth: int) -> int:  # noqa: ANN401  # any JSON
    # The parser gives exact dicts and lists; `type is` costs a third of isinstance here.
    if depth == 0:
        raise TooLarge.because("json-too-deep")
    children: Any = ()
    count = 0
    if type(value) is dict:
        count = len(value)
        children = value.values()
    elif type(value) is list:
        children = value
    for child in children:
        kind = type(child)
        if kind is dict or kind is list:
            count += _count_properties(child, depth - 1)
    return count


def _unique(pairs: list[tuple[str, Any]]) -> Resource:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise BadRequest.because("json-duplicate-property", name=name[:40])
            seen.add(name)
    return found


def pretty(body: bytes) -> bytes:
    """Return `body`, which is valid JSON, laid out for people."""
    return msgspec.json.format(body, indent=2)


def compact(text: bytes) -> bytes:
    """Return the JSON `text` without white space between its tokens; as it is if it is no JSON."""
    try:
        return msgspec.json.format(text, indent=-1)
    except (msgspec.DecodeError, RecursionError):
        return text


def stamp(body: bytes, id: str, version: int, last_updated: str) -> bytes:
    """Return the resource `body` with its id, meta.versionId and meta.lastUpdated set.

    All other bytes stay. A new ``id`` goes behind resourceType, a new ``meta``
    behind ``id``.
    """
    given = _PROPERTIES.decode(body)
    meta = _PROPERTIES.decode(given["meta"]) if "meta" in given else {}
    meta["versionId"] = _raw(str(version))
    meta["lastUpdated"] = _raw(last_updated)
    server = {"id": _raw(id), "meta": msgspec.Raw(msgspec.json.encode(meta))}
    added = {name: server[name] for name in server if name not in given}
    place = "id" if "id" in given else "resourceType"
    stamped: dict[str, msgspec.Raw] = {}
    for name, value in given.items():
        stamped[name] = server.get(name, value)
        if name == place:
            stamped.update(added)
    return msgspec.json.encode(stamped)


def _raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(orjson.dumps(text))


def exact(body: bytes) -> Any:  # noqa: ANN401  # any JSON
    """Return the JSON in `body` with numbers kept as their text, for `dumps`."""
    return json.loads(body, parse_float=_number, parse_int=_number)


def _number(digits: str) -> orjson.Fragment:
    return orjson.Fragment(digits.encode())


def comparable(body: bytes) -> Any:  # noqa: ANN401  # any JSON
    """Return the JSON in `body` with numbers by value: 1.0 equals 1.00, and true is not 1."""
    return json.loads(body, parse_float=_value, parse_int=_value)


def _value(digits: str) -> tuple[Decimal | str]:
    # In Python true equals 1, but no tuple that holds 1.
    try:
        return (Decimal(digits),)
    except InvalidOperation:  # an exponent that no library calculates with
        return (digits,)


def spelled(body: bytes) -> Any:  # noqa: ANN401  # any JSON
    """Return the JSON in `body` with each number as a string of its digits."""
    return json.loads(body, parse_float=str, parse_int=str)


def spelled_once(body: str | bytes) -> Any:  # noqa: ANN401  # any JSON
    """Return what `spelled` does. Raises BadRequest if an object has a property twice."""
    return json.loads(body, parse_float=str, parse_int=str, object_pairs_hook=_unique)


def fragment(body: bytes) -> orjson.Fragment:
    """Return `body`, which is JSON, as a value that `dumps` writes as it is."""
    return orjson.Fragment(body)


def dumps(value: Any) -> bytes:  # noqa: ANN401  # any JSON
    """Return `value` as JSON bytes; an ``orjson.Fragment`` inside goes out as it is."""
    return orjson.dumps(value)


def text(inner: bytes) -> str:
    """Return the string that stands as `inner` between quotes."""
    return str(orjson.loads(b'"%b"' % inner))


def spelled_plainly(body: bytes) -> bytes:
    """Return `body` with its strings spelled without needless escapes, to be looked at only."""
    if b"\\u" in body or b"\\/" in body:
        return orjson.dumps(orjson.loads(body))
    return body


def instant(microseconds: int, zone: tzinfo) -> str:
    """Return the instant `microseconds` after 1970-01-01T00:00Z, to the millisecond, in `zone`."""
    seconds, rest = divmod(microseconds, 1_000_000)
    before, after = _around_point(seconds, zone)
    return f"{before}.{rest // 1000:03}{after}"


@lru_cache(maxsize=64)
def _around_point(seconds: int, zone: tzinfo) -> tuple[str, str]:
    """Return what stands before and behind the fraction of a second: many are of the same one."""
    whole = datetime.fromtimestamp(seconds, zone).isoformat(timespec="seconds")
    return whole[:19], whole[19:]
