"""$diff: what changed between two versions of a resource, or between two resources.

It is an operation of ours, in the shape that FHIRPath Patch gives to changes, with the value before
and a line of text for people.

Spec: https://hl7.org/fhir/R4/fhirpatch.html
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from server.context import Context
from server.fhir import json
from server.fhir.messages import text
from server.fhir.outcome import BadRequest, Gone, TooCostly, Unprocessable
from server.interactions import redaction
from server.interactions.call import Call, Disclosed, Result
from server.operations.arguments import Arguments
from server.profiles.difference import Change, Differences, Value
from server.profiles.shapes import Shape
from server.store.documents import Version

_SHOWN = 100
_MOST = 10_000
"""So many changes are told, which takes about a second."""
_MESSAGES = {"insert": "diff-inserted", "replace": "diff-replaced", "delete": "diff-deleted"}
_VERSIONS, _RESOURCES = ("from", "to"), ("before", "after")


def diff(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return the changes as a Parameters resource, without parameters if there are none.

    Raises NotFound or Gone for a version that is not there, BadRequest if it is not clear what is
    to be compared, Unprocessable for a given resource that breaks its structure,
    TooCostly if there are more changes than anybody reads.
    """
    given = _RESOURCES if call.id is None else _VERSIONS
    strange = [name for name in (*_VERSIONS, *_RESOURCES) if name not in given]
    for name in strange:
        if name in arguments.texts or name in arguments.values:
            raise BadRequest.because("diff-parameter-elsewhere", name=name)
    versions: tuple[Version, ...] = ()
    if call.id is None:
        before, after = (_given(context, call, arguments, name) for name in _RESOURCES)
    else:
        versions = _versions(context, call, arguments)
        before, after = (redaction.shown(context, one.body or b"") for one in versions)
    return Result(
        status=200,
        body=_told(context, before, after),
        disclosed=tuple(Disclosed.of(one) for one in versions),
    )


def _given(context: Context, call: Call, arguments: Arguments, name: str) -> bytes:
    body = arguments.value(name)
    if body is None:
        raise BadRequest.because("operation-parameter-missing", name=name)
    resource, compact = json.parse(body, context.interpreters.settings.max_depth)
    if faults := context.interpreters.structure.faults(resource):
        raise Unprocessable(*faults)
    if resource["resourceType"] != call.type:
        found = resource["resourceType"]
        raise BadRequest.because("type-differs", "resourceType", given=found, expected=call.type)
    return compact


def _versions(context: Context, call: Call, arguments: Arguments) -> tuple[Version, Version]:
    type, id = call.resource_type, call.id or ""
    wanted = arguments.text("to")
    after = (
        context.resources.read(type, id)
        if wanted is None
        else context.history.version(type, id, int(wanted))
    )
    earlier = arguments.text("from")
    if earlier is None and after.version == 1:
        raise BadRequest.because("diff-nothing-before", type=type, id=id)
    number = after.version - 1 if earlier is None else int(earlier)
    before = context.history.version(type, id, number)
    if before.body is None or after.body is None:
        raise Gone.because("resource-deleted", type=type, id=id)
    return before, after


def _told(context: Context, before: bytes, after: bytes) -> bytes:
    shapes = context.interpreters.masking.shapes
    all = Differences(shapes).between(json.exact(before), json.exact(after))
    changes = list(islice(all, _MOST + 1))
    if len(changes) > _MOST:
        raise TooCostly.because("diff-too-many", limit=_MOST)
    found = [_operation(context, shapes, change) for change in changes]
    return json.dumps({"resourceType": "Parameters", **({"parameter": found} if found else {})})


def _operation(context: Context, shapes: Mapping[str, Shape], change: Change) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"name": "type", "valueCode": change.kind},
        {"name": "path", "valueString": change.path},
    ]
    if change.index is not None:
        parts.append({"name": "index", "valueInteger": change.index})
    if change.before is not None:
        parts.append(_part(shapes, "previousValue", change.before))
    if change.after is not None:
        parts.append(_part(shapes, "value", change.after))
    said = {"path": change.path, "before": _brief(change.before), "after": _brief(change.after)}
    line = text(_MESSAGES[change.kind], context.language, said)
    return {"name": "operation", "part": [*parts, {"name": "text", "valueString": line}]}


def _part(shapes: Mapping[str, Shape], name: str, value: Value) -> dict[str, Any]:
    """Return `value` as a part of a Parameters resource; a backbone element is parts of its own."""
    type = "string" if value.type == "xhtml" else value.type
    key = f"value{type[0].upper()}{type[1:]}"
    if key in shapes["Parameters.parameter"].choices["value"]:
        whole = {key: value.value, f"_{key}": value.beside}
        return {"name": name, **{one: what for one, what in whole.items() if what is not None}}
    if isinstance(value.value, dict) and "resourceType" in value.value:
        return {"name": name, "resource": value.value}
    inside = Differences(shapes).elements(value)
    return {"name": name, "part": [_part(shapes, one, element) for one, element in inside]}


def _brief(value: Value | None) -> str:
    if value is None:
        return ""
    written = json.dumps(value.value if value.value is not None else value.beside).decode()
    plain = value.value if isinstance(value.value, str) else written
    return plain if len(plain) <= _SHOWN else f"{plain[: _SHOWN - 1]}…"
