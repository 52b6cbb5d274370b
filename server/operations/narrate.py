"""$narrative: a resource with a narrative made of what it says, in Chinese or English.

It is an operation of ours. Nothing is stored: who wants to keep the text sends the resource back.

Spec: https://hl7.org/fhir/R4/narrative.html#generation
"""

from typing import Any, Literal

from server.context import Context
from server.fhir import json
from server.fhir.outcome import BadRequest, Unprocessable
from server.interactions import redaction
from server.interactions.call import Call, Disclosed, Result
from server.operations.arguments import Arguments
from server.profiles.narration import Json, Narrator

_LANGUAGES: dict[str, Literal["zh", "en"]] = {"zh": "zh", "zh-cn": "zh", "en": "en", "en-us": "en"}


def narrative(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return the resource that is given, or the stored one as the caller may see it.

    Its `text` is made anew unless a person wrote it: that is one whose status is not ``generated``.
    Raises BadRequest if there is none, or no such language, Unprocessable if its structure is
    broken, Forbidden without the right to read what is stored.
    """
    asked = arguments.text("language")
    language = context.language if asked is None else _LANGUAGES.get(asked.lower())
    if language is None:
        raise BadRequest.because("narrative-language-unknown", language=(asked or "")[:40])
    body, disclosed = _resource(context, call, arguments)
    labels = context.interpreters.labels
    narrator = Narrator(labels, language, lambda coding: _name(context, coding))
    return Result(status=200, body=_with_text(body, narrator), disclosed=disclosed)


def _resource(
    context: Context, call: Call, arguments: Arguments
) -> tuple[bytes, tuple[Disclosed, ...]]:
    if call.id is not None:
        context.access.require_operation("narrative", "r", call.type)
        found = context.resources.read(call.resource_type, call.id)
        return redaction.shown(context, found.body or b""), (Disclosed.of(found),)
    given = arguments.value("resource")
    if given is None:
        raise BadRequest.because("operation-parameter-missing", name="resource")
    resource, body = json.parse(given, context.interpreters.settings.max_depth)
    if faults := context.interpreters.structure.faults(resource):
        raise Unprocessable(*faults)
    return body, ()


def _with_text(body: bytes, narrator: Narrator) -> bytes:
    """Return `body` with a narrative where R4 has one; all its numbers keep their digits."""
    resource: dict[str, Any] = json.exact(body)
    written = resource.get("text", {}).get("status", "generated") != "generated"
    if written or resource["resourceType"] in ("Bundle", "Binary", "Parameters"):
        return body
    text = narrator.narrative(json.spelled(body))
    head = {name: resource[name] for name in ("resourceType", "id", "meta") if name in resource}
    return json.dumps({**head, "text": text, **{k: v for k, v in resource.items() if k != "text"}})


def _name(context: Context, coding: Json) -> str | None:
    """Return what the system of `coding` calls its code, None if that is not here."""
    if not {"system", "code"} <= coding.keys():
        return None
    system = context.interpreters.terminology.system(coding["system"], coding.get("version"))
    concept = None if system is None else system.concepts((coding["code"],)).get(coding["code"])
    return None if concept is None else concept.display
