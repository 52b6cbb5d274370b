"""$meta-add and $meta-delete: profiles, tags and security labels of one resource.

R4 leaves open whether a change of meta makes a version. Here it does: versions, the history and
the trail then tell of it, and of two who change it at once neither loses. All bytes but those of
meta stay.

Spec: https://hl7.org/fhir/R4/resource-operation-meta-add.html,
https://hl7.org/fhir/R4/resource-operation-meta-delete.html
"""

from collections.abc import Callable
from dataclasses import replace

import orjson

from server.context import Context
from server.fhir import json
from server.fhir import meta as metas
from server.fhir.outcome import Conflict, Forbidden, Gone, NotFound
from server.interactions import kept_consents, redaction
from server.interactions.call import Call, Result
from server.interactions.update import check_match
from server.interactions.writing import draft
from server.operations import meta
from server.operations.arguments import Arguments
from server.store.documents import Version

_ATTEMPTS = 8
_Change = Callable[[bytes, bytes], bytes]


def add(context: Context, call: Call, arguments: Arguments) -> Result:
    """Add what the parameter `meta` has; what is there already stays as it is."""
    return _changed(context, call, arguments.value("meta") or b"{}", metas.added)


def delete(context: Context, call: Call, arguments: Arguments) -> Result:
    """Take away what the parameter `meta` has; what is not there is none the less done.

    Raises Forbidden for a label that limits what the caller may see.
    """
    given = arguments.value("meta") or b"{}"
    for label in orjson.loads(given).get("security", ()):
        if label.get("code") in context.access.withheld:
            raise Forbidden.because("label-kept", code=label["code"])
    return _changed(context, call, given, metas.removed)


def _changed(context: Context, call: Call, given: bytes, change: _Change) -> Result:
    type, id = call.resource_type, call.id or ""
    for _ in range(_ATTEMPTS):
        old = context.resources.find(type, id, "u")
        if old is None:
            raise NotFound.because("resource-unknown", type=type, id=id)
        if old.body is None:
            raise Gone.because("resource-deleted", type=type, id=id)
        check_match(call, old)
        stored = _over(context, old, change(old.body, given))
        if stored is not None:
            return _answer(context, stored)
    raise Conflict.because("resource-contended", type=type, id=id)


def _answer(context: Context, stored: Version) -> Result:
    """Return the meta of `stored`, nothing of it to who may change but not read it."""
    answer = meta.of(context, stored)
    if not context.resources.is_shown(stored):
        answer = replace(answer, body=b"")
    # To the trail it is what it does: the answer waits until that is durable.
    return replace(answer, interaction="update")


def _over(context: Context, old: Version, body: bytes) -> Version | None:
    """Store `body` over `old`, unless it is the same; return None if `old` is there no longer."""
    redaction.require_whole(context, old.type, old.body or b"")
    kept_consents.check_stored(context.access, old)
    if body == old.body:
        return old
    resource, compact = json.parse(body, context.interpreters.settings.max_depth)
    return context.resources.replace(draft(context, old.type, old.id, resource, compact), old)
