"""A small world of resources, and what a search finds in it: every resource is asked.

Spec: https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.oracle import values
from tests.oracle.facts import facts
from tests.oracle.paths import Node, evaluate, of_resource
from tests.oracle.texts import divided, plain
from tests.oracle.values import Asking, Invalid, local

Json = dict[str, Any]
Key = tuple[str, str]

_MODIFIED: dict[tuple[str, str], Callable[[Node, str], bool]] = {
    ("token", "text"): values.token_text,
    ("token", "of-type"): values.of_type,
    ("string", "exact"): values.string_exact,
    ("string", "contains"): values.string_contains,
    ("uri", "below"): lambda node, text: values.uri_below(node, plain(text)),
    ("uri", "above"): lambda node, text: values.uri_above(node, plain(text)),
    ("reference", "identifier"): values.reference_identifier,
}


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """The resources as the server holds them, by type and id, below `base`; `now` for ``ap``."""

    resources: dict[Key, Json] = field(repr=False)
    base: str
    now: int
    _seen: dict[tuple[Key, str], list[Node]] = field(default_factory=dict, repr=False)
    _known: dict[tuple[str, str], list[Any]] = field(default_factory=dict, repr=False)

    def of(self, type: str) -> list[Json]:
        """Return the resources of one type."""
        return self._once(
            "of", type, lambda: [one for (kind, _), one in self.resources.items() if kind == type]
        )

    def used(self, type: str) -> list[str]:
        """Return the parameters of `type` that have a value somewhere."""
        return self._once(
            "used",
            type,
            lambda: [
                code
                for code, fact in sorted(facts().parameters[type].items())
                if any(self.nodes(one, code) for one in self.of(type))
            ],
        )

    def pointing(self, type: str) -> list[str]:
        """Return the parameters of `type` that point at a resource of this world."""
        return self._once(
            "pointing",
            type,
            lambda: [
                code
                for code in self.used(type)
                if facts().parameters[type][code]["type"] == "reference"
                and any(self.pointed_at(one, code) for one in self.of(type))
            ],
        )

    def reached(self, type: str, code: str) -> set[str]:
        """Return the types of what a parameter of `type` points at."""
        ends = (end for one in self.of(type) for end in self.pointed_at(one, code))
        return {end["resourceType"] for end in ends}

    def _once(self, what: str, type: str, make: Callable[[], list[Any]]) -> list[Any]:
        if (what, type) not in self._known:
            self._known[what, type] = make()
        return self._known[what, type]

    def search(self, type: str, parameters: Sequence[tuple[str, str]]) -> set[str]:
        """Return the ids of the resources that fulfil every parameter."""
        return {
            one["id"]
            for one in self.of(type)
            if all(self.holds(one, name, value) for name, value in parameters)
        }

    def within(self, compartment: Key, resource: Json) -> bool:
        """Tell whether `resource` is in the compartment of one other."""
        owner, type = "/".join(compartment), resource["resourceType"]
        codes = [c for c in facts().compartments[compartment[0]].get(type, ()) if c != "{def}"]
        if type == compartment[0] and resource["id"] == compartment[1]:
            return True
        return any(self.holds(resource, code, owner) for code in codes)

    def nodes(self, resource: Json, code: str) -> list[Node]:
        """Return the elements of `resource` that the parameter `code` is about."""
        key = (resource["resourceType"], resource["id"]), code
        if key not in self._seen:
            expression = facts().parameters[resource["resourceType"]][code].get("expression")
            found = evaluate(expression, of_resource(resource)) if expression else []
            self._seen[key] = found
        return self._seen[key]

    def holds(self, resource: Json, name: str, value: str) -> bool:
        """Tell whether `resource` fulfils one parameter of a query."""
        if name.startswith("_has:"):
            return self._has(resource, name, value)
        head, dot, rest = name.partition(".")
        code, _, modifier = head.partition(":")
        if dot:
            return self._chained(resource, code, modifier, rest, value)
        if code == "_list":
            return any(self._listed(resource, plain(one)) for one in divided(value, ","))
        return self._plain(resource, code, modifier, value)

    def _plain(self, resource: Json, code: str, modifier: str, value: str) -> bool:
        fact = facts().parameters[resource["resourceType"]].get(code)
        if fact is None:
            raise Invalid(code)
        if modifier == "missing":
            return self._present(resource, code) != (plain(value) == "true")
        alternatives = divided(value, ",")
        if modifier in ("not", "not-in"):
            positive = modifier.removeprefix("not").removeprefix("-")
            return not any(self._one(resource, fact, positive, one) for one in alternatives)
        return any(self._one(resource, fact, modifier, one) for one in alternatives)

    def _present(self, resource: Json, code: str) -> bool:
        """Tell whether the parameter has a value, be it one that nothing is found by."""
        fact = facts().parameters[resource["resourceType"]][code]
        if fact["type"] == "composite":
            return any(
                all(list(values.simple(evaluate(how, focus))) for _, how in fact["components"])
                for focus in self.nodes(resource, code)
            )
        return any(True for _ in values.simple(self.nodes(resource, code)))

    def _one(self, resource: Json, fact: Json, modifier: str, text: str) -> bool:
        nodes = list(values.simple(self.nodes(resource, fact["code"])))
        if fact["type"] == "composite":
            return self._composite(resource, fact, text)
        targets = targets_of(resource["resourceType"], fact["code"])
        if modifier in facts().types:
            nodes = [n for n in nodes if self._points_to(n, modifier)]
            targets, modifier = [modifier], ""
        if modifier == "in":
            return any(values.in_value_set(node, self.value_set(plain(text))) for node in nodes)
        if modifier:
            compare = _MODIFIED.get((fact["type"], modifier))
            if compare is None:
                raise Invalid(modifier)
            return any(compare(node, text) for node in nodes)
        asking = Asking(self.base, self.now, targets)
        return any(values.matches(fact["type"], node, text, asking) for node in nodes)

    def value_set(self, text: str) -> set[tuple[str, str]]:
        """Return the (system, code) pairs of the ValueSet that `text`, ``ValueSet/id``, names."""
        found = self.resources["ValueSet", text.removeprefix("ValueSet/")]
        return {
            (part["system"], concept["code"])
            for part in found["compose"]["include"]
            for concept in part["concept"]
        }

    def _points_to(self, node: Node, type: str) -> bool:
        if node.type != "Reference" or not node.value.get("reference"):
            return False
        at, _ = values.pointed_at(node.value["reference"], self.base)
        return at.split("/")[-2:-1] == [type]

    def _composite(self, resource: Json, fact: Json, text: str) -> bool:
        parts = divided(text, "$")
        if len(parts) != len(fact["components"]):
            raise Invalid(text)
        pairs = list(zip(fact["components"], parts, strict=True))
        return any(
            all(self._component(focus, url, how, part) for (url, how), part in pairs)
            for focus in self.nodes(resource, fact["code"])
        )

    def _component(self, focus: Node, url: str, how: str, part: str) -> bool:
        found = values.simple(evaluate(how, focus))
        kind, asking = facts().by_url[url]["type"], Asking(self.base, self.now)
        return any(values.matches(kind, n, part, asking) for n in found)

    # --- joins

    def pointed_at(self, resource: Json, code: str) -> list[Json]:
        """Return the resources of this world that a reference parameter points at."""
        if code not in facts().parameters[resource["resourceType"]]:
            raise Invalid(code)
        key = f"{resource['resourceType']}/{resource['id']}"
        return self._once(code, key, lambda: list(self._ends(resource, code)))

    def _ends(self, resource: Json, code: str) -> Iterator[Json]:
        allowed = targets_of(resource["resourceType"], code)
        for node in values.simple(self.nodes(resource, code)):
            if node.type == "Reference":
                key = local(node.value.get("reference") or "#", self.base)
                if key in self.resources and key[0] in allowed:
                    yield self.resources[key]
            elif node.type in ("canonical", "uri"):
                yield from self._canonical(node.value, allowed)

    def _canonical(self, text: str, allowed: list[str]) -> list[Json]:
        url, _, version = text.partition("|")
        return [
            one
            for (type, _), one in self.resources.items()
            if type in allowed
            and one.get("url") == url
            and (not version or one.get("version") == version)
        ]

    def _chained(self, resource: Json, code: str, type: str, rest: str, value: str) -> bool:
        for target in self.pointed_at(resource, code):
            if type and target["resourceType"] != type:
                continue
            try:
                if self.holds(target, rest, value):
                    return True
            except Invalid:
                # A parameter that this one of several target types has not.
                continue
        return False

    def _has(self, resource: Json, name: str, value: str) -> bool:
        _, source, code, rest = name.split(":", 3)
        return any(
            any(target is resource for target in self.pointed_at(one, code))
            and self.holds(one, rest, value)
            for one in self.of(source)
        )

    def _listed(self, resource: Json, id: str) -> bool:
        found = self.resources.get(("List", id.removeprefix("List/")))
        items = [] if found is None else found.get("entry", [])
        return any(
            local(entry["item"].get("reference") or "#", self.base)
            == (resource["resourceType"], resource["id"])
            for entry in items
            if entry.get("deleted") is not True
        )


def targets_of(type: str, code: str) -> list[str]:
    """Return the types that a reference parameter may point at."""
    fact = facts().parameters[type][code]
    listed = [one for one in fact.get("target", ()) if one in facts().types]
    return listed or sorted(facts().types)
