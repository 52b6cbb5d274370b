"""$meta: the profiles, tags and security labels of a resource, or of all that there are.

Spec: https://hl7.org/fhir/R4/resource-operation-meta.html
"""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from server.context import Context
from server.fhir import json
from server.fhir.meta import LISTS
from server.interactions import redaction
from server.interactions.call import Call, Disclosed, Result
from server.operations.arguments import Arguments
from server.search.conditions import any_of, starts_with
from server.search.values import HASHED, split, unescaped
from server.store.documents import Version


def meta(context: Context, call: Call, arguments: Arguments) -> Result:
    """Return the meta of one resource, or all that is in use, in a Parameters resource."""
    del arguments  # it has none
    letter = "s" if call.id is None else "r"
    context.access.require_operation("meta", letter, call.type)
    if call.id is not None:
        return of(context, context.resources.read(call.resource_type, call.id))
    return Result(status=200, body=_parameters(_in_use(context, _types(context, call))))


def of(context: Context, version: Version) -> Result:
    """Return the meta of `version` in a Parameters resource."""
    seen = orjson.loads(redaction.shown(context, version.body or b""))
    return Result(
        status=200,
        body=_parameters(seen.get("meta", {})),
        version=version.version,
        last_updated=version.last_updated,
        disclosed=(Disclosed.of(version),),
    )


def _parameters(meta: json.Resource) -> bytes:
    # A Meta without content has no form in JSON.
    found = [{"name": "return", "valueMeta": meta}] if meta else []
    return json.dumps({"resourceType": "Parameters", **({"parameter": found} if found else {})})


def _types(context: Context, call: Call) -> Iterable[str]:
    """Return the types that `call` asks for, of which the caller may search some resources."""
    if call.type is not None:
        return (call.type,)
    allowed = context.access.types("s")
    return [type for type in context.resources.types() if allowed is None or type in allowed]


def _in_use(context: Context, types: Iterable[str]) -> dict[str, Any]:
    """Return what resources of `types` have in their meta, as far as the caller sees that."""
    found: dict[str, dict[str, Any]] = {name: {} for name in LISTS}
    for type in types:
        told = {"resourceType": type, "meta": _of_type(context, type)}
        seen = orjson.loads(redaction.shown(context, json.dumps(told))).get("meta", {})
        for name, items in seen.items():
            found[name] |= {repr(item): item for item in items}
    return {name: list(items.values()) for name, items in found.items() if items}


def _of_type(context: Context, type: str) -> dict[str, list[Any]]:
    starts = [f"_{name}=" for name in LISTS]
    having = any_of([starts_with("t", start) for start in starts])
    found: dict[str, list[Any]] = {}
    for term in context.resources.terms(type, having, starts):
        name, _, text = term.partition("=")
        found.setdefault(name[1:], []).extend(_items(name, text))
    return found


def _items(name: str, text: str) -> Iterator[Any]:
    """Yield what an index term says: a profile's URL, or a coding with or without a system."""
    if HASHED in text:
        return  # too long for the index, which has no more than its beginning
    if name == "_profile":
        yield unescaped(text)
        return
    match split(text, "|"):
        # The other term of a coding has no bar: a code in any system.
        case [system, code]:
            coding = {"system": unescaped(system), "code": unescaped(code)}
            yield {key: value for key, value in coding.items() if value}
