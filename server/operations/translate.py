"""ConceptMap/$translate: what a code means in another code system, or which codes mean it.

Spec: https://hl7.org/fhir/R4/conceptmap-operation-translate.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from server.context import Context
from server.fhir.messages import text
from server.fhir.outcome import BadRequest
from server.interactions.call import Call, Disclosed, Result
from server.operations import codes
from server.operations.arguments import Arguments
from server.terminology import translation
from server.terminology.translation import NO_MATCH, Match, Wanted

Json = Mapping[str, Any]


def translate(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return all meanings that concept maps know, in a Parameters resource.

    Raises NotFound if the concept map is not here, BadRequest if it is not clear what is asked.
    """
    maps, disclosed = _maps(context, call, arguments)
    asked = codes.codes(arguments, arguments.text("system"), arguments.text("version"))
    wanted = Wanted(
        source=arguments.text("source"),
        target=arguments.text("target"),
        system=arguments.text("targetsystem"),
        is_reverse=codes.flag(arguments, "reverse") is True,
    )
    found = [match for code in asked for match in translation.matches(maps, code, wanted)]
    is_translated = any(one.equivalence not in NO_MATCH for one in found)
    rows: list[Json] = [{"name": "result", "valueBoolean": is_translated}]
    if not is_translated:
        told = text("translation-none", context.language, {})
        rows.append({"name": "message", "valueString": told})
    rows += [{"name": "match", "part": _parts(one)} for one in found]
    return codes.parameters(rows, disclosed)


def _maps(
    context: Context, call: Call, arguments: Arguments
) -> tuple[Sequence[Json], tuple[Disclosed, ...]]:
    """Return the concept maps to be asked: the one that is named, or all."""
    terminology, disclosed = context.interpreters.terminology, ()
    if call.id is not None:
        resource, told = codes.stored(context, call)
        return [resource], (told,)
    if "conceptMap" in arguments.values:
        return [codes.resource(context, arguments, "conceptMap")], disclosed
    url, version = arguments.text("url"), arguments.text("conceptMapVersion")
    if url is None:
        if version is not None:
            raise BadRequest.because("terminology-needs", name="conceptMapVersion", other="url")
        return terminology.maps(), disclosed
    base, _, named = url.partition("|")
    return [terminology.concept_map(base, version or named or None)], disclosed


def _parts(one: Match) -> list[Json]:
    parts: list[Json] = [{"name": "equivalence", "valueCode": one.equivalence}]
    if one.concept is not None:
        parts.append({"name": "concept", "valueCoding": one.concept})
    parts += [{"name": "product", "part": list(_product(each))} for each in one.products]
    if one.source:
        parts.append({"name": "source", "valueUri": one.source})
    return parts


def _product(one: Json) -> list[Json]:
    named = {"name": "element", "valueUri": one.get("property", "")}
    coding = {"system": one.get("system"), "code": one.get("value"), "display": one.get("display")}
    held = {name: value for name, value in coding.items() if value}
    return [named, {"name": "concept", "valueCoding": held}]
