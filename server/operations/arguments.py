"""What goes into an operation: from a query, from a Parameters resource, or as the one resource.

Spec: https://hl7.org/fhir/R4/operations.html#request
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from server.context import Context
from server.fhir import json
from server.fhir.outcome import BadRequest, Issue, MethodNotAllowed, Unprocessable
from server.interactions.call import Call
from server.interactions.presentation import LAYOUT
from server.profiles.operations import OperationDefinition, Parameter

_RESOURCE = ("Resource", "Any", "DomainResource")


@dataclass(frozen=True, slots=True)
class Arguments:
    """The values by parameter, as they came.

    A primitive is its text, a resource its bytes without white space, a value of another type its
    JSON as bytes. `criteria` are search parameters, of an operation that takes any.
    """

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    criteria: tuple[tuple[str, str], ...] = ()

    def text(self, name: str) -> str | None:
        """Return the text of the parameter `name`, None if it is not there."""
        return next(iter(self.texts.get(name, ())), None)

    def value(self, name: str) -> bytes | None:
        """Return the bytes of the parameter `name`, None if it is not there."""
        return next(iter(self.values.get(name, ())), None)


_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def read(
    context: Context, call: Call, definition: OperationDefinition, *, searches: bool = False
) -> Arguments:
    """Return what `call` gives for the parameters of `definition`.

    If it `searches`, all others are search parameters.

    Raises BadRequest on a parameter that is not known, repeated or missing; MethodNotAllowed if
    what changes something is asked for by GET; Unprocessable if a resource breaks its structure.
    """
    if call.method == "GET" and definition.affects_state:
        refusal = MethodNotAllowed.because("method-not-allowed", method="GET", allowed="POST")
        refusal.headers["Allow"] = "POST, OPTIONS"
        raise refusal
    texts: dict[str, tuple[str, ...]] = {}
    values: dict[str, tuple[bytes, ...]] = {}
    known = definition.parameters
    definition = replace(definition, searches=searches)
    for name, value in call.query:
        if name in LAYOUT:
            continue
        parameter = _known(definition, name)
        if not parameter.type[0].islower():
            raise BadRequest.because("operation-parameter-needs-body", name=name[:40])
        texts[name] = (*texts.get(name, ()), value)
    if call.body:
        _add_body(context, call, definition, texts, values)
    _check_counts(definition, texts, values)
    others = [(name, one) for name in texts if name not in known for one in texts[name]]
    return Arguments(texts, values, tuple(others))


def _add_body(
    context: Context,
    call: Call,
    definition: OperationDefinition,
    texts: dict[str, tuple[str, ...]],
    values: dict[str, tuple[bytes, ...]],
) -> None:
    resource, body = json.parse(call.body, context.interpreters.settings.max_depth)
    if resource.get("resourceType") != "Parameters":
        # A single resource may come as it is.
        takes = [one.name for one in definition.parameters.values() if one.type in _RESOURCE]
        if len(takes) != 1:
            raise BadRequest.because("operation-body-not-parameters")
        values[takes[0]] = (body,)
        return
    given = _PARTS.decode(body).get("parameter")
    if given is None:
        return
    try:
        rows = _LIST.decode(given)
    except msgspec.ValidationError:
        raise BadRequest.because("operation-body-not-parameters") from None
    for place, row in enumerate(rows):
        where = f"Parameters.parameter[{place}]"
        name = _name(row, where)
        parameter = _known(definition, name, where)
        found = _value(context, row, parameter, where)
        if isinstance(found, str):
            texts[name] = (*texts.get(name, ()), found)
        else:
            values[name] = (*values.get(name, ()), found)


def _name(row: Mapping[str, msgspec.Raw], where: str) -> str:
    name: Any = msgspec.json.decode(row["name"]) if "name" in row else None
    if not isinstance(name, str):
        raise BadRequest.because("operation-parameter-malformed", where)
    return name


def _value(
    context: Context, row: Mapping[str, msgspec.Raw], parameter: Parameter, where: str
) -> str | bytes:
    if parameter.type in _RESOURCE or parameter.type in context.interpreters.types:
        if "resource" not in row:
            raise BadRequest.because("operation-parameter-malformed", where)
        return bytes(row["resource"])
    key = f"value{parameter.type[0].upper()}{parameter.type[1:]}"
    if key not in row:
        raise BadRequest.because("operation-parameter-malformed", where)
    value = bytes(row[key])
    faults = context.interpreters.structure.faults(
        {
            "resourceType": "Parameters",
            "parameter": [{"name": "a", key: msgspec.json.decode(value)}],
        }
    )
    if faults:
        raise Unprocessable(*(_placed(fault, where) for fault in faults))
    if not parameter.type[0].islower():
        return value
    return value.decode() if value[:1] != b'"' else str(msgspec.json.decode(value))


def _placed(fault: Issue, where: str) -> Issue:
    said = (fault.expression or "").replace("Parameters.parameter[0]", where)
    return Issue(fault.code, fault.message, fault.arguments, said, fault.severity)


def _known(definition: OperationDefinition, name: str, where: str | None = None) -> Parameter:
    found = definition.parameter(name)
    if found is None:
        raise BadRequest.because("operation-parameter-unknown", where, name=name[:40])
    return found


def _check_counts(
    definition: OperationDefinition,
    texts: Mapping[str, tuple[str, ...]],
    values: Mapping[str, tuple[bytes, ...]],
) -> None:
    for name, parameter in definition.parameters.items():
        count = len(texts.get(name, ())) + len(values.get(name, ()))
        if count < parameter.min:
            raise BadRequest.because("operation-parameter-missing", name=name)
        if parameter.max is not None and count > parameter.max:
            raise BadRequest.because("operation-parameter-repeated", name=name)
