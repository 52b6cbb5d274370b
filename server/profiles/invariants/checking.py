"""The invariants of R4's types, evaluated.

What R4's own expressions cannot tell, such as which of two dates of different precision is earlier,
is no fault. Those that the check of structure knows in its own way are left out.

Spec: https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import cache
from itertools import chain
from typing import Any

from server.fhir.outcome import Issue
from server.profiles.definitions import Constraint, Definitions
from server.profiles.invariants.evaluation import Evaluate, Scope, TooMuch, compiled
from server.profiles.invariants.functions import FUNCTIONS
from server.profiles.invariants.items import Item, Model, is_true, resource
from server.profiles.shapes import Slot

IN_STRUCTURE = frozenset({"ele-1", "ext-1", "dom-2", "txt-1", "txt-2"})
"""Those that `server.profiles.structure` checks."""
_BUDGET = 500_000
"""How many values may be looked at for one resource, which takes about a second."""


@dataclass(frozen=True, slots=True)
class _Rule:
    constraint: Constraint
    holds: Evaluate


@dataclass(frozen=True, slots=True)
class Invariants:
    """All invariants, each compiled when it is first needed. A date without a zone is in `zone`."""

    definitions: Definitions
    model: Model
    zone: tzinfo
    _found: dict[tuple[str, str], tuple[_Rule, ...]] = field(default_factory=dict)

    def faults(self, value: Mapping[str, Any]) -> Iterator[Issue]:
        """Yield each invariant that the resource `value`, whose structure is valid, breaks.

        Of one that would take too long, the last issue tells that not all was looked at.
        """
        whole = resource(value)
        scope = Scope(self.model, self.zone, whole, whole, whole, _BUDGET)
        try:
            yield from self._resource(whole, whole.type, scope)
        except TooMuch:
            yield Issue("too-costly", "invariants-too-costly", {}, whole.type, "warning")

    def _resource(self, item: Item, path: str, scope: Scope) -> Iterator[Issue]:
        yield from self._element(item, "Resource", path, scope)

    def _element(self, item: Item, declared: str, path: str, scope: Scope) -> Iterator[Issue]:
        scope.spend(1)
        for rule in self._rules_of(item.type, declared):
            scope.context = item
            if is_true(rule.holds(scope, [item])) is False:
                yield _broken(rule.constraint, path)
        if type(item.value) is dict:
            yield from self._inside(item, path, scope)

    def _inside(self, item: Item, path: str, scope: Scope) -> Iterator[Issue]:
        shape = self.model.shapes[item.type]
        for key, slot in shape.slots.items():
            if key not in item.value or (slot.primitive and not self._has_rules(slot)):
                continue
            values = item.value[key]
            for place, value in enumerate(values if slot.many else (values,)):
                where = f"{path}.{slot.name}[{place}]" if slot.many else f"{path}.{slot.name}"
                yield from self._value(value, slot, where, scope)

    def _value(self, value: Any, slot: Slot, path: str, scope: Scope) -> Iterator[Issue]:  # noqa: ANN401
        if slot.type != "Resource":
            yield from self._element(Item(value, slot.type), slot.element.path, path, scope)
            return
        inner, outside = resource(value), (scope.resource, scope.root)
        # A contained resource is within its container; any other stands by itself.
        root = scope.root if slot.name == "contained" else inner
        scope.resource, scope.root = inner, root
        yield from self._resource(inner, path, scope)
        scope.resource, scope.root = outside

    def _has_rules(self, slot: Slot) -> bool:
        return bool(self._rules_of(slot.type, slot.element.path))

    def _rules_of(self, type: str, declared: str) -> tuple[_Rule, ...]:
        """Return the rules for a value of `type` in the element `declared`."""
        known = self._found.get((type, declared))
        if known is None:
            names, name = [declared], type
            while name is not None and name not in names:
                names.append(name)
                name = self.definitions.bases.get(name, "")
            declared_there = (self.definitions.constraints.get(one, ()) for one in names)
            known = tuple(
                _Rule(one, _compiled(one.expression))
                for one in chain.from_iterable(declared_there)
                if one.key not in IN_STRUCTURE
            )
            self._found[type, declared] = known
        return known


@cache
def _compiled(expression: str) -> Evaluate:
    return compiled(expression, FUNCTIONS)


def _broken(constraint: Constraint, path: str) -> Issue:
    message = "invariant-broken" if constraint.severity == "error" else "invariant-advice"
    arguments = {"key": constraint.key, "expression": constraint.expression}
    return Issue("invariant", message, arguments, path, constraint.severity)
