"""Checking one resource against compiled profiles: what a check knows, and what it tells.

A rule is a closure over one item; all rules of a check share a Run.

Spec: https://hl7.org/fhir/R4/validation.html
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from server.fhir.outcome import Issue
from server.profiles.invariants.evaluation import Scope
from server.profiles.invariants.items import Item, Model, Place
from server.profiles.steps import At, path
from server.terminology.membership import Membership


@dataclass(slots=True)
class Run:
    """One check. `profile` is the one whose rules are being applied, `find` knows others by URL.

    `scope` is what invariants are evaluated in; its budget bounds the whole check. `dated` tells
    for which day codes have to be valid; None means today.
    """

    profile: str
    model: Model
    scope: Scope
    membership: Membership
    find: "Callable[[str], Compiled | None]"
    dated: date | None
    issues: list[Issue]
    tells_support: bool = False
    """Whether elements are told of that must be supported and are not there."""

    def tell(
        self,
        code: str,
        message: str,
        at: At,
        arguments: Mapping[str, object] = MappingProxyType({}),
        severity: str = "error",
    ) -> None:
        """Note what is wrong at `at`."""
        told = {"profile": self.profile, **arguments}
        self.issues.append(Issue(code, message, told, path(at), severity))

    def fulfils(self, rules: "tuple[Rule, ...]", item: Item, at: At) -> bool:
        """Tell whether `item` breaks none of `rules`; what it breaks is not noted."""
        outside, self.issues = self.issues, []
        try:
            for rule in rules:
                rule(item, at, self)
            return not any(one.severity == "error" for one in self.issues)
        finally:
            self.issues = outside


Rule = Callable[[Item, At, Run], None]
"""Notes in the Run what is wrong with an item."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A profile that resources can be checked against.

    `url` is the canonical one with its version. `contexts` are those of an extension, as in
    ``StructureDefinition.context``.
    """

    url: str
    type: str
    status: str
    rules: tuple[Rule, ...]
    contexts: tuple[tuple[str, str], ...] = ()
    is_modifier: bool = False

    def check(self, item: Item, at: At, run: Run) -> None:
        """Note in `run` what of this profile `item` does not conform to."""
        outside, run.profile = run.profile, self.url
        scope = run.scope
        within = scope.resource
        if type(item.value) is dict and "resourceType" in item.value:
            scope.resource = item
        try:
            for rule in self.rules:
                rule(item, at, run)
        finally:
            run.profile, scope.resource = outside, within

    def is_met(self, item: Item, at: At, run: Run) -> bool:
        """Tell whether `item` conforms; nothing is noted."""
        return run.fulfils((self.check,), item, at)


class Together(Protocol):
    """What holds of all items of an element together: how they are sliced."""

    @property
    def needs_items(self) -> bool:
        """Whether there is something wrong where no items are."""

    def check(self, placed: "Sequence[tuple[Item, At]]", at: At, run: Run) -> None:
        """Note what is wrong with the items `placed` of the element at `at`."""


class Child(msgspec.Struct, frozen=True):
    """What holds of the element `name` of something: how often it may be there, and what it is.

    FHIRPath writes the name as `quoted`. `rules` hold of each occurrence, `slicing` of all.
    """

    name: str
    quoted: str
    low: int
    high: int | None
    is_supported: bool
    rules: tuple[Rule, ...]
    slicing: Together | None

    @property
    def is_needed(self) -> bool:
        """Tell whether there may be something to say where it is not."""
        needs = self.slicing is not None and self.slicing.needs_items
        return self.low > 0 or self.is_supported or needs

    def count(self, count: int, at: At, run: Run) -> None:
        """Note it if the element is not there `count` times, in what is at `at`."""
        name, where = self.name, (at, self.quoted, None)
        if count < self.low:
            told = {"element": name, "min": self.low, "found": count}
            run.tell("required", "profile-min", where, told)
        if self.high is not None and count > self.high:
            told = {"element": name, "max": self.high, "found": count}
            run.tell("structure", "profile-max", where, told)
        if not count and self.is_supported and run.tells_support:
            told = {"element": name}
            run.tell("informational", "profile-must-support", where, told, "information")

    def check(self, place: Place, value: Mapping[str, Any], at: At, run: Run) -> None:
        """Note what is wrong with the element, which is at `place` in `value`, which is at `at`."""
        found, called, rules = place.items(value), self.quoted, self.rules
        if self.high is not None or self.low > 1:
            self.count(len(found), at, run)
        placed: list[tuple[Item, At]]
        if place.is_many:
            run.scope.spend(len(found))
            placed = [(item, (at, called, index)) for index, item in enumerate(found)]
        else:
            placed = [(found[0], (at, called, None))]
        for item, here in placed:
            for rule in rules:
                rule(item, here, run)
        if self.slicing is not None:
            self.slicing.check(placed, (at, called, None), run)


def inside(children: "Sequence[Child]") -> Rule:
    """Return the rule of an item that has `children` to be checked, in their order.

    Most of them are not there and need not be: of these no more is done than to see that.
    """
    rows = [(one.name, one, one.is_needed) for one in children]
    cost = len(rows)

    def check(item: Item, at: At, run: Run) -> None:
        value, type_ = item.value, item.type
        if type(value) is not dict:
            value, type_ = item.beside or {}, "Element"
        run.scope.spend(cost)
        model = run.model
        names = model.names(type_)
        there = {names.get(key) for key in value}
        for name, child, is_needed in rows:
            place = model.place(type_, name, value) if name in there else None
            if place is not None:
                child.check(place, value, at, run)
            elif is_needed:
                child.count(0, at, run)
                if child.slicing is not None:
                    child.slicing.check((), (at, child.quoted, None), run)

    return check
