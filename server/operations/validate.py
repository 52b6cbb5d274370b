"""$validate: all that is wrong with a resource, and whether a write of it would be taken.

The answer is 200 and an OperationOutcome with every fault, or one that says there is none; what
cannot be read at all is refused as usual.

Spec: https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from collections.abc import Iterable, Iterator

from server.access.scopes import LETTERS
from server.context import Context
from server.fhir import json
from server.fhir.outcome import BadRequest, FhirError, Issue
from server.fhir.reference import is_id
from server.interactions import kept_consents, redaction, shipped
from server.interactions.call import Call, Disclosed, Result
from server.interactions.writing import draft
from server.operations.arguments import Arguments
from server.store.documents import Version

_CREATE, _UPDATE, _DELETE, _PROFILE = "create", "update", "delete", "profile"
_MODES = (_CREATE, _UPDATE, _DELETE, _PROFILE)
_LETTERS = {_CREATE: "c", _UPDATE: "u"}


def validate(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return what is wrong with the resource that is given, or with the stored one.

    Raises BadRequest if it is not clear what is to be validated, or how.
    """
    _require_any(context, call)
    mode = arguments.text("mode")
    if mode is not None and mode not in _MODES:
        raise BadRequest.because("validate-mode-unknown", mode=mode[:40])
    if mode == _PROFILE and arguments.text("profile") is None:
        raise BadRequest.because("operation-parameter-missing", name="profile")
    if mode == _DELETE:
        return _deletion(context, call)
    given = arguments.value("resource")
    if given is None and (call.id is None or mode in _LETTERS):
        raise BadRequest.because("operation-parameter-missing", name="resource")
    stored = context.resources.read(call.resource_type, call.id or "") if given is None else None
    if stored is not None:
        # What is found in it must tell nothing of what is not shown.
        redaction.require_whole(context, stored.type, stored.body or b"")
    body = given if given is not None else (stored and stored.body) or b""
    resource, compact = json.parse(body, context.interpreters.settings.max_depth)
    issues = context.interpreters.validator.faults(
        resource,
        arguments.texts.get("profile", ()),
        context.services.profiles.find,
        tells_support=arguments.text("mustSupport") == "true",
    )
    if resource.get("resourceType") in context.interpreters.types:
        issues += _type_differs(call, resource)
    if mode in _LETTERS and not _has_errors(issues):
        issues += _writing(context, call, mode or "", resource, compact)
    if stored is None:
        return _told(issues)
    return _told([*issues, *_checked(stored)], (Disclosed.of(stored),))


def _require_any(context: Context, call: Call) -> None:
    """Raise Forbidden unless the caller has any right to the type."""
    if not any(context.access.has(call.resource_type, letter) for letter in LETTERS):
        context.access.require_operation("validate", "r", call.type)


def _has_errors(issues: Iterable[Issue]) -> bool:
    return any(issue.severity == "error" for issue in issues)


def _told(issues: list[Issue], disclosed: tuple[Disclosed, ...] = ()) -> Result:
    if not _has_errors(issues):
        issues = [Issue("informational", "validate-good", severity="information"), *issues]
    return Result(status=200, issues=tuple(issues), disclosed=disclosed)


def _checked(stored: Version) -> Iterator[Issue]:
    """Yield by which rules `stored` was checked when it was stored, if that is known."""
    if stored.checked:
        level, *profiles = stored.checked
        listed = ", ".join(profiles) or "—"
        told = {"version": stored.version, "level": level, "profiles": listed}
        yield Issue("informational", "validate-checked", told, severity="information")


def _type_differs(call: Call, resource: json.Resource) -> list[Issue]:
    given = resource["resourceType"]
    if given == call.type:
        return []
    arguments = {"given": given, "expected": call.type}
    return [Issue("invalid", "type-differs", arguments, "resourceType")]


def _writing(
    context: Context, call: Call, mode: str, resource: json.Resource, body: bytes
) -> list[Issue]:
    """Return why the server would not take the valid `resource` by the interaction `mode`."""
    type, id = call.resource_type, call.id
    try:
        context.access.require(mode, type)
        old = None
        if mode == _UPDATE:
            id = _id(call, resource)
            old = _replaced(context, type, id)
        new = draft(context, type, id or "new", resource, body)
        context.resources.require_allowed(new, _LETTERS[mode], old)
    except FhirError as refusal:
        return _refused(refusal)
    return []


def _id(call: Call, resource: json.Resource) -> str:
    """Return the id that an update would be under. Raises BadRequest."""
    given = resource.get("id")
    if not is_id(given or "") or (call.id is not None and given != call.id):
        raise BadRequest.because("id-differs", "id", expected=call.id or "[id]")
    return str(given)


def _replaced(context: Context, type: str, id: str) -> Version | None:
    """Return what an update would replace. Raises FhirError if the caller may not do that."""
    old = context.resources.find(type, id, "u")
    if old is None:
        context.access.require_own_ids(type, id)
        return None
    redaction.require_whole(context, type, old.body or b"")
    kept_consents.check_stored(context.access, old)
    return old


def _refused(refusal: FhirError) -> list[Issue]:
    """Return what a write would be told. Raises it again if nothing can be said just now."""
    if refusal.status >= 500:
        raise refusal
    return list(refusal.issues)


def _deletion(context: Context, call: Call) -> Result:
    """Return why the resource could not be deleted, or that it could."""
    if call.id is None:
        raise BadRequest.because("validate-delete-needs-id")
    type = call.resource_type
    old = None
    try:
        context.access.require(_DELETE, type)
        old = context.resources.find(type, call.id, "d")
        if old is not None:
            kept_consents.check_stored(context.access, old)
            shipped.check(context, type, call.id)
    except FhirError as refusal:
        return _told(_refused(refusal))
    if old is None or old.body is None:
        issue = Issue("informational", "nothing-to-delete", {"type": type}, severity="information")
        return _told([issue])
    return _told([], (Disclosed.of(old),))
