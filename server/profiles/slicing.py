"""Which slice each item belongs to, and what holds of each slice.

Spec: https://hl7.org/fhir/R4/profiling.html#slicing
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from server.profiles.conformance import At, Rule, Run
from server.profiles.invariants.items import Item

Matches = Callable[[Item, At, Run], bool]
"""Tells whether an item belongs to a slice."""
Placed = Sequence[tuple[Item, At]]
DEFAULT = "@default"
"""The slice of what belongs to no other one."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice; `rules` hold of each of its items, `inner` of how it is sliced again."""

    name: str
    matches: Matches
    low: int
    high: int | None
    rules: tuple[Rule, ...]
    inner: "Slicing | None" = None


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

    def check(self, placed: Placed, at: At, run: Run) -> None:
        """Note what is wrong with the slices of the items `placed` of the element at `at`."""
        members: list[list[tuple[Item, At]]] = [[] for _ in self.slices]
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
            members[place].append((item, here))
            if self.is_open_at_end and is_after_all:
                run.tell("structure", "profile-slice-not-at-end", here, told)
            if self.is_ordered and place < last:
                run.tell("structure", "profile-slice-order", here, told)
            last = max(last, place)
        for one, found in zip(self.slices, members, strict=True):
            _check_slice(self.name, one, found, at, run)

    def _place(self, item: Item, at: At, run: Run) -> int | None:
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
