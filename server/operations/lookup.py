"""CodeSystem/$lookup: what there is to know of a concept.

Spec: https://hl7.org/fhir/R4/codesystem-operation-lookup.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from server.context import Context
from server.fhir.outcome import BadRequest, NotFound
from server.interactions.call import Call, Disclosed, Result
from server.operations import codes
from server.operations.arguments import Arguments
from server.terminology.concepts import Concept
from server.terminology.membership import Code
from server.terminology.systems import System

Json = Mapping[str, Any]
_SHOWN = 80
_BASIC = ("url", "name", "version", "display", "system")
_LANGUAGE = "lang."


def lookup(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return the concept in a Parameters resource: names, designations, properties.

    Without ``property`` all there is is told. Raises NotFound if there is no such concept or code
    system, BadRequest if it is not clear which one is meant.
    """
    system, code, disclosed = _asked(context, call, arguments)
    concept = system.concepts((code.code,)).get(code.code)
    if concept is None:
        told = {"system": system.about.url[:_SHOWN], "code": code.code[:_SHOWN]}
        raise NotFound.because("code-unknown", **told)
    rows = _rows(system, concept, arguments)
    return codes.parameters(rows, disclosed)


def _asked(
    context: Context, call: Call, arguments: Arguments
) -> tuple[System, Code, tuple[Disclosed, ...]]:
    terminology = context.interpreters.terminology
    url, version = arguments.text("system"), arguments.text("version")
    disclosed: tuple[Disclosed, ...] = ()
    if call.id is not None:
        resource, told = codes.stored(context, call)
        if url not in (None, resource.get("url")):
            raise BadRequest.because("terminology-system-differs")
        url, version, disclosed = resource.get("url", ""), resource.get("version"), (told,)
    (code,) = codes.codes(arguments, url, version)
    if code.system is None and call.id is None:
        raise BadRequest.because("terminology-needs", name="coding", other="system")
    if call.id is not None and code.system not in (None, url):
        raise BadRequest.because("terminology-system-differs")
    return (
        terminology.known_system(code.system or url or "", code.version or version),
        code,
        disclosed,
    )


def _rows(system: System, concept: Concept, arguments: Arguments) -> Iterator[Json]:
    about, language = system.about, arguments.text("displayLanguage")
    asked = arguments.texts.get("property", ())
    yield {"name": "name", "valueString": about.name or about.url}
    if about.version is not None:
        yield {"name": "version", "valueString": about.version}
    yield {"name": "display", "valueString": concept.name(language) or concept.code}
    for one in concept.designations:
        if _is_asked(one, asked):
            yield {"name": "designation", "part": list(_designation(one))}
    for code, value in _properties(system, concept):
        if not asked or code in asked:
            yield {"name": "property", "part": [{"name": "code", "valueCode": code}, value]}


def _is_asked(designation: Json, asked: tuple[str, ...]) -> bool:
    """Tell whether it is one of those that are asked for: all, or those of a language."""
    others = [name for name in asked if name not in _BASIC]
    language = f"{_LANGUAGE}{designation.get('language', '')}"
    return not others or "designation" in others or language in others


def _designation(one: Json) -> Iterator[Json]:
    for name, kind in (("language", "valueCode"), ("use", "valueCoding"), ("value", "valueString")):
        if name in one:
            yield {"name": name, kind: one[name]}


def _properties(system: System, concept: Concept) -> Iterator[tuple[str, Json]]:
    """Yield the code and the value of each property, and of what is known without one."""
    if concept.definition is not None:
        yield "definition", {"name": "value", "valueString": concept.definition}
    written = {one["code"] for one in concept.properties}
    if "inactive" not in written:
        yield "inactive", {"name": "value", "valueBoolean": concept.is_inactive}
    for parent in concept.parents:
        yield "parent", {"name": "value", "valueCode": parent}
    for child in system.children(concept.code) if concept.has_children else ():
        yield "child", {"name": "value", "valueCode": child}
    for one in concept.properties:
        if one["code"] not in ("parent", "child"):
            yield one["code"], {"name": "value", **codes.value(one)}
