"""What the operations of terminology have in common: how a code comes in, and what is told of it.

Spec: https://hl7.org/fhir/R4/terminology-service.html
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import orjson

from server.context import Context
from server.fhir import json
from server.fhir.messages import text
from server.fhir.outcome import BadRequest, Unprocessable
from server.interactions import redaction
from server.interactions.call import Call, Disclosed, Result
from server.operations.arguments import Arguments
from server.terminology.membership import Code, Verdict

Json = Mapping[str, Any]
_NUMBERS = ("valueInteger", "valueDecimal")


def exactly_one(arguments: Arguments, *names: str) -> str:
    """Return which of `names` is given. Raises BadRequest unless exactly one is."""
    given = [name for name in names if name in arguments.texts or name in arguments.values]
    if len(given) != 1:
        raise BadRequest.because("terminology-one-of", names=", ".join(names))
    return given[0]


def codes(
    arguments: Arguments, system: str | None, version: str | None, *, needs_system: bool = True
) -> list[Code]:
    """Return the code that is given, as such, as a coding, or as the codings of a concept.

    `system` and `version` are those of a bare code. Raises BadRequest unless it is given once.
    """
    given = exactly_one(arguments, "code", "coding", "codeableConcept")
    if given == "code":
        if system is None and needs_system:
            raise BadRequest.because("terminology-needs", name="code", other="system")
        code, display = arguments.text("code") or "", arguments.text("display")
        return [Code(code, system, version, display)]
    value = orjson.loads(arguments.value(given) or b"{}")
    rows = [value] if given == "coding" else value.get("coding", ())
    return [code_of(row) for row in rows if "code" in row] or [Code("")]


def code_of(coding: Json) -> Code:
    """Return the code that a Coding has."""
    return Code(
        coding.get("code", ""), coding.get("system"), coding.get("version"), coding.get("display")
    )


def day(arguments: Arguments) -> date | None:
    """Return the day that the parameter ``date`` is about, the first of those that it may be."""
    given = arguments.text("date")
    if given is None:
        return None
    return date.fromisoformat((given[:10] + "-01-01"[len(given[:10]) - 4 :])[:10])


def resource(context: Context, arguments: Arguments, name: str) -> Json:
    """Return the resource that is given for the parameter `name`, numbers as their digits.

    Raises Unprocessable with every fault of its structure.
    """
    body = arguments.value(name) or b""
    parsed, compact = json.parse(body, context.interpreters.settings.max_depth)
    if faults := context.interpreters.structure.faults(parsed):
        raise Unprocessable(*faults)
    found: Json = json.spelled(compact)
    return found


def stored(context: Context, call: Call) -> tuple[Json, Disclosed]:
    """Return the resource in the URL, numbers as their digits. Raises NotFound, Gone."""
    version = context.resources.read(call.resource_type, call.id or "")
    body = redaction.shown(context, version.body or b"")
    return json.spelled(body), Disclosed.of(version)


def versions(arguments: Arguments, name: str) -> tuple[tuple[str, str], ...]:
    """Return the pairs of URL and version that the parameter `name` has. Raises BadRequest."""
    pairs = [text.partition("|") for text in arguments.texts.get(name, ())]
    if any(not url or not version for url, _, version in pairs):
        raise BadRequest.because("terminology-version-malformed", name=name)
    return tuple((url, version) for url, _, version in pairs)


def flag(arguments: Arguments, name: str) -> bool | None:
    """Return the boolean that the parameter `name` has, None if it is not given."""
    given = arguments.text(name)
    return None if given is None else given == "true"


def judged(context: Context, verdicts: Sequence[Verdict], disclosed: Iterable[Disclosed]) -> Result:
    """Return what ``$validate-code`` answers: the first code that is one, else why none is.

    What cannot be told is no yes.
    """
    best = next((one for one in verdicts if one.is_member), verdicts[0])
    is_good = best.is_member is True and best.reason != "display-differs"
    rows: list[Json] = [{"name": "result", "valueBoolean": is_good}]
    if best.reason is not None:
        told = text(best.reason, context.language, best.arguments)
        rows.append({"name": "message", "valueString": told})
    if best.display is not None:
        rows.append({"name": "display", "valueString": best.display})
    return parameters(rows, disclosed)


def parameters(rows: Iterable[Json], disclosed: Iterable[Disclosed] = ()) -> Result:
    """Return the answer that consists of these parameters."""
    body = json.dumps({"resourceType": "Parameters", "parameter": list(rows)})
    return Result(status=200, body=body, disclosed=tuple(disclosed))


def value(property: Json) -> Json:
    """Return the ``value[x]`` of a concept's property, a number with its digits."""
    return {
        name: json.fragment(str(held).encode()) if name in _NUMBERS else held
        for name, held in property.items()
        if name.startswith("value")
    }
