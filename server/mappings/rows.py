"""The rows of a projection, compiled: from where in a record to where in a resource.

A path in a record is relative to the item that the table is for: ``code.text``. ``record.start``
begins at the record itself, ``parent.x`` at what the item is in, and ``.`` is the item. Through a
list a path leads to the first that has the rest. A path in a resource has the places of list
items: ``identifier[0].value``; items that get nothing are left out.

Spec: mappings/EncounterRecord/README.md; https://hl7.org/fhir/R4/json.html
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.mappings import values
from server.mappings.tables import WrongTableError
from server.mappings.values import Around, Convert, Facts

Json = Any
_STEP = re.compile(r"([a-zA-Z_]+)(?:\[([0-9]+)\])?")
_KEYS = frozenset(
    ("from", "to", "convert", "with", "fixed", "otherwise", "when", "where", "also", "unless",
     "all", "item")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """Where a path in a record can begin: the `record`, one `item` of it, and what that is in."""

    record: Json
    item: Json
    parent: Json


Look = Callable[[Item], Json]
Test = Callable[[Item], bool]
Steps = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `look` finds its value, `put` are the steps to where that goes.

    `sources` are the paths where it is looked for.
    `also` goes in with it. `unless` are elements that must not be there yet; `otherwise` is what
    there is without a value.
    """

    look: Look
    convert: Convert
    put: Steps
    otherwise: Json
    when: Test
    also: tuple[tuple[Steps, Json], ...]
    unless: tuple[str, ...]
    items: tuple["Row", ...]
    sources: tuple[str, ...] = ()

    def fill(self, target: dict[str, Any], source: Item, around: Around) -> None:
        """Put into `target` what this row makes of `source`."""
        if not self.when(source) or any(name in target for name in self.unless):
            return
        value = self.look(source)
        if value is not None:
            value = (
                self._items(value, source, around) if self.items else self.convert(value, around)
            )
        if value is None or value == []:
            value = self.otherwise
        if value is None:
            return
        _put(target, self.put, value)
        for steps, constant in self.also:
            _put(target, steps, constant)

    def _items(self, value: Json, source: Item, around: Around) -> Json:
        """Return a list with what the rows of an item make of each one in `value`."""
        made = []
        for one in value if isinstance(value, list) else (value,):
            found = filled(self.items, Item(source.record, one, source.item), around)
            if found:
                made.append(found)
        return made


def filled(rows: Sequence[Row], source: Item, around: Around) -> dict[str, Any]:
    """Return what `rows` make of `source`."""
    target: dict[str, Any] = {}
    for row in rows:
        row.fill(target, source, around)
    whole: dict[str, Any] = _without_gaps(target)
    return whole


def row(said: Mapping[str, Any], facts: Facts) -> Row:
    """Return the row that `said` writes. Raises WrongTableError."""
    unknown = said.keys() - _KEYS
    if unknown or "to" not in said or ("from" in said) == ("fixed" in said):
        raise WrongTableError(f"The row to {said.get('to')} is at fault: {sorted(unknown)}.")
    fixed = said.get("fixed")
    return Row(
        look=(lambda _: fixed) if "fixed" in said else _looking(said),
        convert=values.conversion(said.get("convert", "same"), said.get("with", ""), facts),
        put=_steps(said["to"]),
        otherwise=said.get("otherwise"),
        when=condition(said.get("when", {})),
        also=tuple((_steps(path), one) for path, one in said.get("also", {}).items()),
        unless=tuple(said.get("unless", ())),
        items=tuple(row(one, facts) for one in said.get("item", ())),
        sources=_sources(said),
    )


def _sources(said: Mapping[str, Any]) -> tuple[str, ...]:
    given = said.get("from", ())
    return (given,) if isinstance(given, str) else tuple(given)


def condition(said: Mapping[str, Any]) -> Test:
    """Return the test that all in `said` holds.

    By path: a list has what a value there may be, true and false ask whether there is any.
    """
    tests = [(every(path), wanted) for path, wanted in said.items()]

    def holds(source: Item) -> bool:
        for look, wanted in tests:
            found = look(source)
            is_met = bool(found) is wanted if type(wanted) is bool else _has_any(found, wanted)
            if not is_met:
                return False
        return True

    return holds


def _has_any(found: Sequence[Json], wanted: Sequence[Json]) -> bool:
    return any(one in wanted for one in found)


def _looking(said: Mapping[str, Any]) -> Look:
    """Return what finds the value of a row: the first path that leads anywhere, or `all` values."""
    paths = _sources(said)
    if said.get("all"):
        lists = [every(path) for path in paths]
        return lambda source: [one for look in lists for one in look(source)] or None
    looks = [first(path) for path in paths]
    if "where" in said:
        return _filtering(looks[0], said["where"])

    def looking(source: Item) -> Json:
        for look in looks:
            found = look(source)
            if found is not None:
                return found
        return None

    return looking


def _filtering(look: Look, where: Mapping[str, str]) -> Look:
    """Return what finds those of a list that agree with the item: by their path, that of it."""
    pairs = [(_names(path), first(other)) for path, other in where.items()]

    def filtering(source: Item) -> Json:
        wanted = [(names, other(source)) for names, other in pairs]
        found = [
            one
            for one in look(source) or ()
            if all(value is not None and _first(one, names) == value for names, value in wanted)
        ]
        return found or None

    return filtering


def first(path: str) -> Look:
    """Return what finds the first value at `path`, None if there is none."""
    begin, names = _begin(path)
    return lambda source: _first(begin(source), names)


def every(path: str) -> Callable[[Item], list[Json]]:
    """Return what finds all values at `path`."""
    begin, names = _begin(path)
    return lambda source: list(_every(begin(source), names))


def _begin(path: str) -> tuple[Look, tuple[str, ...]]:
    names = _names(path)
    match names[:1]:
        case ("record",):
            return (lambda source: source.record), names[1:]
        case ("parent",):
            return (lambda source: source.parent), names[1:]
    return (lambda source: source.item), names


def _names(path: str) -> tuple[str, ...]:
    return tuple(name for name in path.split(".") if name)


def _first(node: Json, names: tuple[str, ...]) -> Json:
    for place, name in enumerate(names):
        if type(node) is list:
            found = (_first(one, names[place:]) for one in node)
            return next((one for one in found if one is not None), None)
        if type(node) is not dict or name not in node:
            return None
        node = node[name]
    return node


def _every(node: Json, names: tuple[str, ...]) -> Iterator[Json]:
    if type(node) is list:
        for one in node:
            yield from _every(one, names)
    elif not names:
        if node is not None:
            yield node
    elif type(node) is dict and names[0] in node:
        yield from _every(node[names[0]], names[1:])


def _steps(path: str) -> Steps:
    found = [_STEP.fullmatch(part) for part in path.split(".")]
    if not all(found):
        raise WrongTableError(f"{path} is no path in a resource.")
    return tuple((one[1], int(one[2]) if one[2] else None) for one in found if one)


class _List(dict[int, Any]):
    """The items of a list by their places."""


def _put(target: dict[str, Any], steps: Steps, value: Json) -> None:
    node: Any = target
    for name, place in steps[:-1]:
        node = node.setdefault(name, {} if place is None else _List())
        if place is not None:
            node = node.setdefault(place, {})
    name, place = steps[-1]
    if place is not None:
        node.setdefault(name, _List())[place] = value
    elif type(value) is list and type(node.get(name)) is list:
        node[name] = [*node[name], *value]
    else:
        node[name] = value


def _without_gaps(node: Json) -> Json:
    if type(node) is _List:
        return [_without_gaps(node[place]) for place in sorted(node)]
    if type(node) is dict:
        return {name: _without_gaps(one) for name, one in node.items()}
    return node
