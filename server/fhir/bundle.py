"""Bundles of stored resources, joined from bytes without reading them.

Spec: https://hl7.org/fhir/R4/bundle.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from server.fhir import json


def bundle(
    type: str, entries: Sequence[bytes], links: Mapping[str, str], total: int | None = None
) -> bytes:
    """Return a Bundle of `type` (searchset or history). `total` None leaves the total out."""
    head = json.dumps({"resourceType": "Bundle", "type": type, **_tail(links, total)})[:-1]
    # An empty array is not allowed in FHIR's JSON.
    return b'%b,"entry":[%b]}' % (head, b",".join(entries)) if entries else head + b"}"


def opening(type: str, entries: Sequence[bytes]) -> bytes:
    """Return the beginning of a Bundle of `type` whose first `entries` are known, and not its end.

    It goes on with `more`, and ends with `closing`: the order of properties means nothing in JSON.
    """
    head = json.dumps({"resourceType": "Bundle", "type": type})[:-1]
    return b'%b,"entry":[%b' % (head, b",".join(entries))


def more(entries: Sequence[bytes]) -> bytes:
    """Return `entries` as they follow others."""
    return b"," + b",".join(entries)


def closing(links: Mapping[str, str], total: int | None = None) -> bytes:
    """Return the end of a Bundle that began with `opening`."""
    return b"]," + json.dumps(_tail(links, total))[1:]


def _tail(links: Mapping[str, str], total: int | None) -> dict[str, Any]:
    counted = {} if total is None else {"total": total}
    return {**counted, "link": [{"relation": name, "url": url} for name, url in links.items()]}


def found(prefix: bytes, id: str, body: bytes, mode: bytes = b"match") -> bytes:
    """Return the entry of a resource in a searchset; `prefix` is its URL up to the id.

    `mode` is ``include`` for what comes with those that match.
    """
    return b'{"fullUrl":"%b%b","resource":%b,"search":{"mode":"%b"}}' % (
        prefix,
        id.encode(),
        body,
        mode,
    )


def outcome(body: bytes) -> bytes:
    """Return the entry of an OperationOutcome about the search itself."""
    return b'{"resource":%b,"search":{"mode":"outcome"}}' % body


def past(
    full_url: str, body: bytes | None, request: Mapping[str, Any], response: Mapping[str, Any]
) -> bytes:
    """Return the entry of a version in a history; `body` None for a deletion."""
    entry: dict[str, Any] = {"fullUrl": full_url}
    if body is not None:
        entry["resource"] = json.fragment(body)
    return json.dumps({**entry, "request": request, "response": response})
