"""ValueSet/$expand: the concepts of a value set, all or those that a person may mean.

Spec: https://hl7.org/fhir/R4/valueset-operation-expand.html
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from server.context import Context
from server.fhir import json
from server.fhir.outcome import BadRequest
from server.interactions.call import Call, Result
from server.operations import codes, value_sets
from server.operations.arguments import Arguments
from server.terminology import spelling
from server.terminology.expansion import Asked, Expanded, expanded
from server.terminology.versions import Versions

Json = Mapping[str, Any]
_KEPT = ("url", "version", "name", "title", "status", "experimental", "language")
_ECHOED: Mapping[str, str] = {
    "filter": "valueString",
    "date": "valueDateTime",
    "offset": "valueInteger",
    "count": "valueInteger",
    "includeDesignations": "valueBoolean",
    "includeDefinition": "valueBoolean",
    "activeOnly": "valueBoolean",
    "excludeNested": "valueBoolean",
    "displayLanguage": "valueCode",
    "exclude-system": "valueUri",
    "system-version": "valueUri",
    "check-system-version": "valueUri",
    "force-system-version": "valueUri",
}


def expand(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return the value set with its expansion.

    A filter takes the beginnings of words, Han characters, pinyin and its initials. Without
    ``excludeNested=false`` the expansion is flat; a tree has no pages.

    Raises NotFound if the value set or a code system in it is not here, TooCostly if more than
    10,000 concepts would have to be told at once, Unprocessable if it cannot be expanded.
    """
    source = value_sets.source(context, call, arguments)
    versions = Versions(
        system=codes.versions(arguments, "system-version"),
        check=codes.versions(arguments, "check-system-version"),
        force=codes.versions(arguments, "force-system-version"),
    )
    asked = _asked(arguments)
    found = expanded(source.composition(versions), asked)
    return Result(
        status=200,
        body=json.dumps(_answer(context, arguments, source.resource, asked, found)),
        disclosed=source.disclosed,
    )


def _asked(arguments: Arguments) -> Asked:
    count = _number(arguments, "count")
    return Asked(
        words=spelling.wanted(arguments.text("filter") or ""),
        offset=_number(arguments, "offset") or 0,
        count=count,
        is_active_only=codes.flag(arguments, "activeOnly") is True,
        is_nested=codes.flag(arguments, "excludeNested") is False,
        has_designations=codes.flag(arguments, "includeDesignations") is True,
        excluded=arguments.texts.get("exclude-system", ()),
        language=arguments.text("displayLanguage"),
        on=codes.day(arguments),
    )


def _number(arguments: Arguments, name: str) -> int | None:
    given = arguments.text(name)
    if given is None:
        return None
    if int(given) < 0:
        raise BadRequest.because("terminology-negative", name=name)
    return int(given)


def _answer(
    context: Context, arguments: Arguments, resource: Json, asked: Asked, found: Expanded
) -> Json:
    has_definition = codes.flag(arguments, "includeDefinition") is True
    kept = {name: resource[name] for name in _KEPT if name in resource}
    if has_definition and "compose" in resource:
        kept["compose"] = resource["compose"]
    expansion: dict[str, Any] = {
        "identifier": f"urn:uuid:{uuid4()}",
        "timestamp": json.instant(context.services.store.now(), context.interpreters.zone),
        "total": found.total,
    }
    if not asked.is_nested and ("offset" in arguments.texts or "count" in arguments.texts):
        expansion["offset"] = asked.offset
    expansion["parameter"] = list(_parameters(arguments, found))
    expansion["contains"] = list(found.contains)
    filled = {name: held for name, held in expansion.items() if held != []}
    return {"resourceType": "ValueSet", "status": "active", **kept, "expansion": filled}


def _parameters(arguments: Arguments, found: Expanded) -> Iterator[Json]:
    """Yield what the expansion went by: what was asked, the editions, and what is not whole."""
    for name, kind in _ECHOED.items():
        for given in arguments.texts.get(name, ()):
            yield {"name": name, kind: _value(kind, given)}
    for name, canonicals in (("version", found.used), ("incomplete", found.incomplete)):
        yield from ({"name": name, "valueUri": one} for one in dict.fromkeys(canonicals))


def _value(kind: str, given: str) -> object:
    if kind == "valueInteger":
        return int(given)
    return given == "true" if kind == "valueBoolean" else given
