"""Following references: from resources to the resources that they name.

Read are the literal references to this server, wherever they stand in a resource, and the
attachments that are a Binary of it; by whichever version they name, what is found is the current
one. Nothing is followed that the caller is not shown.

Spec: https://hl7.org/fhir/R4/references.html
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import orjson

from server.context import Context
from server.fhir import reference
from server.interactions import redaction
from server.interactions.patience import TOLD
from server.store.documents import Document
from server.store.unions import Part

Found = tuple[str, Document]
"""A resource: its type, and its stored document."""
FIELDS = ("raw", *TOLD)
"""The fields of a document that goes out, and is told of in the trail."""
# In JSON without white space no text can look like a property: its quotes would be escaped.
_NAMED = re.compile(rb'"(reference|url)":("(?:[^"\\]|\\.)*")')


class Pointer(NamedTuple):
    """Where a reference leads on this server."""

    type: str
    id: str


def pointers(context: Context, body: bytes) -> Iterator[Pointer]:
    """Yield where the references of the resource `body`, as it is shown, lead on this server."""
    for _, target in _targets(context, body):
        if target.local and target.type in context.interpreters.types:
            yield Pointer(target.type, target.id or "")


def elsewhere(context: Context, body: bytes) -> Iterator[str]:
    """Yield the references of the resource `body` that lead to no resource of this server.

    Those to resources that it contains are not among them.
    """
    for text, target in _targets(context, body):
        known = target.local and target.type in context.interpreters.types
        if not known and not text.startswith("#"):
            yield text


def _targets(context: Context, body: bytes) -> Iterator[tuple[str, reference.Target]]:
    base_url = context.interpreters.settings.base_url
    for name, quoted in _NAMED.findall(body):
        text = orjson.loads(quoted)
        target = reference.parse(text, base_url)
        # A url is an attachment's, or one of a hundred other things.
        if name == b"reference" or (target.local and target.type == "Binary"):
            yield text, target


def shown(context: Context, found: Found) -> bytes:
    """Return what the caller is shown of the resource that was `found`."""
    return redaction.shown(context, bytes(found[1]["raw"]))


def parts(
    wanted: Iterable[Pointer], *conditions: dict[str, Any], but: Sequence[str] = ()
) -> list[Part]:
    """Return what to ask for the resources `wanted`, as far as they fulfil the `conditions`.

    None are of the types `but`.
    """
    ordered = sorted(one for one in wanted if one.type not in but)
    return [
        Part(type, ({"_id": {"$in": [one.id for one in some]}}, *conditions))
        for type, some in groupby(ordered, key=lambda one: one.type)
    ]


def about(patients: Iterable[str]) -> dict[str, Any]:
    """Return the condition that a resource is about nobody, or about one of the `patients`.

    What belongs to one record leads to no other one.
    """
    return {"comp": {"$in": [None, *patients]}}
