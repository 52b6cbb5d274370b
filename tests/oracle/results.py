"""What goes with the matches of a search: their order, and what is included beside them.

Spec: https://hl7.org/fhir/R4/search.html#sort, https://hl7.org/fhir/R4/search.html#include
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cmp_to_key
from typing import Any

from tests.oracle import amounts, times, values
from tests.oracle.facts import facts
from tests.oracle.paths import Node
from tests.oracle.texts import folded
from tests.oracle.world import Json, Key, World

_LONGEST = 100


def _dates(node: Node) -> list[Any]:
    found = times.of_value(node.type, node.value)
    return [] if found is None else [found.start]


def _numbers(node: Node) -> list[Any]:
    found = amounts.of_number(node.type, node.value)
    return [] if found is None else [found.low, found.high]


SORTED: dict[str, Callable[[Node], list[Any]]] = {
    "string": lambda node: [folded(text)[:_LONGEST] for text in values.strings(node)],
    "date": _dates,
    "number": _numbers,
}


def sortable(type: str) -> list[str]:
    """Return the parameters whose order the specification leaves no doubt about."""
    known = facts().parameters[type]
    return sorted(
        code
        for code, fact in known.items()
        if fact["type"] in SORTED and "expression" in fact and code != "phonetic"
    )


def compared(world: World, one: Json, other: Json, keys: Sequence[str]) -> int:
    """Return less than 0 if `one` comes before `other`, 0 if either may be first.

    Of several values the one counts that comes first; what has none comes last.
    """
    for key in keys:
        code, descends = key.removeprefix("-"), key.startswith("-")
        first, second = (_value(world, each, code, last=descends) for each in (one, other))
        if first == second:
            continue
        if first is None or second is None:
            return 1 if first is None else -1
        return -1 if (first < second) != descends else 1
    return 0


def _value(world: World, resource: Json, code: str, *, last: bool) -> Any:
    fact = facts().parameters[resource["resourceType"]][code]
    nodes = values.simple(world.nodes(resource, code))
    found = [value for node in nodes for value in SORTED[fact["type"]](node)]
    return (max(found) if last else min(found)) if found else None


def is_ordered(world: World, type: str, ids: Sequence[str], keys: Sequence[str]) -> bool:
    """Tell whether the resources with `ids` are in an order that `keys` allow."""
    rows = [world.resources[type, id] for id in ids]
    compare = cmp_to_key(lambda one, other: compared(world, one, other, keys))
    return rows == sorted(rows, key=compare)


def included(
    world: World, type: str, ids: Iterable[str], asked: Sequence[tuple[str, str]]
) -> set[Key]:
    """Return what `asked`, ``_include`` and ``_revinclude``, adds to the matches with `ids`."""
    matches = {(type, id) for id in ids}
    found = {key for match in matches for key in _one_step(world, match, asked)}
    again = [(name, value) for name, value in asked if name.endswith(":iterate")]
    reached: set[Key] = set()
    while new := found - reached:
        reached |= new
        found |= {key for one in new for key in _one_step(world, one, again)}
    return found - matches


def _one_step(world: World, at: Key, asked: Sequence[tuple[str, str]]) -> set[Key]:
    found: set[Key] = set()
    for name, value in asked:
        reverse = name.startswith("_revinclude")
        source, code, target = (["*", "*", ""] if value == "*" else [*value.split(":"), ""])[:3]
        if reverse:
            found |= _referring(world, at, source, code, target)
        elif source in ("*", at[0]):
            found |= _referred(world, at, code, target)
    return found


def _codes(type: str, code: str) -> list[str]:
    if code != "*":
        return [code]
    known = facts().parameters[type].items()
    return [code for code, fact in known if fact["type"] == "reference" and "expression" in fact]


def _referred(world: World, at: Key, code: str, target: str) -> set[Key]:
    if at not in world.resources:
        return set()
    return {
        (one["resourceType"], one["id"])
        for each in _codes(at[0], code)
        for one in world.pointed_at(world.resources[at], each)
        if target in ("", one["resourceType"])
    }


def _referring(world: World, at: Key, source: str, code: str, target: str) -> set[Key]:
    types = sorted({type for type, _ in world.resources}) if source == "*" else [source]
    if target not in ("", at[0]):
        return set()
    pairs = ((type, one) for type in types for one in world.of(type))
    return {
        (type, one["id"])
        for type, one in pairs
        if any(at in _referred(world, (type, one["id"]), each, "") for each in _codes(type, code))
    }
