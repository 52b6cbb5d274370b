"""Where what a request writes comes from, as its header X-Provenance says.

The Provenance is stored in one transaction with what it is about, so that neither is there without
the other. Its targets are the versions that were written; if none was, there is nothing to tell.

Spec: https://hl7.org/fhir/R4/provenance.html#header
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import orjson

from server.context import Context
from server.fhir import json
from server.fhir.outcome import BadRequest, TooLarge, Unprocessable
from server.interactions.belonging import Said
from server.interactions.call import Call
from server.interactions.writing import draft, new_id
from server.store.documents import Draft, Version

TYPE = "Provenance"
_SOME_TARGET = [{"reference": "Patient/a/_history/1"}]
_PROPERTIES = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Origin:
    """A Provenance without targets: parsed, and its bytes; `id` is the one that it will have."""

    id: str
    resource: json.Resource
    body: bytes

    def draft(self, context: Context, made: Iterable[Version], said: Said) -> Draft:
        """Return the draft of the Provenance of the versions `made`.

        `said` tells of patients it may be about, as far as that has been read already.
        """
        targets = [{"reference": f"{one.type}/{one.id}/_history/{one.version}"} for one in made]
        elements = _PROPERTIES.decode(self.body)
        first = {name: elements.pop(name) for name in ("resourceType",)}
        body = {**first, "target": msgspec.Raw(orjson.dumps(targets)), **elements}
        resource = {**self.resource, "target": targets}
        stored = msgspec.json.encode(body)
        return draft(context, TYPE, self.id, resource, stored, said=said, is_posted=True)


def read(context: Context, call: Call) -> Origin | None:
    """Return what `call` says of where that comes from which it writes, None if it says nothing.

    Raises Forbidden without the right to create a Provenance, BadRequest if there is none in the
    header, or one with targets, Unprocessable with every structural fault.
    """
    if call.provenance is None:
        return None
    context.access.require("create", TYPE)
    try:
        depth = context.interpreters.settings.max_depth
        resource, body = json.parse(call.provenance.encode(), depth)
    except (BadRequest, TooLarge):
        raise BadRequest.because("provenance-malformed") from None
    if resource.get("resourceType") != TYPE:
        raise BadRequest.because("provenance-malformed")
    if "target" in resource:
        raise BadRequest.because("provenance-with-target", "Provenance.target")
    faults = context.interpreters.structure.faults({**resource, "target": _SOME_TARGET})
    if faults:
        raise Unprocessable(*faults)
    return Origin(new_id(), resource, body)
