"""The element definitions of R4's types, profiles and extensions, without their prose.

A snapshot is made of these. Of all texts only ``short`` and what an invariant says are taken.

Spec: https://hl7.org/fhir/R4/elementdefinition.html
"""

from collections.abc import Iterable, Iterator
from typing import Any

Json = dict[str, Any]

_DEFINITION = "http://hl7.org/fhir/StructureDefinition/"
_KEPT = frozenset(
    (
        "path",
        "representation",
        "sliceName",
        "sliceIsConstraining",
        "short",
        "slicing",
        "min",
        "max",
        "contentReference",
        "type",
        "maxLength",
        "condition",
        "constraint",
        "mustSupport",
        "isModifier",
        "isModifierReason",
        "isSummary",
        "binding",
    )
)
_EVERYWHERE = "ele-1"
# They name slices of elements that they do not slice, or of extensions that they exclude.
_FAULTY = frozenset({"catalog", "codesystem-history", "familymemberhistory-genetic"})
_HEADER = ("url", "name", "kind", "abstract", "context", "type", "baseDefinition")


def type_snapshots(definitions: Iterable[Json]) -> Iterator[Json]:
    """Yield ``{"type", "element": [...]}`` of every type.

    What is the same in every element is left out: ``id`` and ``base``, which are the path, the
    constraint ele-1, and what is false.
    """
    for definition in definitions:
        elements = definition["snapshot"]["element"]
        yield {"type": definition["name"], "element": [_of_type(one) for one in elements]}


def differentials(definitions: Iterable[Json]) -> Iterator[Json]:
    """Yield ``{"url", "name", ..., "element": [...]}`` of every profile and extension.

    Those that lack a differential, or whose base is not in `definitions`, are left out, and so are
    three that no snapshot can be made of.
    """
    known = {definition["url"] for definition in definitions}
    for definition in definitions:
        if definition.get("derivation") != "constraint" or "differential" not in definition:
            continue
        if definition["baseDefinition"] not in known or "example.org" in definition["url"]:
            continue
        if definition["url"].removeprefix(_DEFINITION) in _FAULTY:
            continue
        header = {key: definition[key] for key in _HEADER if key in definition}
        elements = definition["differential"]["element"]
        yield {**header, "element": [_kept(one) | _slice(one) for one in elements]}


def _of_type(element: Json) -> Json:
    found = _kept(element)
    found["constraint"] = [one for one in found.get("constraint", ()) if one["key"] != _EVERYWHERE]
    base = element.get("base", {})
    if base and base["path"] != element["path"]:
        found["base"] = base
    return {key: value for key, value in found.items() if value not in ([], False)}


def _kept(element: Json) -> Json:
    found = {
        key: value
        for key, value in element.items()
        if key in _KEPT or key.startswith(("fixed", "pattern", "minValue", "maxValue"))
    }
    if "binding" in found:
        found["binding"] = {
            key: element["binding"][key]
            for key in ("strength", "valueSet")
            if key in element["binding"]
        }
    if "constraint" in found:
        names = ("key", "severity", "human", "expression", "source")
        found["constraint"] = [
            {key: one[key] for key in names if key in one} for one in element["constraint"]
        ]
    return found


def _slice(element: Json) -> Json:
    return {"id": element["id"]} if "id" in element else {}
