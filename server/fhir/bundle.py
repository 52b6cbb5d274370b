"""Bundles of stored resources, joined from bytes without reading them.

Spec: https://hl7.org/fhir/R4/bundle.html
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.fhir import json


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: `body` a resource's bytes or None, `about` its search or request and response."""

    full_url: str
    body: bytes | None
    about: bytes


def bundle(
    type: str, entries: Sequence[Entry], links: Mapping[str, str], total: int | None = None
) -> bytes:
    """Return a Bundle of `type` (searchset or history). `total` None leaves the total out."""
    head: dict[str, Any] = {"resourceType": "Bundle", "type": type}
    if total is not None:
        head["total"] = total
    head["link"] = [{"relation": relation, "url": url} for relation, url in links.items()]
    opening = json.dumps(head)[:-1]
    if not entries:
        return opening + b"}"
    return opening + b',"entry":[' + b",".join(_entries(entries)) + b"]}"


def _entries(entries: Iterable[Entry]) -> Iterable[bytes]:
    for entry in entries:
        resource = b"" if entry.body is None else b',"resource":' + entry.body
        about = b"" if not entry.about else b"," + entry.about
        url = b'"fullUrl":' + json.dumps(entry.full_url) if entry.full_url else b""
        yield b"{" + (url + resource + about).lstrip(b",") + b"}"


def match(base_url: str, type: str, id: str, body: bytes) -> Entry:
    """Return the entry of a resource that a search found."""
    return Entry(f"{base_url}/{type}/{id}", body, b'"search":{"mode":"match"}')


def outcome(body: bytes) -> Entry:
    """Return the entry of an OperationOutcome about the search itself."""
    return Entry("", body, b'"search":{"mode":"outcome"}')
