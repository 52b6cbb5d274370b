"""Change a part of a resource: by JSON Patch or FHIRPath Patch, of one named by id or by criteria.

A patch is done to what is there and stored as an update is, by the same rules; what it leaves as it
was makes no new version.

Spec: https://hl7.org/fhir/R4/http.html#patch
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson

from server.context import Context
from server.fhir import json, json_patch
from server.fhir.outcome import BadRequest, Conflict, Forbidden, Gone, NotFound, Unprocessable
from server.interactions import criteria, kept_consents, redaction
from server.interactions.call import Call, Result
from server.interactions.update import ATTEMPTS, check_match, over
from server.interactions.writing import draft, no_parameters, parsed, written
from server.profiles import patch_operations, path_patch
from server.store.documents import Version

JSON_PATCH = "application/json-patch+json"
PATCH_TYPES = (JSON_PATCH, "application/fhir+json")
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


def patch(context: Context, call: Call) -> Result:
    """Store what the patch in the body makes of one resource.

    Raises BadRequest if it is no patch, NotFound if there is nothing to patch, Gone if that was
    deleted, PreconditionFailed if If-Match names another version or the criteria match several,
    Unprocessable if it cannot be done or makes an invalid resource.
    """
    if call.id is not None:
        no_parameters(call)
    change = read(context, call.content_type, call.body)
    find = partial(_named, context, call) if call.id is not None else _matched(context, call)
    for _ in range(ATTEMPTS):
        old = find()
        stored = None if old is None else _changed(context, call, change, old)
        if stored is not None:
            return stored
    raise Conflict.because("resource-contended", type=call.resource_type, id=call.id or "?")


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


def patched(context: Context, content_type: str, body: bytes, resource: bytes) -> bytes:
    """Return what the patch `body` makes of the stored `resource`.

    Raises what `read` and `Change.made` do. What it makes has not been checked.
    """
    return read(context, content_type, body).made(resource)


def _named(context: Context, call: Call) -> Version:
    type, id = call.resource_type, call.id or ""
    # First, for whether there is something would tell who is not to know.
    redaction.require_whole(context, type, b"")
    old = context.resources.find(type, id, "u")
    if old is None:
        raise NotFound.because("resource-unknown", type=type, id=id)
    return old


def _matched(context: Context, call: Call) -> Callable[[], Version | None]:
    """Return the function that finds the one resource to patch; None if it is just changing."""
    type = call.resource_type
    redaction.require_whole(context, type, b"")
    wanted = criteria.compiled(context, type, call.query)

    def find() -> Version | None:
        found = criteria.matched(context, type, wanted)
        # Who may find a resource may not always change it; whether a patch can be done tells of it.
        old = None if found is None else context.resources.find(type, found.id, "u")
        if found is None or old is None:
            raise NotFound.because("criteria-unmatched", type=type)
        # Another version may no longer match.
        return old if old.version == found.version else None

    return find


def _changed(context: Context, call: Call, change: Change, old: Version) -> Result | None:
    """Store what `change` makes of `old`; return None if that is no longer what is there."""
    if old.body is None:
        raise Gone.because("resource-deleted", type=old.type, id=old.id)
    redaction.require_whole(context, old.type, old.body)
    check_match(call, old)
    kept_consents.check_stored(context.access, old)
    is_blind = not context.resources.is_shown(old)
    if is_blind and change.asks:
        raise Forbidden.because("patch-asks-unseen", type=old.type)
    made = change.made(old.body)
    named = orjson.loads(made)
    if (named.get("resourceType"), named.get("id")) != (old.type, old.id):
        raise Unprocessable.because("patch-of-id")
    resource, body = parsed(context, replace(call, body=made))
    new = draft(context, old.type, old.id, resource, body)
    if not is_blind:
        return over(context, call, new, old)
    # That it makes no version would tell that the value is the one there was.
    stored = context.resources.replace(new, old)
    return written(context, call, stored, 200) if stored else None


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
