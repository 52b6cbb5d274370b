"""Search parameters of type reference.

Index terms: ``name=Type/id`` for a resource of this server, ``name=url`` for another or a
canonical one; each with and without its version. A logical reference has the terms of a token
called ``name:identifier``, and of one called ``name:identifier:Type`` if it tells its type.

Spec: https://hl7.org/fhir/R4/search.html#reference
"""

from dataclasses import replace

from server.fhir.outcome import BadRequest
from server.fhir.reference import Target, is_id, parse
from server.search import token
from server.search.conditions import NOTHING, Condition, any_of
from server.search.parameter import Entries, Environment, Extract, Parameter
from server.search.steps import Json
from server.search.uri import CANONICAL_TYPES, canonical
from server.search.values import compared, escaped, shown, unescaped


def extract(parameter: Parameter, type: str, environment: Environment) -> Extract | None:
    """Return what indexes values of the FHIR type `type`, None if they cannot refer."""
    if type == "Reference":
        return _reference(parameter, environment.base_url)
    if type == "Resource":
        return _inline(parameter)
    return canonical(parameter.name) if type in CANONICAL_TYPES else None


def condition(parameter: Parameter, text: str, environment: Environment) -> Condition:
    """Return the condition for one searched value: an id, ``Type/id`` or a URL.

    Raises BadRequest if `text` refers to nothing that could be stored.
    """
    value = unescaped(text)
    if not value or value.startswith("#") or value.isspace():
        raise BadRequest.because(
            "search-reference-invalid", parameter=parameter.code, value=shown(value)
        )
    target = parse(value, environment.base_url)
    found = [] if target.type is None else _resource(parameter, target)
    if target.type is None and is_id(value):
        for type in parameter.targets:
            found += _resource(parameter, Target(f"{type}/{value}", type, value, local=True))
    if target.type is None or parameter.types & CANONICAL_TYPES:
        found.append({"t": compared(f"{parameter.name}={value}")})
    return any_of(found)


def identified(parameter: Parameter, text: str, environment: Environment) -> Condition:
    """Return the condition that a reference has the identifier `text`, written like a token.

    Raises BadRequest if `text` has none of the forms of a token.
    """
    name = _identifier_name(parameter.name, parameter.narrowed)
    as_token = replace(parameter, name=name, types=frozenset({"Identifier"}), main=None)
    return token.condition(as_token, text, environment)


def _identifier_name(name: str, type: str | None) -> str:
    return f"{name}:identifier" if type is None else f"{name}:identifier:{type}"


def _resource(parameter: Parameter, target: Target) -> list[Condition]:
    if parameter.narrowed not in (None, target.type):
        return [NOTHING]
    if parameter.main == "pt" and _is_own_patient(target) and target.version is None:
        return [{"pt": target.text}]
    return [{"t": compared(f"{parameter.name}={_versioned(target)}")}]


def _is_own_patient(target: Target) -> bool:
    return target.local and target.type == "Patient"


def _versioned(target: Target) -> str:
    return target.text if target.version is None else f"{target.text}/_history/{target.version}"


def _reference(parameter: Parameter, base_url: str) -> Extract:
    name = f"{parameter.name}="
    is_main = parameter.main == "pt"

    def add(value: Json, entries: Entries) -> None:
        text, type = value.get("reference", ""), value.get("type")
        if text and text[0] != "#":
            target = parse(text, base_url)
            type = target.type or type
            if is_main and _is_own_patient(target):
                entries.scalars["pt"] = target.text
            else:
                entries.t.append(name + target.text)
            if target.version is not None:
                entries.t.append(name + _versioned(target))
        if "identifier" in value:
            for known in dict.fromkeys((None, type)):
                start = f"{_identifier_name(parameter.name, known)}="
                entries.t.extend(start + one for one in _terms(value["identifier"]))

    return add


def _terms(identifier: Json) -> list[str]:
    number, system = identifier.get("value"), identifier.get("system")
    if number is not None:
        return [escaped(number), token.term(system, number)]
    return [] if system is None else [token.term(system, "")]


def _inline(parameter: Parameter) -> Extract:
    name = f"{parameter.name}="

    def add(value: Json, entries: Entries) -> None:
        if "id" in value:
            entries.t.append(f"{name}{value['resourceType']}/{value['id']}")

    return add
