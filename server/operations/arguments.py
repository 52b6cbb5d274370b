"""What goes into an operation: from a query, from a Parameters resource, or as the one resource.

What is not as the definition of the operation has it is refused: a parameter that it does not know,
one that is missing or repeated, a value of another type. Two liberties are taken, for clients that
were written for other releases: a text may come as any of FHIR's string types, and extensions of a
value are passed over.

Spec: https://hl7.org/fhir/R4/operations.html#request
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import orjson

from server.context import Context
from server.fhir import json
from server.fhir.outcome import BadRequest, Unprocessable, UnsupportedMediaType
from server.interactions import urls
from server.interactions.call import Call
from server.interactions.presentation import LAYOUT
from server.profiles.operations import OperationDefinition, Parameter

_RESOURCE = ("Resource", "Any", "DomainResource")
_FILE = "Binary"
_TEXTS = ("string", "code", "uri", "url", "canonical", "id", "markdown", "oid", "uuid")
"""Types whose values are all JSON strings without a format that tells them from each other."""
_INTEGER = re.compile(r"-?[0-9]{1,1000}").fullmatch
_LARGEST = 2**31 - 1
_UNTYPED = ("name", "resource", "part", "extension", "modifierExtension", "id")


@dataclass(frozen=True, slots=True)
class Arguments:
    """The values by parameter, as they came.

    A primitive is its text, a resource its bytes without white space, a file that was posted as it
    is its bytes, a value of another type its
    JSON as bytes. A resource is an object of the right type; what is in it has not been looked at.
    `criteria` are search parameters, of an operation that takes any.
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


_Given = tuple[str, str | bytes]
"""A parameter's name, and its text or bytes."""
_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def read(
    context: Context, call: Call, definition: OperationDefinition, *, searches: bool = False
) -> Arguments:
    """Return what `call` gives for the parameters of `definition`.

    If it `searches`, all others are search parameters.

    Raises BadRequest on a parameter that is not known, repeated or missing; MethodNotAllowed if
    what changes something is asked for by GET; Unprocessable if a Parameters resource breaks its
    structure.
    """
    if call.method == "GET" and definition.affects_state:
        raise urls.not_allowed("GET", ("POST", "OPTIONS"))
    definition = replace(definition, searches=searches)
    given = [*_in_query(context, call, definition), *_in_body(context, call, definition)]
    _check_counts(definition, Counter(name for name, _ in given))
    texts: dict[str, tuple[str, ...]] = {}
    values: dict[str, tuple[bytes, ...]] = {}
    for name, value in given:
        if isinstance(value, str):
            texts[name] = (*texts.get(name, ()), value)
        else:
            values[name] = (*values.get(name, ()), value)
    others = [
        (name, one) for name in texts if name not in definition.parameters for one in texts[name]
    ]
    return Arguments(texts, values, tuple(others))


def _in_query(context: Context, call: Call, definition: OperationDefinition) -> Iterator[_Given]:
    for name, value in call.query:
        if name in LAYOUT:
            continue
        parameter = _known(definition, name)
        if not parameter.type[0].islower():
            raise BadRequest.because("operation-parameter-needs-body", name=name[:40])
        if name in definition.parameters and not _is_value(context, parameter.type, value):
            raise BadRequest.because(
                "operation-parameter-not-of-type", name=name, value=value[:40], type=parameter.type
            )
        yield name, value


def _is_value(context: Context, type: str, text: str) -> bool:
    """Tell whether `text`, as it stands in a URL, is a value of the primitive `type`."""
    value: object = text
    if type == "boolean":
        value = {"true": True, "false": False}.get(text)
    elif type in ("integer", "positiveInt", "unsignedInt"):
        # A number that is too large means as much as there is, as it does in a search.
        value = min(int(text), _LARGEST) if _INTEGER(text) else None
    elif type == "decimal":
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            return False
    return context.interpreters.structure.is_valid(_holder(type, value))


def _holder(type: str, value: object) -> json.Resource:
    return {"resourceType": "Parameters", "parameter": [{"name": "a", _key(type): value}]}


def _key(type: str) -> str:
    return f"value{type[0].upper()}{type[1:]}"


def _in_body(context: Context, call: Call, definition: OperationDefinition) -> Iterator[_Given]:
    if call.raw_type is not None:
        yield _of_content(call, definition)
        return
    if not call.body:
        return
    resource, body = json.parse(call.body, context.interpreters.settings.max_depth)
    if resource.get("resourceType") != "Parameters":
        # A single resource may come as it is.
        takes = [one for one in definition.parameters.values() if _is_resource(context, one)]
        if len(takes) != 1:
            raise BadRequest.because("operation-body-not-parameters")
        _check_type(takes[0], resource, None)
        yield takes[0].name, body
        return
    _check_structure(context, resource)
    given = _PARTS.decode(body).get("parameter")
    rows = [] if given is None else _LIST.decode(given)
    for place, (row, seen) in enumerate(zip(rows, resource.get("parameter", ()), strict=True)):
        where = f"Parameters.parameter[{place}]"
        parameter = _known(definition, seen["name"], where)
        yield parameter.name, _value(context, row, seen, parameter, where)


def _is_resource(context: Context, parameter: Parameter) -> bool:
    return parameter.type in _RESOURCE or parameter.type in context.interpreters.types


def _check_structure(context: Context, resource: json.Resource) -> None:
    """Raise Unprocessable if a Parameters resource is none, but for the resources in it.

    What those have to be is the operation's business: to tell of their faults may be what it does.
    """
    rows = resource.get("parameter")
    whole = resource
    if isinstance(rows, list):
        kept = [_without_resource(row) if isinstance(row, dict) else row for row in rows]
        whole = {**resource, "parameter": kept}
    faults = context.interpreters.structure.faults(whole)
    if faults:
        raise Unprocessable(*faults)


def _of_content(call: Call, definition: OperationDefinition) -> _Given:
    """Return the file that is the body, for the parameter that is a Binary.

    Raises UnsupportedMediaType if there is none.
    """
    takes = [one.name for one in definition.parameters.values() if one.type == _FILE]
    if len(takes) != 1:
        type = (call.raw_type or "-")[:60]
        raise UnsupportedMediaType.because("content-type-unknown", type=type)
    return takes[0], call.body


def _without_resource(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "resource"}


def _check_type(parameter: Parameter, resource: object, where: str | None) -> None:
    """Raise BadRequest unless `resource` is an object, of the type that `parameter` names."""
    if not isinstance(resource, dict):
        raise BadRequest.because("operation-parameter-malformed", where)
    if parameter.type not in (*_RESOURCE, resource.get("resourceType")):
        raise BadRequest.because(
            "operation-parameter-other-resource", where, name=parameter.name, type=parameter.type
        )


def _value(
    context: Context,
    row: Mapping[str, msgspec.Raw],
    seen: Mapping[str, Any],
    parameter: Parameter,
    where: str,
) -> str | bytes:
    """Return what `row` gives for `parameter`; `seen` is the same, parsed."""
    if _is_resource(context, parameter):
        _check_type(parameter, seen.get("resource"), where)
        key = "resource"
    else:
        key = _given_key(context, seen, parameter, where)
    others = [name for name in seen if name not in _UNTYPED and name.removeprefix("_") != key]
    if others or ("part" in seen) or (key != "resource" and "resource" in seen):
        raise BadRequest.because("operation-parameter-malformed", where)
    if not parameter.type[0].islower():
        return bytes(row[key])
    return seen[key] if isinstance(seen[key], str) else bytes(row[key]).decode()


def _given_key(context: Context, seen: Mapping[str, Any], parameter: Parameter, where: str) -> str:
    """Return the property of `seen` that has the value of `parameter`."""
    kinds: Sequence[str] = (parameter.type,)
    if parameter.type in _TEXTS:
        kinds = (parameter.type, *_TEXTS)
    key = next((_key(kind) for kind in kinds if _key(kind) in seen), None)
    if key is None:
        raise BadRequest.because("operation-parameter-malformed", where)
    if key != _key(parameter.type) and not _is_value(context, parameter.type, seen[key]):
        raise BadRequest.because(
            "operation-parameter-not-of-type",
            where,
            name=parameter.name,
            value=seen[key][:40],
            type=parameter.type,
        )
    return key


def _known(definition: OperationDefinition, name: str, where: str | None = None) -> Parameter:
    found = definition.parameter(name)
    if found is None:
        raise BadRequest.because("operation-parameter-unknown", where, name=name[:40])
    return found


def _check_counts(definition: OperationDefinition, counts: Mapping[str, int]) -> None:
    for name, parameter in definition.parameters.items():
        count = counts.get(name, 0)
        if count < parameter.min:
            raise BadRequest.because("operation-parameter-missing", name=name)
        if parameter.max is not None and count > parameter.max:
            raise BadRequest.because("operation-parameter-repeated", name=name)
