"""Which slice each item belongs to, and what holds of each slice.

Spec: https://hl7.org/fhir/R4/profiling.html#slicing
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from server.profiles.conformance import Rule, Run
from server.profiles.invariants.items import Item
from server.profiles.steps import At

Matches = Callable[[Item, At, Run], bool]
"""Tells whether an item belongs to a slice."""
Placed = Sequence[tuple[Item, At]]
DEFAULT = "@default"
"""The slice of what belongs to no other one."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice; `rules` hold of each of its items, `inner` of how it is sliced again.

    `key` is the name and the text by which alone an item belongs to it, where that is so.
    """

    name: str
    matches: Matches
    low: int
    high: int | None
    rules: tuple[Rule, ...]
    inner: "Slicing | None" = None
    key: tuple[str, str] | None = None

    @property
    def needs_items(self) -> bool:
        """Tell whether there is something wrong where none of it are."""
        return self.low > 0 or (self.inner is not None and self.inner.needs_items)


@dataclass(frozen=True, slots=True)
class Slicing:
    """How the element `name` is sliced: `slices` in their order, by which an item is taken in.

    `is_closed` and `is_open_at_end` are what ``rules`` says, `is_ordered` what ``ordered`` says.
    """

    name: str
    slices: tuple[Slice, ...]
    is_closed: bool
    is_open_at_end: bool
    is_ordered: bool
    _needed: frozenset[int] = field(init=False, repr=False)
    _key: str | None = field(init=False, repr=False)
    _by_key: Mapping[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """See by which property all slices are told apart, if there is one."""
        keys = [one.key for one in self.slices if one.key is not None]
        by_key = {text: place for place, (_, text) in reversed([*enumerate(keys)])}
        is_keyed = len(keys) == len(self.slices) and len({name for name, _ in keys}) == 1
        needed = (place for place, one in enumerate(self.slices) if one.needs_items)
        object.__setattr__(self, "_needed", frozenset(needed))
        object.__setattr__(self, "_key", keys[0][0] if is_keyed else None)
        object.__setattr__(self, "_by_key", by_key)

    @property
    def needs_items(self) -> bool:
        """Tell whether there is something wrong where no items are."""
        return bool(self._needed)

    def check(self, placed: Placed, at: At, run: Run) -> None:
        """Note what is wrong with the slices of the items `placed` of the element at `at`."""
        members: dict[int, list[tuple[Item, At]]] = {}
        last, is_after_all = -1, False
        told = {"element": self.name}
        run.scope.spend(len(placed) * len(self.slices))
        for item, here in placed:
            place = self._place(item, here, run)
            if place is None:
                is_after_all = True
                if self.is_closed:
                    run.tell("structure", "profile-slice-closed", here, told)
                continue
            members.setdefault(place, []).append((item, here))
            if self.is_open_at_end and is_after_all:
                run.tell("structure", "profile-slice-not-at-end", here, told)
            if self.is_ordered and place < last:
                run.tell("structure", "profile-slice-order", here, told)
            last = max(last, place)
        for place in sorted(self._needed.union(members)):
            _check_slice(self.name, self.slices[place], members.get(place, ()), at, run)

    def _place(self, item: Item, at: At, run: Run) -> int | None:
        if self._key is not None and type(item.value) is dict:
            text = item.value.get(self._key)
            if type(text) is str:
                return self._by_key.get(text)
        for place, one in enumerate(self.slices):
            if one.matches(item, at, run):
                return place
        return None


def _check_slice(name: str, one: Slice, found: Placed, at: At, run: Run) -> None:
    count, called = len(found), f"{name}:{one.name}"
    if count < one.low:
        told = {"element": called, "min": one.low, "found": count}
        run.tell("required", "profile-slice-min", at, told)
    if one.high is not None and count > one.high:
        told = {"element": called, "max": one.high, "found": count}
        run.tell("structure", "profile-slice-max", at, told)
    for item, here in found:
        for rule in one.rules:
            rule(item, here, run)
    if one.inner is not None:
        one.inner.check(found, at, run)
