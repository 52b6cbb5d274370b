"""Change a part of a resource: by JSON Patch or FHIRPath Patch, of one named by id or by criteria.

A patch is done to what is there and stored as an update is, by the same rules; what it leaves as it
was makes no new version.

Spec: https://hl7.org/fhir/R4/http.html#patch
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson

from server.context import Context
from server.fhir import json, json_patch
from server.fhir.formats import FHIR_JSON, FHIR_XML
from server.fhir.outcome import (
    BadRequest,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    Unprocessable,
    UnsupportedMediaType,
)
from server.interactions import criteria, kept_consents, redaction
from server.interactions.call import Call, Result
from server.interactions.criteria import Criteria
from server.interactions.update import ATTEMPTS, check_match, unchanged
from server.interactions.writing import draft, no_parameters, parsed, written
from server.profiles import patch_operations, path_patch
from server.store.documents import Draft, Version

JSON_PATCH = "application/json-patch+json"
PATCH_TYPES = (JSON_PATCH, FHIR_JSON, FHIR_XML)
"""The formats of patches; what is not JSON Patch is a Parameters resource."""
_DATA_ONLY = frozenset({"generated", "extensions"})
_NOT_TOLD = frozenset({"text", "meta", "implicitRules", "language"})


@dataclass(frozen=True, slots=True)
class Change:
    """What a patch does. `asks` tells that it looks at values, as a test and a criterion do."""

    apply: Callable[[bytes], bytes]
    asks: bool

    def made(self, resource: bytes) -> bytes:
        """Return what the patch makes of `resource`; that itself if it changes nothing.

        A narrative that it would leave out of date is left out. Raises Unprocessable if the patch
        cannot be done, or if that narrative says more than the data, so that it cannot be spared.
        """
        changed = self.apply(resource)
        return resource if changed is resource else _narrated(resource, changed)


@dataclass(frozen=True, slots=True)
class Made:
    """The resource that a patch makes of the version `old`; it has not been checked.

    `is_blind` tells that the caller may change the resource, but does not see it.
    """

    old: Version
    body: bytes
    is_blind: bool


def patch(context: Context, call: Call) -> Result:
    """Store what the patch in the body makes of one resource.

    Raises what `read` and `made` do; Conflict if others keep changing the resource, Unprocessable
    if it would become invalid.
    """
    if call.id is not None:
        no_parameters(call)
    type = call.resource_type
    change = read(context, call.content_type, call.body)
    redaction.require_whole(context, type, b"")
    wanted = None if call.id is not None else criteria.compiled(context, type, call.query)
    for _ in range(ATTEMPTS):
        if wanted is not None:
            old = _matched(context, type, wanted)
        else:
            old = context.resources.find(type, call.id or "", "u")
        stored = _stored(context, call, made(context, call, change, old))
        if stored is not None:
            return stored
    raise Conflict.because("resource-contended", type=type, id=call.id or "?")


def read(context: Context, content_type: str, body: bytes) -> Change:
    """Return what the patch `body`, which is of the media type `content_type`, does.

    Raises BadRequest if it is no patch, TooLarge if it has too many operations, Unprocessable if it
    is an invalid Parameters resource.
    """
    interpreters = context.interpreters
    depth = interpreters.settings.max_depth
    if content_type == JSON_PATCH:
        patch = json_patch.operations(body, depth)
        return Change(partial(json_patch.applied, patch), json_patch.asks(patch))
    if content_type == FHIR_XML:
        body = interpreters.xml.read(body)
    if body.lstrip()[:1] == b"[":
        raise BadRequest.because("patch-not-parameters")
    parameters, compact = json.parse(body, depth)
    if parameters.get("resourceType") != "Parameters":
        raise BadRequest.because("patch-not-parameters")
    faults = interpreters.structure.faults(parameters)
    if faults:
        raise Unprocessable(*faults)
    operations = patch_operations.operations(json.exact(compact))
    apply = partial(path_patch.applied, interpreters.elements, operations)
    return Change(apply, path_patch.asks(operations))


def packed(resource: json.Resource, body: bytes) -> tuple[str, bytes]:
    """Return the media type and the bytes of the patch that an entry of a Bundle holds.

    That is a Parameters resource, or a Binary that has one, or a JSON Patch, as its data. Raises
    UnsupportedMediaType if it has something else.

    Spec: https://hl7.org/fhir/R4/http.html#jsonpatch-transaction
    """
    if resource.get("resourceType") != "Binary":
        return FHIR_JSON, body
    kind = str(resource.get("contentType")).partition(";")[0].strip().lower()
    if kind not in PATCH_TYPES:
        known = ", ".join(PATCH_TYPES)
        raise UnsupportedMediaType.because("patch-type-unknown", type=kind[:60], known=known)
    try:
        content = b64decode(str(resource.get("data", "")))
    except ValueError:
        raise BadRequest.because("patch-not-base64", "data") from None
    return kind, content if kind == FHIR_XML else json.compact(content)


def made(context: Context, call: Call, change: Change, old: Version | None) -> Made:
    """Return what `change` makes of `old`, if the caller may do that.

    Raises NotFound if `old` is None, Gone if it is a deletion, PreconditionFailed if it is not what
    If-Match names; Forbidden if the caller does not see all of it, and could ask for the rest or
    overwrite it; Unprocessable if the patch cannot be done.
    """
    redaction.require_whole(context, call.resource_type, (old and old.body) or b"")
    if old is None and call.id is None:
        raise NotFound.because("criteria-unmatched", type=call.resource_type)
    if old is None:
        raise NotFound.because("resource-unknown", type=call.resource_type, id=call.id)
    if old.body is None:
        raise Gone.because("resource-deleted", type=old.type, id=old.id)
    check_match(call, old)
    kept_consents.check_stored(context.access, old)
    is_blind = not context.resources.is_shown(old)
    if is_blind and change.asks:
        raise Forbidden.because("patch-asks-unseen", type=old.type)
    body = change.made(old.body)
    named = orjson.loads(body)
    if (named.get("resourceType"), named.get("id")) != (old.type, old.id):
        raise Unprocessable.because("patch-of-id")
    return Made(old, body, is_blind)


def settles(context: Context, made: Made, new: Draft) -> bool:
    """Tell whether `new`, which was made by a patch, need not be stored, as it says nothing new.

    Who does not see the resource would learn by that what it is like.
    """
    return not made.is_blind and unchanged(context, made.old, new)


def _matched(context: Context, type: str, wanted: Criteria) -> Version | None:
    """Return the one resource that fulfils `wanted`, None if there is none that may be changed.

    Who may find a resource may not always change it; whether a patch can be done tells of it.
    """
    for _ in range(ATTEMPTS):
        found = criteria.matched(context, type, wanted)
        old = None if found is None else context.resources.find(type, found.id, "u")
        # Another version may no longer match.
        if found is None or old is None or old.version == found.version:
            return old
    raise Conflict.because("resource-contended", type=type, id="?")


def _stored(context: Context, call: Call, made: Made) -> Result | None:
    """Store what was made; return None if what it was made of is no longer there."""
    old = made.old
    resource, body = parsed(context, replace(call, body=made.body))
    new = draft(context, old.type, old.id, resource, body)
    stored = old if settles(context, made, new) else context.resources.replace(new, old)
    return None if stored is None else written(context, call, stored, 200)


def _narrated(old_body: bytes, new_body: bytes) -> bytes:
    old, new = orjson.loads(old_body), orjson.loads(new_body)
    text = new.get("text")
    if text is None or text != old.get("text") or _told(new) == _told(old):
        return new_body
    if text["status"] == "additional":
        raise Unprocessable.because("patch-leaves-narrative", f"{old['resourceType']}.text")
    if text["status"] not in _DATA_ONLY:
        return new_body
    kept = json.exact(new_body)
    del kept["text"]
    return json.dumps(kept)


def _told(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what of `resource` a narrative can tell."""
    return {name: value for name, value in resource.items() if name not in _NOT_TOLD}
