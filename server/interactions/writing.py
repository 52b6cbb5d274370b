"""How a body becomes something that may be stored."""

from typing import Any

import uuid_utils

from server.context import Context
from server.fhir import json
from server.fhir.outcome import BadRequest, Issue, Unprocessable
from server.interactions import (
    belonging,
    binary,
    enforcement,
    kept_consents,
    parameters,
    redaction,
    self_measured,
    shipped,
)
from server.interactions.call import Call, Disclosed, Result
from server.interactions.presentation import LAYOUT
from server.store.documents import Draft, Version


def new_id() -> str:
    """Return a new id; later ones sort behind earlier ones, which keeps an index compact."""
    return str(uuid_utils.uuid7())


def parsed(context: Context, call: Call) -> tuple[dict[str, Any], bytes]:
    """Return the resource in the body, and its bytes without white space.

    Raises BadRequest if it is not JSON, TooLarge if it nests too deep; see `checked` for more.
    """
    if call.raw_type is not None:
        return binary.resource(context, call)
    resource, body = json.parse(call.body, context.interpreters.settings.max_depth)
    return checked(context, call, resource, body)


def checked(
    context: Context, call: Call, resource: dict[str, Any], body: bytes
) -> tuple[dict[str, Any], bytes]:
    """Return `resource`, which was read from `body`, with its bytes, both as they may be stored.

    Raises BadRequest if it is of another type than the URL, Unprocessable with every structural
    fault.
    """
    given = resource.get("resourceType")
    if isinstance(given, str) and given != call.type:
        raise BadRequest.because(
            "type-differs", "resourceType", given=given[:40], expected=call.type
        )
    faults = context.interpreters.structure.faults(resource)
    if faults:
        raise Unprocessable(*faults)
    marked = self_measured.marked(context.access.caller, resource, body)
    if marked is body:
        return resource, body
    return json.parse(marked, context.interpreters.settings.max_depth)


def no_parameters(call: Call) -> None:
    """Raise BadRequest if a write has parameters, but for how its answer is laid out."""
    unknown = [name for name, _ in call.query if name not in LAYOUT]
    if unknown and not call.preference.lenient:
        raise BadRequest.because("parameter-unknown-here", name=unknown[0][:40])


def draft(  # noqa: PLR0913  # the resource in both its forms, and where it goes
    context: Context,
    type: str,
    id: str,
    resource: dict[str, Any],
    body: bytes,
    *,
    said: belonging.Said | None = None,
    is_posted: bool = False,
) -> Draft:
    """Return the draft of `resource` under `id`, with its index entries.

    `is_posted` tells that the server chose the id. `said` tells of patients it may be about, as
    far as that has been read already.

    Raises Unprocessable if it does not conform to what it has to, or is a search parameter or a
    profile to be used that cannot be; Forbidden if it is
    a Consent or a definition that the server alone writes.
    """
    shipped.check(context, type, id)
    kept_consents.check(context.access, resource)
    binary.check(context, resource)
    parameters.check(context, id, resource)
    checked = enforcement.check(context, resource)
    entries = context.interpreters.index.entries({**resource, "id": id})
    marks = belonging.marks(context, resource, entries, said)
    defaults = belonging.defaults(context.access.caller, resource)
    return Draft(
        type,
        id,
        body,
        entries,
        posted=is_posted,
        marks=marks,
        defaults=defaults,
        checked=checked,
    )


def posted(context: Context, type: str, resource: dict[str, Any], body: bytes) -> Draft:
    """Return the draft of `resource` under a new id."""
    return draft(context, type, new_id(), resource, body, is_posted=True)


def written(context: Context, call: Call, stored: Version, status: int) -> Result:
    """Return the answer to a write that made or kept version `stored`, as the caller prefers it.

    What was there before is shown only to who may read it.
    """
    location = f"{stored.type}/{stored.id}/_history/{stored.version}" if status == 201 else None
    body, issues = b"", tuple[Issue, ...]()
    returns = call.preference.returns or "representation"
    if returns == "representation":
        is_seen = status == 201 or context.resources.is_shown(stored)
        body = redaction.shown(context, stored.body or b"") if is_seen else b""
    elif returns == "OperationOutcome":
        message = "resource-created" if status == 201 else "resource-stored"
        arguments = {"type": stored.type, "id": stored.id, "version": stored.version}
        said = Issue("informational", message, arguments, severity="information")
        issues = (said, *enforcement.advice(context, stored))
    return Result(
        status=status,
        body=body,
        issues=issues,
        version=stored.version,
        last_updated=stored.last_updated,
        location=location,
        disclosed=(Disclosed.of(stored),),
    )
