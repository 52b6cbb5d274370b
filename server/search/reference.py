"""Search parameters of type reference.

Index terms: ``name=Type/id`` for a resource of this server, ``name=url`` for another or a
canonical one; each with and without its version. ``name:identifier=system|value`` is a
logical reference.

Spec: https://hl7.org/fhir/R4/search.html#reference
"""

from server.fhir.outcome import BadRequest
from server.fhir.reference import Target, is_id, parse
from server.search.conditions import NOTHING, Condition, any_of
from server.search.parameter import Entries, Environment, Extract, Parameter
from server.search.steps import Json
from server.search.token import term
from server.search.uri import CANONICAL_TYPES, canonical
from server.search.values import compared, shown, unescaped


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
    name, identifier = f"{parameter.name}=", f"{parameter.name}:identifier="
    is_main = parameter.main == "pt"

    def add(value: Json, entries: Entries) -> None:
        text = value.get("reference", "")
        if text and text[0] != "#":
            target = parse(text, base_url)
            if is_main and _is_own_patient(target):
                entries.scalars["pt"] = target.text
            else:
                entries.t.append(name + target.text)
            if target.version is not None:
                entries.t.append(name + _versioned(target))
        match value.get("identifier"):
            case {"value": str(number)} as found:
                entries.t.append(identifier + term(found.get("system"), number))

    return add


def _inline(parameter: Parameter) -> Extract:
    name = f"{parameter.name}="

    def add(value: Json, entries: Entries) -> None:
        if "id" in value:
            entries.t.append(f"{name}{value['resourceType']}/{value['id']}")

    return add
