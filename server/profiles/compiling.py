"""From the tree of a profile to the rules that it has beyond the type it is about.

What R4 itself says of an element, the checks of structure and of invariants know; a rule is made of
what profiles have set only.

Spec: https://hl7.org/fhir/R4/profiling.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from server.profiles.coded_rules import bound
from server.profiles.conformance import Child, Rule, Run, inside
from server.profiles.constraint_rules import constraint_rule
from server.profiles.differentials import value_of
from server.profiles.discriminators import Discriminators, resolved
from server.profiles.element_tree import Node
from server.profiles.invariants.items import Item
from server.profiles.slicing import DEFAULT, Slice, Slicing
from server.profiles.snapshots import STRUCTURE_DEFINITION, Snapshots
from server.profiles.steps import At
from server.profiles.thorough import quoted
from server.profiles.value_rules import bounds, fixed, is_a, length, of_type, pattern

_SYSTEM = "http://hl7.org/fhirpath/System."
_BACKBONE = frozenset({"BackboneElement", "Element"})


@dataclass(frozen=True, slots=True)
class Compiler:
    """Makes rules of trees. `bases` is the one that each type specializes.

    `is_trusted` tells that the profiles come with the server: nobody wrote them to do harm.
    """

    snapshots: Snapshots
    bases: Mapping[str, str]
    is_trusted: bool

    def rules(self, node: Node, beside: Node | None = None) -> tuple[Rule, ...]:
        """Return what holds of each item of `node`. Raises Unprocessable if it cannot be read.

        What already holds by `beside` is left out: that is the element that `node` is a slice of.
        """
        return tuple(self._rules(node, beside))

    def _rules(self, node: Node, beside: Node | None) -> Iterator[Rule]:
        if "type" in node.own:
            yield from self._types(node)
        yield from _of_value(node)
        binding = node.definition.get("binding")
        if binding is not None and not _has_binding(beside, binding):
            yield from bound(binding)
        if "constraint" in node.own:
            for one in node.definition["constraint"]:
                if self._is_of_profile(one):
                    yield constraint_rule(one, is_trusted=self.is_trusted)
        others = beside.children if beside is not None else {}
        found = (self._child(one, others.get(name)) for name, one in node.children.items())
        children = [one for one in found if one is not None]
        if children:
            yield inside(children)

    def _is_of_profile(self, constraint: Mapping[str, Any]) -> bool:
        """Tell whether a profile has set `constraint`, and not the type itself."""
        name = constraint.get("source", "").removeprefix(STRUCTURE_DEFINITION)
        return bool(name) and name not in self.snapshots.facts.types

    def _child(self, node: Node, beside: Node | None) -> Child | None:
        """Return what holds of the element `node`, None if profiles say nothing of it."""
        own = node.own
        rules, slicing = self.rules(node, beside), self._slicing(node)
        is_supported = bool(node.definition.get("mustSupport")) and "mustSupport" in own
        low = node.min if "min" in own else 0
        high = node.max if "max" in own else None
        if not (rules or slicing or low or high is not None or is_supported):
            return None
        name = node.name.removesuffix("[x]")
        return Child(name, quoted(name), low, high, is_supported, rules, slicing)

    def _slicing(self, node: Node) -> Slicing | None:
        return self._sliced(node, node, "") if node.slices else None

    def _sliced(self, node: Node, whole: Node, above: str) -> Slicing | None:
        """Return how `whole`, which is `node` or its slice `above`, is sliced."""
        depth = above.count("/") + 1 if above else 0
        names = [
            name
            for name in node.slices
            if name.count("/") == depth and (not above or name.startswith(f"{above}/"))
        ]
        slicing = whole.definition.get("slicing")
        if not names or slicing is None:
            return None
        matchers = Discriminators(self.snapshots, self.bases, self.rules)
        slices = []
        # What belongs to no other slice belongs to the default one, which is asked last.
        for name in sorted(names, key=lambda one: one == DEFAULT):
            one = node.slices[name]
            matches = _any if name == DEFAULT else matchers.matcher(slicing, one)
            key = None if name == DEFAULT else matchers.key(slicing, one)
            inner, rules = self._sliced(node, one, name), self.rules(one, node)
            slices.append(Slice(name, matches, one.min, one.max, rules, inner, key))
        kind = slicing.get("rules")
        is_ordered = slicing.get("ordered", False)
        name = node.name.removesuffix("[x]")
        return Slicing(name, tuple(slices), kind == "closed", kind == "openAtEnd", is_ordered)

    def _types(self, node: Node) -> Iterator[Rule]:
        codes = frozenset(one for one in node.codes if not one.startswith(_SYSTEM))
        if codes and not codes & _BACKBONE and "contentReference" not in node.definition:
            yield of_type(codes, self.bases)
        profiled = {one["code"]: tuple(one.get("profile", ())) for one in node.types}
        # Every extension is checked against its own definition, wherever it is.
        wanted = {code: urls for code, urls in profiled.items() if urls and code != "Extension"}
        if wanted:
            yield self._profiled(wanted)
        targets = [one for one in node.types if one["code"] == "Reference"]
        urls = tuple(url for one in targets for url in one.get("targetProfile", ()))
        if urls:
            yield self._targets(urls)

    def _profiled(self, wanted: Mapping[str, tuple[str, ...]]) -> Rule:
        def check(item: Item, at: At, run: Run) -> None:
            for code, urls in wanted.items():
                if is_a(item.type, frozenset({code}), self.bases):
                    _check_any(item, urls, at, run)

        return check

    def _targets(self, urls: tuple[str, ...]) -> Rule:
        types = {url: self.snapshots.type_of(url) for url in urls}
        known = frozenset(name for name in types.values() if name)
        listed = ", ".join(sorted(known))
        is_open = None in types.values() or "Resource" in known

        def check(item: Item, at: At, run: Run) -> None:
            if item.type != "Reference":
                return
            for target in resolved(item, run):
                if not is_open and not is_a(target.type, known, self.bases):
                    run.tell(
                        "value", "profile-target", at, {"allowed": listed, "type": target.type[:60]}
                    )
                elif "id" in target.value:
                    fitting = tuple(url for url in urls if types[url] == target.type)
                    _check_any(target, fitting, at, run)

        return check


def _of_value(node: Node) -> Iterator[Rule]:
    """Yield the rules that need nothing but the value."""
    own, definition = node.own, node.definition
    for kind, rule in (("fixed", fixed), ("pattern", pattern)):
        value = value_of(definition, kind)
        if value is not None and value[0] in own:
            yield rule(value[1])
    if "maxLength" in own:
        yield length(definition["maxLength"])
    low, high = (value_of(definition, kind) for kind in ("minValue", "maxValue"))
    if any(one is not None and one[0] in own for one in (low, high)):
        yield bounds(low and low[1], high and high[1])


def _has_binding(node: Node | None, binding: Mapping[str, Any]) -> bool:
    return node is not None and node.definition.get("binding") == binding


def _any(_item: Item, _at: At, _run: Run) -> bool:
    return True


def _check_any(item: Item, urls: tuple[str, ...], at: At, run: Run) -> None:
    """Note it if `item` conforms to none of the profiles `urls`; of a single one, why not."""
    found = [(url, run.find(url)) for url in urls]
    for url, compiled in found:
        if compiled is None:
            run.tell("not-found", "profile-not-checked", at, {"profile": url[:200]}, "warning")
            return
    compiled_ones = [one for _, one in found if one is not None]
    if len(compiled_ones) == 1:
        compiled_ones[0].check(item, at, run)
    elif compiled_ones and not any(one.is_met(item, at, run) for one in compiled_ones):
        run.tell("structure", "profile-none-fits", at, {"profiles": ", ".join(urls)[:500]})


def extension_contexts(definition: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of type and expression in ``StructureDefinition.context``."""
    return tuple((one["type"], one["expression"]) for one in definition.get("context", ()))
