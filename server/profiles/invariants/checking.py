"""The invariants of R4's types, evaluated.

What R4's own expressions cannot tell, such as which of two dates of different precision is earlier,
is no fault. Those that the check of structure knows in its own way are left out.

Spec: https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import cache
from itertools import chain
from typing import Any

import msgspec

from server.fhir.outcome import Issue
from server.profiles.definitions import Constraint, Definitions
from server.profiles.invariants.evaluation import Evaluate, Scope, TooMuch, compiled
from server.profiles.invariants.functions import FUNCTIONS
from server.profiles.invariants.items import Item, Model, is_true, resource
from server.profiles.invariants.shortcuts import SHORTCUTS, Holds
from server.profiles.shapes import Slot
from server.profiles.steps import At, path
from server.profiles.targets import Targets

IN_STRUCTURE = frozenset({"ele-1", "ext-1", "dom-2", "txt-1", "txt-2"})
"""Those that `server.profiles.structure` checks."""
_BUDGET = 500_000
"""How many values may be looked at for one resource, which takes about a second."""


MOST = 500
"""How many faults are noted: nobody reads more."""


@dataclass(frozen=True, slots=True)
class _Rule:
    constraint: Constraint
    holds: Evaluate
    is_surely_kept: Holds | None


class _Way(msgspec.Struct, frozen=True):
    """What stands in a property of which there is something to say, or of what is inside it.

    `type` is None for a resource; `targets` are those of a reference.
    """

    name: str
    type: str | None
    rules: tuple[_Rule, ...]
    targets: frozenset[str]


@dataclass(frozen=True, slots=True)
class Invariants:
    """All invariants, each compiled when it is first needed. A date without a zone is in `zone`.

    With them goes what R4 says of references: to what they may point (`Targets`).
    """

    definitions: Definitions
    model: Model
    zone: tzinfo
    _found: dict[tuple[str, str], tuple[_Rule, ...]] = field(default_factory=dict)
    _ways: dict[str, Mapping[str, _Way]] = field(default_factory=dict)

    def faults(self, value: Mapping[str, Any]) -> list[Issue]:
        """Return each invariant that the resource `value`, whose structure is valid, breaks.

        If it would take too long, the last issue tells that not all was looked at. After 501 faults
        it is not, either.
        """
        whole = resource(value)
        scope = Scope(self.model, self.zone, whole, whole, whole, _BUDGET)
        walk = _Walk(self, scope, Targets(self.definitions.resource_types), [])
        at: At = (None, whole.type, None)
        try:
            walk.element(value, whole.type, self.rules_of(whole.type, "Resource"), at)
        except TooMuch:
            walk.found.append(
                Issue("too-costly", "invariants-too-costly", {}, whole.type, "warning")
            )
        return walk.found

    def ways(self, type: str) -> Mapping[str, _Way]:
        """Return what there is to look at in a value of `type`, by property."""
        found = self._ways.get(type)
        if found is None:
            slots = self.model.shapes[type].slots
            ways = {key: self._way(slot) for key, slot in slots.items()}
            is_plain = {key for key, slot in slots.items() if slot.primitive}
            found = {key: way for key, way in ways.items() if way.rules or key not in is_plain}
            self._ways[type] = found
        return found

    def _way(self, slot: Slot) -> _Way:
        is_resource, is_reference = slot.type == "Resource", slot.type == "Reference"
        rules = () if is_resource else self.rules_of(slot.type, slot.element.path)
        targets = frozenset(slot.element.targets if is_reference else ())
        return _Way(slot.name, None if is_resource else slot.type, rules, targets)

    def rules_of(self, type: str, declared: str) -> tuple[_Rule, ...]:
        """Return the rules for a value of `type` in the element `declared`."""
        known = self._found.get((type, declared))
        if known is None:
            names, name = [declared], type
            while name is not None and name not in names:
                names.append(name)
                name = self.definitions.bases.get(name, "")
            declared_there = (self.definitions.constraints.get(one, ()) for one in names)
            known = tuple(
                _Rule(one, _compiled(one.expression), SHORTCUTS.get(one.key))
                for one in chain.from_iterable(declared_there)
                if one.key not in IN_STRUCTURE
            )
            self._found[type, declared] = known
        return known


@dataclass(frozen=True, slots=True)
class _Walk:
    """One check, which goes through a resource and notes what it finds."""

    by: Invariants
    scope: Scope
    targets: Targets
    found: list[Issue]

    def element(self, value: Any, type_: str, rules: tuple[_Rule, ...], at: At) -> None:  # noqa: ANN401
        """Check `value` by `rules`, and what is inside it."""
        scope = self.scope
        scope.spend(1)
        if rules:
            item = Item(value, type_)
            start = [item]
            for rule in rules:
                if rule.is_surely_kept is not None and rule.is_surely_kept(value):
                    continue
                scope.context = item
                if is_true(rule.holds(scope, start)) is False:
                    self.found.append(_broken(rule.constraint, path(at)))
        if type(value) is not dict or len(self.found) > MOST:
            return
        ways = self.by.ways(type_)
        for key, content in value.items():
            way = ways.get(key)
            if way is None:
                continue
            if type(content) is not list:
                self._content(content, way, (at, way.name, None))
                continue
            for place, one in enumerate(content):
                self._content(one, way, (at, way.name, place))

    def _content(self, value: Any, way: _Way, at: At) -> None:  # noqa: ANN401
        if way.type is None:
            self._resource(value, way, at)
            return
        self.element(value, way.type, way.rules, at)
        if way.type == "Reference":
            fault = self.targets.fault(value, way.targets, self.scope.root.value)
            if fault is not None:
                self.found.append(Issue("value", *fault, path(at)))

    def _resource(self, value: Mapping[str, Any], way: _Way, at: At) -> None:
        scope, inner = self.scope, resource(value)
        outside = scope.resource, scope.root
        # A contained resource is within its container; any other stands by itself.
        root = scope.root if way.name == "contained" else inner
        scope.resource, scope.root = inner, root
        self.element(value, inner.type, self.by.rules_of(inner.type, "Resource"), at)
        scope.resource, scope.root = outside


@cache
def _compiled(expression: str) -> Evaluate:
    return compiled(expression, FUNCTIONS)


def _broken(constraint: Constraint, path: str) -> Issue:
    message = "invariant-broken" if constraint.severity == "error" else "invariant-advice"
    arguments = {"key": constraint.key, "expression": constraint.expression}
    return Issue("invariant", message, arguments, path, constraint.severity)
