"""What one row of a differential is about, and what it makes of the element that it is about.

Spec: https://hl7.org/fhir/R4/profiling.html#changes
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from server.fhir.outcome import Issue
from server.profiles.element_tree import Definition, Node

_PLACE = frozenset({"id", "path", "sliceName", "sliceIsConstraining", "base"})
_ADDED = ("mapping", "condition", "alias", "example")
# In strength; a profile may only make a binding stronger.
_STRENGTHS = ("example", "preferred", "extensible", "required")
_VALUES = ("fixed", "pattern")
# The types of ids and URLs are those of FHIRPath in R4's definitions, and FHIR's in profiles.
_SYSTEM = "http://hl7.org/fhirpath/System."
_ANY = frozenset({"Resource", "Element", "DomainResource", "BackboneElement"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the way to an element: ``identifier:cardNumber`` has a name and a slice."""

    name: str
    slice: str | None = None


def steps(row: Definition, before: list[Step]) -> list[Step]:
    """Return the way to the element of `row`, where the row before it is at the end of `before`.

    An id says it, where it agrees with the path; otherwise the rows before do.
    """
    names = row["path"].split(".")
    told = [one.partition(":") for one in str(row.get("id", "")).split(".")]
    if [name for name, _, _ in told] == names:
        way = [Step(name, slice or None) for name, _, slice in told]
    else:
        way = [Step(name) for name in names]
        for place in range(len(names) - 1):
            if place >= len(before) or before[place].name != names[place]:
                break
            way[place] = before[place]
    return [*way[:-1], Step(names[-1], row.get("sliceName") or way[-1].slice)]


def url_slicing(node: Node) -> Definition | None:
    """Return the slicing that every extension and every choice of types has, None for others."""
    if node.name in ("extension", "modifierExtension"):
        return {"discriminator": [{"type": "value", "path": "url"}], "rules": "open"}
    if node.name.endswith("[x]"):
        return {"discriminator": [{"type": "type", "path": "$this"}], "rules": "open"}
    return None


def merged(node: Node, row: Definition, source: str, at: str) -> list[Issue]:
    """Have `node` say what `row`, which is of the profile `source`, adds; return what is wrong.

    Only narrower things can be said: fewer occurrences, fewer types, stronger bindings.
    """
    old = node.definition
    given = {key: value for key, value in row.items() if key not in _PLACE}
    faults = [
        Issue(
            "invalid",
            message,
            {"at": at[:200], "profile": source, **arguments},
            "StructureDefinition.differential",
        )
        for message, arguments in (*_cardinality(node, row), *_types(old, row), *_values(old, row))
    ]
    for key in _ADDED:
        if key in given and key in old:
            given[key] = [*old[key], *(one for one in given[key] if one not in old[key])]
    if "constraint" in given:
        given["constraint"] = _constraints(old.get("constraint", ()), given["constraint"], source)
    node.definition = {**old, **given}
    node.own |= given.keys()
    return faults


def _cardinality(node: Node, row: Definition) -> Iterator[tuple[str, Mapping[str, object]]]:
    low, high = row.get("min", node.min), str(row.get("max", node.definition.get("max", "1")))
    most = None if high == "*" else int(high)
    if node.definition and (row.get("min", node.min) < node.min or _is_wider(most, node.max)):
        was = f"{node.min}..{node.definition.get('max', '1')}"
        yield "snapshot-cardinality-widened", {"found": f"{low}..{high}", "base": was}
    elif most is not None and low > most:
        yield "snapshot-cardinality-empty", {"found": f"{low}..{high}"}


def _is_wider(most: int | None, limit: int | None) -> bool:
    return limit is not None and (most is None or most > limit)


def _types(old: Definition, row: Definition) -> Iterator[tuple[str, Mapping[str, object]]]:
    allowed = {one["code"] for one in old.get("type", ())}
    if not allowed or allowed & _ANY or any(code.startswith(_SYSTEM) for code in allowed):
        return
    for one in row.get("type", ()):
        if one["code"] not in allowed:
            listed = ", ".join(sorted(allowed))
            yield "snapshot-type-not-allowed", {"type": str(one["code"])[:60], "allowed": listed}


def _values(old: Definition, row: Definition) -> Iterator[tuple[str, Mapping[str, object]]]:
    was, now = old.get("binding"), row.get("binding")
    if was and now:
        weaker = _STRENGTHS.index(now["strength"]) < _STRENGTHS.index(was["strength"])
        if weaker and was["strength"] == "required":
            yield (
                "snapshot-binding-weaker",
                {"base": was["strength"], "found": now["strength"]},
            )
    for kind in _VALUES:
        one = next((old[key] for key in old if _is(key, kind)), None)
        other = next((row[key] for key in row if _is(key, kind)), None)
        if kind == "fixed" and one is not None and other is not None and one != other:
            yield "snapshot-fixed-differs", {}


def _is(key: str, kind: str) -> bool:
    return key.startswith(kind)


def value_of(definition: Definition, kind: str) -> tuple[str, Any] | None:
    """Return the property and value of ``fixed[x]`` or ``pattern[x]`` in `definition`, if any."""
    return next(((key, definition[key]) for key in definition if _is(key, kind)), None)


def _constraints(old: list[Definition], new: list[Definition], source: str) -> list[Definition]:
    keys = {one["key"] for one in old}
    added = [{**one, "source": one.get("source", source)} for one in new if one["key"] not in keys]
    return [*old, *added]
