"""What changed between two versions of a resource, element by element.

Changes are in the order in which they turn the one into the other: the position in a path is that
of the moment when it is its turn. Version and time, which differ always, are left out.

Spec: https://hl7.org/fhir/R4/fhirpatch.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Literal

import orjson

from server.profiles.shapes import Shape, Slot

Kind = Literal["insert", "replace", "delete"]
_UNCOMPARED = frozenset({"versionId", "lastUpdated"})
_MOST_PAIRS = 250_000
"""Of two lists with more pairs of items than this, what is at the same place is compared."""
_MOST_IN_ALL = 8 * _MOST_PAIRS
"""So many pairs are looked at in one resource, however many lists it has: about half a second."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value: `type` is its FHIR type or the path of a backbone element.

    `beside` has the id and the extensions of a primitive.
    """

    type: str
    value: Any
    beside: Mapping[str, Any] | None = None

    def key(self) -> bytes:
        """Return what only equal values have in common; digits count, order does not."""
        return orjson.dumps([self.type, self.value, self.beside], option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True)
class Change:
    """One change at `path`, of what is there; what is inserted stands at `index` of a list."""

    kind: Kind
    path: str
    before: Value | None = None
    after: Value | None = None
    index: int | None = None


@dataclass(slots=True)
class _Room:
    """How many `pairs` of items may still be looked at."""

    pairs: int = _MOST_IN_ALL

    def take(self, pairs: int) -> bool:
        """Tell whether so many `pairs` may be looked at, and have room for as many less."""
        if pairs > min(_MOST_PAIRS, self.pairs):
            return False
        self.pairs -= pairs
        return True


@dataclass(frozen=True, slots=True)
class Differences:
    """Finds changes, by the `shapes` of R4's types; there is `_room` for those of one resource."""

    shapes: Mapping[str, Shape]
    _room: _Room = field(default_factory=_Room)

    def between(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
        """Yield what changed between two resources of one type, as `json.exact` gives them."""
        type = before["resourceType"]
        yield from Differences(self.shapes)._object(type, before, after, type)  # noqa: SLF001 - room anew

    def _object(
        self, type: str, before: Mapping[str, Any], after: Mapping[str, Any], path: str
    ) -> Iterator[Change]:
        for name, places in self._named(type).items():
            if type == "Meta" and name in _UNCOMPARED:
                continue
            old, new = _values(before, places), _values(after, places)
            if places[0][1].many:
                yield from self._list(old, new, f"{path}.{name}")
            else:
                yield from self._single(next(iter(old), None), next(iter(new), None), path, name)

    def elements(self, value: Value) -> Iterator[tuple[str, Value]]:
        """Yield the elements of `value`, which is no primitive, each with its name."""
        for name, places in self._named(value.type).items():
            for one in _values(value.value, places):
                yield name, one

    def _named(self, type: str) -> dict[str, list[tuple[str, Slot]]]:
        """Return where the elements of `type` are, by name: a choice has several places."""
        found: dict[str, list[tuple[str, Slot]]] = {}
        for key, slot in self.shapes[type].slots.items():
            found.setdefault(slot.name, []).append((key, slot))
        return found

    def _single(
        self, before: Value | None, after: Value | None, path: str, name: str
    ) -> Iterator[Change]:
        here = f"{path}.{name}"
        if before is None:
            if after is not None:
                yield Change("insert", here, None, after)
        elif after is None:
            yield Change("delete", here, before)
        else:
            yield from self._both(before, after, here)

    def _both(self, before: Value, after: Value, path: str) -> Iterator[Change]:
        if before.key() == after.key():
            return
        is_same = before.type == after.type and before.type in self.shapes
        if is_same and before.value.get("id") == after.value.get("id"):
            yield from self._object(before.type, before.value, after.value, path)
        else:
            yield Change("replace", path, before, after)

    def _list(self, before: Sequence[Value], after: Sequence[Value], path: str) -> Iterator[Change]:
        shift = 0
        for start, end, new_start, new_end in self._blocks(before, after):
            common = min(end - start, new_end - new_start)
            for offset in range(common):
                here = f"{path}[{start + offset + shift}]"
                yield from self._both(before[start + offset], after[new_start + offset], here)
            gone = before[start + common : end]
            for old in gone:
                yield Change("delete", f"{path}[{start + common + shift}]", old)
            shift -= len(gone)
            for new in after[new_start + common : new_end]:
                yield Change("insert", path, None, new, end + shift)
                shift += 1

    def _blocks(
        self, before: Sequence[Value], after: Sequence[Value]
    ) -> Iterator[tuple[int, int, int, int]]:
        """Yield the parts of two lists that differ, each as (start, end) in one and the other."""
        if not self._room.take(len(before) * len(after)):
            yield 0, len(before), 0, len(after)
            return
        keys = [one.key() for one in before], [one.key() for one in after]
        for tag, *block in SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
            if tag != "equal":
                start, end, new_start, new_end = block
                yield start, end, new_start, new_end


def _values(parent: Mapping[str, Any], places: Sequence[tuple[str, Slot]]) -> list[Value]:
    """Return the values of one element of `parent`, which may be in one of several `places`."""
    found: list[Value] = []
    for key, slot in places:
        value, beside = parent.get(key), parent.get(f"_{key}") if slot.primitive else None
        if value is None and beside is None:
            continue
        if not slot.many:
            found.append(_value(slot, value, beside))
            continue
        values, siblings = value or [], beside or []
        for index in range(max(len(values), len(siblings))):
            one = values[index] if index < len(values) else None
            found.append(_value(slot, one, siblings[index] if index < len(siblings) else None))
    return found


def _value(slot: Slot, value: Any, beside: Mapping[str, Any] | None) -> Value:  # noqa: ANN401  # JSON
    type = value["resourceType"] if slot.type == "Resource" else slot.type
    return Value(type, value, beside)
