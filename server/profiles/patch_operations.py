"""The operations of a FHIRPath Patch, read from its Parameters resource.

Spec: https://hl7.org/fhir/R4/fhirpatch.html
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.fhir import json
from server.fhir.outcome import BadRequest, TooLarge
from server.profiles.fhirpath import Node
from server.profiles.finding import parsed

MOST_OPERATIONS = 1000
_OPERATION = "operation"
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "add": ("name", "value"),
    "insert": ("index", "value"),
    "delete": (),
    "replace": ("value",),
    "move": ("source", "destination"),
}
_NUMBER = re.compile(rb"0|[1-9][0-9]{0,8}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of a `type`; `where` is its place in the Parameters resource.

    `tree` is its path. `value` is the part that has the value, with digits as they came. What an
    operation of its type does not need is left empty.
    """

    type: str
    tree: Node
    where: str
    name: str = ""
    value: Mapping[str, Any]
    index: int = 0
    source: int = 0
    destination: int = 0


def operations(parameters: Mapping[str, Any]) -> tuple[Operation, ...]:
    """Return the operations in `parameters`, a valid resource as `json.exact` gives it.

    Raises BadRequest if they are not those of a patch, TooLarge if they are more than 1,000.
    """
    rows = parameters.get("parameter", [])
    if len(rows) > MOST_OPERATIONS:
        raise TooLarge.because("patch-too-many-operations", limit=MOST_OPERATIONS)
    return tuple(
        _operation(row, f"Parameters.parameter[{place}]") for place, row in enumerate(rows)
    )


def _operation(row: Mapping[str, Any], where: str) -> Operation:
    if row["name"] != _OPERATION or "part" not in row:
        raise BadRequest.because("patch-parameter-unknown", where, name=row["name"][:40])
    parts = _parts(row["part"], where)
    type = _text(parts, "type", where)
    if type not in _NEEDED:
        raise BadRequest.because("patch-kind-unknown", where, name=type[:40])
    needed = ("type", "path", *_NEEDED[type])
    for name in parts:
        if name not in needed:
            raise BadRequest.because("patch-part-unknown", where, type=type, name=name[:40])
    numbers = ("index", "source", "destination")
    return Operation(
        type=type,
        tree=parsed(_text(parts, "path", where)),
        where=where,
        name=_text(parts, "name", where) if "name" in needed else "",
        value=_part(parts, "value", where) if "value" in needed else {},
        **{name: _number(parts, name, where) for name in numbers if name in needed},
    )


def _parts(rows: Sequence[Mapping[str, Any]], where: str) -> Mapping[str, Mapping[str, Any]]:
    found = {row["name"]: row for row in rows}
    if len(found) < len(rows):
        raise BadRequest.because("patch-part-repeated", where)
    return found


def _part(parts: Mapping[str, Mapping[str, Any]], name: str, where: str) -> Mapping[str, Any]:
    if name not in parts:
        raise BadRequest.because("patch-part-missing", where, name=name)
    return parts[name]


def _simple(parts: Mapping[str, Mapping[str, Any]], name: str, where: str) -> Any:  # noqa: ANN401
    part = _part(parts, name, where)
    return next((value for key, value in part.items() if key.startswith("value")), None)


def _text(parts: Mapping[str, Mapping[str, Any]], name: str, where: str) -> str:
    value = _simple(parts, name, where)
    if not isinstance(value, str):
        raise BadRequest.because("patch-part-malformed", where, name=name)
    return value


def _number(parts: Mapping[str, Mapping[str, Any]], name: str, where: str) -> int:
    digits = json.dumps(_simple(parts, name, where))
    if not _NUMBER(digits):
        raise BadRequest.because("patch-part-malformed", where, name=name)
    return int(digits)
