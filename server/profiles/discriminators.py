"""By what an item is told to belong to a slice.

A discriminator names a place inside the item; what the slice says of that place decides. Where it
says nothing of the place itself, what it says of what is inside decides.

Spec: https://hl7.org/fhir/R4/profiling.html#discriminator
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.fhir.outcome import Unprocessable
from server.profiles.conformance import Rule, Run
from server.profiles.differentials import value_of
from server.profiles.element_tree import Node
from server.profiles.invariants.items import Item
from server.profiles.references import target_type
from server.profiles.slicing import Matches
from server.profiles.snapshots import Snapshots
from server.profiles.steps import At
from server.profiles.value_rules import contains, equals, is_a
from server.terminology.membership import Code

_STEPS = re.compile(
    r"\s*(?:(\$this)|extension\('([^']+)'\)|(resolve)\(\)|ofType\((\w+)\)|(\w+))\s*(?:\.|$)"
)
_KINDS = ("this", "extension", "resolve", "ofType", "name")
_Way = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Discriminators:
    """Makes the matchers of slices; `rules` compiles what holds of a node."""

    snapshots: Snapshots
    bases: Mapping[str, str]
    rules: Callable[[Node], tuple[Rule, ...]]

    def matcher(self, slicing: Mapping[str, Any], node: Node) -> Matches:
        """Return what tells whether an item belongs to the slice `node`.

        Raises Unprocessable if a discriminator cannot be read.
        """
        found = [self._one(each, node) for each in slicing.get("discriminator", ())]
        if not found:
            return self._by_content(node)
        if len(found) == 1:
            return found[0]
        return lambda item, at, run: all(one(item, at, run) for one in found)

    def key(self, slicing: Mapping[str, Any], node: Node) -> tuple[str, str] | None:
        """Return the name and the text that alone tell whether an item belongs to `node`, if any.

        That is so for most: for extensions by their URL, for identifiers by their system.
        """
        match slicing.get("discriminator", ()):
            case [{"type": "value" | "pattern", "path": path}]:
                way = _way(path)
                found = [*_inherited(node, way), *_said(self._reached(node, way))]
                match way, found:
                    case [("name", name)], [(("fixed" | "pattern"), str(text))]:
                        return name, text
        return None

    def _one(self, discriminator: Mapping[str, Any], node: Node) -> Matches:
        way = _way(discriminator["path"])
        kind = discriminator["type"]
        reached = list(self._reached(node, way))
        match kind:
            case "exists":
                return _exists(way, reached)
            case "type":
                return self._type(way, reached)
            case "profile":
                return self._profile(way, reached)
        return self._value(way, node, reached)

    def _value(self, way: _Way, node: Node, reached: list[Node]) -> Matches:
        criteria = [*_inherited(node, way), *_said(reached)]
        if criteria:
            return lambda item, _at, run: _has_all(selected(item, way, run), criteria, run)
        inner = tuple(rule for each in reached for rule in self.rules(each))
        if inner:
            return lambda item, at, run: any(
                run.fulfils(inner, one, at) for one in selected(item, way, run)
            )
        return self._by_content(node)

    def _by_content(self, node: Node) -> Matches:
        rules = self.rules(node)
        return lambda item, at, run: run.fulfils(rules, item, at)

    def _type(self, way: _Way, reached: list[Node]) -> Matches:
        is_target = way[-1][0] == "resolve"
        codes = set[str]()
        for each in reached:
            for one in each.types:
                targets = one.get("targetProfile", ()) if is_target else ()
                known = (self.snapshots.type_of(url) for url in targets)
                codes |= {name for name in known if name} if is_target else {one["code"]}
        allowed = frozenset(codes)
        return lambda item, _at, run: any(
            is_a(one.type, allowed, self.bases) for one in selected(item, way, run)
        )

    def _profile(self, way: _Way, reached: list[Node]) -> Matches:
        key = "targetProfile" if way[-1][0] == "resolve" else "profile"
        urls = [url for each in reached for one in each.types for url in one.get(key, ())]

        def matches(item: Item, at: At, run: Run) -> bool:
            for one in selected(item, way, run):
                compiled = (run.find(url) for url in urls)
                if any(known is not None and known.is_met(one, at, run) for known in compiled):
                    return True
            return False

        return matches

    def _reached(self, node: Node, way: _Way) -> Iterator[Node]:
        """Yield the elements that `way` leads to from `node`, and the slices that must be there."""
        if not way:
            yield node
            yield from (one for one in node.slices.values() if one.min > 0)
            return
        (kind, name), rest = way[0], way[1:]
        if kind in ("this", "resolve", "ofType"):
            yield from self._reached(node, rest)
            return
        for one in (node, *(each for each in node.slices.values() if each.min > 0)):
            inside = self.snapshots.inside(one)
            if inside is None:
                continue
            if kind == "extension":
                slices = inside.children["extension"].slices.values()
                found = [each for each in slices if _url(self.snapshots, each) == name]
            else:
                found = list(_named(inside, name))
            for each in found:
                yield from self._reached(each, rest)


def _named(node: Node, name: str) -> Iterator[Node]:
    for key, child in node.children.items():
        if key.removesuffix("[x]") == name:
            yield child


def _url(snapshots: Snapshots, node: Node) -> str | None:
    inside = snapshots.inside(node)
    url = inside.children.get("url") if inside is not None else None
    value = value_of(url.definition, "fixed") if url is not None else None
    return None if value is None else str(value[1])


def _way(path: str) -> list[tuple[str, str]]:
    found, place = list[tuple[str, str]](), 0
    while place < len(path) and len(found) < 20:
        step = _STEPS.match(path, place)
        if step is None:
            raise Unprocessable.because("discriminator-unreadable", path=path[:100])
        group = next(one for one in range(1, 6) if step[one] is not None)
        found.append((_KINDS[group - 1], step[group]))
        place = step.end()
    return found or [("this", "$this")]


def selected(item: Item, way: _Way, run: Run) -> list[Item]:
    """Return the items that `way` leads to from `item`."""
    found = [item]
    for kind, name in way:
        match kind:
            case "this":
                continue
            case "ofType":
                found = [one for one in found if one.type == name]
            case "resolve":
                found = [target for one in found for target in resolved(one, run)]
            case "extension":
                there = (each for one in found for each in run.model.named(one, "extension"))
                found = [one for one in there if one.value.get("url") == name]
            case _:
                found = [each for one in found for each in run.model.named(one, name)]
        run.scope.spend(len(found) + 1)
    return found


def resolved(reference: Item, run: Run) -> Iterator[Item]:
    """Yield what `reference` points to: a contained resource, or the mere type of another one."""
    if type(reference.value) is not dict:
        return
    text = reference.value.get("reference")
    if type(text) is str and text.startswith("#"):
        for one in run.model.named(run.scope.root, "contained"):
            if one.value.get("id") == text[1:]:
                yield one
        return
    name = target_type(text) if type(text) is str else None
    name = name or reference.value.get("type")
    if name:
        yield Item({"resourceType": name}, name)


Criterion = tuple[str, Any]


def _criteria(node: Node) -> Iterator[Criterion]:
    for kind in ("fixed", "pattern"):
        value = value_of(node.definition, kind)
        if value is not None:
            yield kind, value[1]
    binding = node.definition.get("binding", {})
    if "binding" in node.own and binding.get("strength") == "required" and "valueSet" in binding:
        yield "binding", binding["valueSet"]


def _said(reached: Iterable[Node]) -> Iterator[Criterion]:
    return (one for each in reached for one in _criteria(each))


def _inherited(node: Node, way: _Way) -> Iterator[Criterion]:
    """Yield what a value that is fixed further out says of the place where `way` leads to."""
    names = [name for kind, name in way if kind == "name"]
    here: Node | None = node
    for place in range(len(names)):
        if here is None:
            return
        for _, value in _criteria(here):
            inner = [value]
            for name in names[place:]:
                lists = (one if isinstance(one, list) else [one] for one in inner)
                flat = [each for one in lists for each in one]
                inner = [one[name] for one in flat if isinstance(one, dict) and name in one]
            yield from (("pattern", one) for one in inner)
        here = next(_named(here, names[place]), None)


def _has_all(items: list[Item], criteria: list[Criterion], run: Run) -> bool:
    return all(any(_meets(one, wanted, run) for one in items) for wanted in criteria)


def _meets(item: Item, criterion: Criterion, run: Run) -> bool:
    kind, expected = criterion
    match kind:
        case "fixed":
            return equals(item.value, expected)
        case "pattern":
            return contains(item.value, expected)
    value = item.value
    rows = value.get("coding", (value,)) if type(value) is dict else ({"code": value},)
    codes = [Code(one["code"], one.get("system")) for one in rows if one.get("code")]
    return any(run.membership.member(expected, one).is_member for one in codes)


def _exists(way: _Way, reached: list[Node]) -> Matches:
    is_wanted = not any(one.max == 0 for one in reached)
    return lambda item, _at, run: bool(selected(item, way, run)) == is_wanted
