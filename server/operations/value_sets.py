"""Which value set an operation is about: one by its URL, one that is given, one in the URL.

Spec: https://hl7.org/fhir/R4/valueset-operations.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from server.context import Context
from server.fhir.outcome import BadRequest, NotFound
from server.interactions.call import Call, Disclosed
from server.operations import codes
from server.operations.arguments import Arguments
from server.terminology.compositions import Composition
from server.terminology.versions import Versions

Json = Mapping[str, Any]
_TYPE = "http://hl7.org/fhir/StructureDefinition/"
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Source:
    """A value set: the resource, and what it is composed of in given versions."""

    resource: Json
    composition: Callable[[Versions], Composition]
    disclosed: tuple[Disclosed, ...] = ()


def source(context: Context, call: Call, arguments: Arguments) -> Source:
    """Return the value set that is asked for. Raises NotFound, BadRequest unless there is one."""
    terminology = context.interpreters.terminology
    if call.id is not None:
        resource, told = codes.stored(context, call)
        return Source(resource, lambda chosen: terminology.composed(resource, chosen), (told,))
    given = codes.exactly_one(arguments, "url", "valueSet", "context")
    if given == "valueSet":
        resource = codes.resource(context, arguments, "valueSet")
        return Source(resource, lambda chosen: terminology.composed(resource, chosen))
    url = arguments.text("url") if given == "url" else _bound(context, arguments)
    version = arguments.text("valueSetVersion")
    if not url:
        raise BadRequest.because("operation-parameter-missing", name="url")
    canonical = url if version is None else f"{url.partition('|')[0]}|{version}"
    resource = terminology.value_set(canonical)
    return Source(resource, lambda chosen: terminology.composition(canonical, chosen))


def _bound(context: Context, arguments: Arguments) -> str:
    """Return the value set that R4 requires of the element ``<type's URL>#<path>``."""
    given = arguments.text("context") or ""
    holder, _, name = given.removeprefix(_TYPE).partition("#")[2].rpartition(".")
    element = context.interpreters.definitions.elements.get(holder, {}).get(name)
    if element is not None and element.binding is not None:
        return element.binding
    raise NotFound.because("value-set-unknown", value=given[:_SHOWN])
