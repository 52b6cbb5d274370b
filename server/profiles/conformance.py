"""Checking one resource against compiled profiles: what a check knows, and what it tells.

A rule is a closure over one item; all rules of a check share a Run. Where an item is, is kept as a
chain of steps, which is written out only for what is at fault.

Spec: https://hl7.org/fhir/R4/validation.html
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Protocol

from server.fhir.outcome import Issue
from server.profiles.invariants.evaluation import Scope
from server.profiles.invariants.items import Item, Model
from server.profiles.thorough import quoted
from server.terminology.membership import Membership

At = tuple["At | None", str, int | None]
"""Where an item is: inside what, under which name, and at which place if it is one of several."""


def path(at: At | None) -> str:
    """Return `at` as FHIRPath: ``Patient.identifier[1].system``."""
    parts: list[str] = []
    while at is not None:
        at, name, place = at
        parts.append(name if place is None else f"{name}[{place}]")
    return ".".join(reversed(parts))


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

    def check(self, placed: "Sequence[tuple[Item, At]]", at: At, run: Run) -> None:
        """Note what is wrong with the items `placed` of the element at `at`."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """How often the element `name` may be there, and whether it must be supported."""

    name: str
    low: int
    high: int | None
    is_supported: bool


def element(occurs: Occurrence, rules: tuple[Rule, ...], slicing: Together | None) -> Rule:
    """Return the rule of an item with the element that `occurs` is about.

    `rules` hold of each occurrence, `slicing` of all together.
    """
    name, low, high, is_supported = occurs.name, occurs.low, occurs.high, occurs.is_supported
    called = quoted(name)

    def check(parent: Item, at: At, run: Run) -> None:
        found, is_many = run.model.located(parent, name)
        count = len(found)
        run.scope.spend(count + 1)
        if count < low:
            told = {"element": name, "min": low, "found": count}
            run.tell("required", "profile-min", (at, called, None), told)
        if high is not None and count > high:
            told = {"element": name, "max": high, "found": count}
            run.tell("structure", "profile-max", (at, called, None), told)
        if not count and is_supported and run.tells_support:
            where: At = (at, called, None)
            told = {"element": name}
            run.tell("informational", "profile-must-support", where, told, "information")
        if not (count and rules) and slicing is None:
            return
        placed: list[tuple[Item, At]] = [
            (item, (at, called, place if is_many else None)) for place, item in enumerate(found)
        ]
        for item, here in placed:
            for rule in rules:
                rule(item, here, run)
        if slicing is not None:
            slicing.check(placed, (at, called, None), run)

    return check
