"""$document: the document that a Composition is the first page of.

The Bundle is the answer itself; it is stored only if the caller asks for that, by POST.

Spec: https://hl7.org/fhir/R4/composition-operation-document.html,
https://hl7.org/fhir/R4/documents.html
"""

from collections.abc import Iterable
from typing import Any

from server.context import Context
from server.fhir import json, reference
from server.fhir.outcome import BadRequest, Forbidden, Issue, MethodNotAllowed, Unprocessable
from server.interactions import redaction
from server.interactions.call import Call, Disclosed, Result
from server.interactions.writing import new_id, posted
from server.operations import following
from server.operations.arguments import Arguments
from server.operations.following import Found, Pointer
from server.operations.gathering import gathered

_TYPE = "Composition"
_URIS = "urn:ietf:rfc:3986"
Entry = tuple[str, bytes]
"""The fullUrl of a resource, and its bytes."""


def document(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return the document of one Composition, and store it if `persist` is true.

    Raises NotFound, Gone, BadRequest for a graph, which is not supported, Unprocessable if what
    the Composition refers to is not to be had here, Forbidden if the caller may not store it.
    """
    if arguments.text("graph") is not None:
        raise BadRequest(Issue("not-supported", "document-graph-unsupported"))
    stores = _persist(context, call, arguments)
    found = context.resources.read(_TYPE, _id(context, call, arguments))
    body = redaction.shown(context, found.body or b"")
    rest = gathered(context, Pointer(_TYPE, found.id), body, found.patients)
    base_url = context.interpreters.settings.base_url
    whole = bundle(context, [(f"{base_url}/{_TYPE}/{found.id}", body), *entries(context, rest)])
    disclosed = (Disclosed.of(found), *map(told, rest))
    if not stores:
        return Result(status=200, body=whole, disclosed=disclosed)
    resource, compact = json.parse(whole, context.interpreters.settings.max_depth)
    faults = context.interpreters.structure.faults(resource)
    if faults:
        raise Unprocessable(*faults)
    stored = context.resources.create(posted(context, "Bundle", resource, compact))
    return Result(
        status=200,
        body=stored.body or b"",
        version=stored.version,
        last_updated=stored.last_updated,
        location=f"Bundle/{stored.id}",
        disclosed=(*disclosed, Disclosed.of(stored)),
    )


def bundle(context: Context, entries: Iterable[Entry], profile: str | None = None) -> bytes:
    """Return the document of `entries`, the Composition first; its identifier is a new one.

    It says of itself that it fulfils the `profile`, if one is given.
    """
    now = context.services.store.now()
    head: dict[str, Any] = {
        "resourceType": "Bundle",
        **({} if profile is None else {"meta": {"profile": [profile]}}),
        "identifier": {"system": _URIS, "value": f"urn:uuid:{new_id()}"},
        "type": "document",
        "timestamp": json.instant(now, context.interpreters.zone),
        "entry": [
            {"fullUrl": full_url, "resource": json.fragment(body)} for full_url, body in entries
        ],
    }
    return json.dumps(head)


def entries(context: Context, found: Iterable[Found]) -> list[Entry]:
    """Return the entries of what was `found`, as it is shown."""
    base_url = context.interpreters.settings.base_url
    return [
        (f"{base_url}/{type}/{row['_id']}", following.shown(context, (type, row)))
        for type, row in found
    ]


def told(found: Found) -> Disclosed:
    """Return what telling of `found` discloses."""
    type, row = found
    return Disclosed(type, row["_id"], row["v"], tuple(row.get("comp", ())))


def _persist(context: Context, call: Call, arguments: Arguments) -> bool:
    """Tell whether the document is to be stored. Raises BadRequest, MethodNotAllowed, Forbidden."""
    text = arguments.text("persist")
    if text not in (None, "true", "false"):
        raise BadRequest.because("boolean-unknown", name="persist", value=(text or "")[:40])
    if text != "true":
        return False
    if call.method != "POST":
        refusal = MethodNotAllowed.because("document-persist-by-post")
        refusal.headers["Allow"] = "POST, OPTIONS"
        raise refusal
    context.access.require_letter("c", "Bundle")
    if context.access.masks:
        raise Forbidden.because("document-persist-masked")
    return True


def _id(context: Context, call: Call, arguments: Arguments) -> str:
    """Return the id of the Composition, which the URL says or the parameter ``id``.

    Raises BadRequest if neither or both do, or it is one of another server.
    """
    given = arguments.text("id")
    if (call.id is None) == (given is None):
        missing = "operation-parameter-missing" if given is None else "document-id-twice"
        raise BadRequest.because(missing, name="id")
    if call.id is not None or given is None:
        return call.id or ""
    if reference.is_id(given):
        return given
    target = reference.parse(given, context.interpreters.settings.base_url)
    if not target.local or target.type != _TYPE:
        raise BadRequest(Issue("not-supported", "document-elsewhere", {"id": given[:80]}))
    return target.id or ""
