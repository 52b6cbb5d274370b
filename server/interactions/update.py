"""Update a resource, or create it under the caller's id.

Spec: https://hl7.org/fhir/R4/http.html#update
"""

from typing import Any

from server.context import Context
from server.fhir.outcome import BadRequest, Conflict, PreconditionFailed
from server.fhir.reference import is_id
from server.interactions import binary, criteria, kept_consents, redaction
from server.interactions.call import Call, Result, entity_tags
from server.interactions.writing import draft, no_parameters, parsed, posted, written
from server.store.documents import Draft, Version

ATTEMPTS = 8
"""How often a write is tried anew, whose resource others keep changing meanwhile."""


def update(context: Context, call: Call) -> Result:
    """Store the body as the next version, or as the first one (201).

    A body that equals the current version makes no new one (200). Raises
    PreconditionFailed if If-Match names another version, or if the criteria
    match several resources.
    """
    if call.id is None:
        return _update_matched(context, call)
    no_parameters(call)
    resource, body = parsed(context, call)
    if resource.get("id") != call.id:
        raise BadRequest.because("id-differs", "id", expected=call.id)
    type, id = call.resource_type, call.id
    for _ in range(ATTEMPTS):
        old = context.resources.find(type, id, "u")
        # Where it belongs is read behind what it replaces, whose marks must not have changed then.
        stored = _over(context, call, draft(context, type, id, resource, body), old)
        if stored is not None:
            return stored
    raise Conflict.because("resource-contended", type=type, id=id)


def check_match(call: Call, old: Version | None) -> None:
    """Raise PreconditionFailed unless `old` is what the caller's If-Match and If-None-Match ask."""
    exists = old is not None and old.body is not None
    if call.if_match is not None:
        versions = entity_tags(call.if_match)
        if old is None or not ((exists and "*" in versions) or str(old.version) in versions):
            raise PreconditionFailed.because("version-differs")
    unwanted = entity_tags(call.if_none_match) if call.if_none_match is not None else frozenset()
    if old is not None and exists and "*" in unwanted:
        raise PreconditionFailed.because("resource-exists", type=old.type, id=old.id)


def _over(context: Context, call: Call, new: Draft, old: Version | None) -> Result | None:
    """Store `new` over `old`, None for nothing; return None if that is no longer what is there."""
    redaction.require_whole(context, new.type, (old and old.body) or b"")
    check_match(call, old)
    if old is None:
        context.access.require_own_ids(new.type, new.id)
        try:
            return written(context, call, context.resources.create(new, "u"), 201)
        except Conflict:
            return None
    kept_consents.check_stored(context.access, old)
    binary.check_kept(call, old)
    if unchanged(context, old, new):
        return written(context, call, old, 200)
    stored = context.resources.replace(new, old)
    return written(context, call, stored, 201 if old.body is None else 200) if stored else None


def unchanged(context: Context, old: Version, new: Draft) -> bool:
    """Tell whether `new` says nothing that `old` does not say."""
    # With the same stamp on both, equal content means equal bytes.
    same = context.resources.stamped(new, old.version, old.last_updated)
    return old.body is not None and same == old.body


def _update_matched(context: Context, call: Call) -> Result:
    type = call.resource_type
    resource, body = parsed(context, call)
    given = resource.get("id")
    if given is not None and not is_id(given):
        raise BadRequest.because("id-malformed", "id", id=given[:70])
    wanted = criteria.compiled(context, type, call.query)
    for _ in range(ATTEMPTS):
        found = criteria.matched(context, type, wanted)
        if found is None:
            check_match(call, None)
            new = _unmatched(context, type, resource, body)
            stored, made = context.resources.create_unless_found(
                new, wanted.condition, wanted.claim, "u"
            )
            if made:
                return written(context, call, stored, 201)
            continue
        if given not in (None, found.id):
            raise BadRequest.because("id-differs", "id", expected=found.id)
        # Over that version only: if it changed meanwhile, it may no longer match.
        result = _over(context, call, draft(context, type, found.id, resource, body), found)
        if result is not None:
            return result
    raise Conflict.because("resource-contended", type=type, id=given or "?")


def _unmatched(context: Context, type: str, resource: dict[str, Any], body: bytes) -> Draft:
    given = resource.get("id")
    if given is None:
        return posted(context, type, resource, body)
    if context.resources.find(type, given, "u") is None:
        context.access.require_own_ids(type, given)
    return draft(context, type, given, resource, body)
