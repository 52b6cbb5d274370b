"""A small FHIRPath: what search parameters' expressions say, evaluated by walking the resource.

Spec: https://hl7.org/fhirpath/N1/
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.oracle.facts import facts

_TOKEN = re.compile(r"\s*('[^']*'|%?[A-Za-z_][A-Za-z0-9_]*|!=|\[[0-9]+\]|[().|=])")
_REFERENCE = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[^/]+)?$")


@dataclass(frozen=True, slots=True)
class Node:
    """A value in a resource: `type` is its FHIR type, `path` where its children are described.

    `binding` is the required value set of a code. `value` is None if only extensions are there.
    """

    value: Any
    type: str
    path: str
    root: Any
    binding: str | None = None


Evaluate = Callable[[list[Node]], list[Node]]


def of_resource(resource: dict[str, Any], root: Any = None) -> Node:
    """Return the node of a whole resource."""
    type = resource["resourceType"]
    return Node(resource, type, type, root or resource)


def evaluate(expression: str, node: Node) -> list[Node]:
    """Return what `expression` finds in `node`; each value once."""
    return _compiled(expression)([node])


@cache
def _compiled(expression: str) -> Evaluate:
    text = expression.strip()
    tokens, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        assert match, f"cannot read {text[place:]!r}"
        tokens.append(match.group(1))
        place = match.end()
    parser = _Parser([*tokens, ""])
    found = parser.conjunction()
    assert parser.tokens == [""], f"not read: {parser.tokens}"
    return found


class _Parser:
    """Recursive descent, weakest operator first."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def take(self, *wanted: str) -> str | None:
        return self.tokens.pop(0) if self.tokens[0] in wanted else None

    def conjunction(self) -> Evaluate:
        left = self.equality()
        while self.take("and"):
            left = _both(left, self.equality())
        return left

    def equality(self) -> Evaluate:
        left = self.union()
        sign = self.take("=", "!=")
        return _equal(left, self.union(), negated=sign == "!=") if sign else left

    def union(self) -> Evaluate:
        parts = [self.typed()]
        while self.take("|"):
            parts.append(self.typed())
        return parts[0] if len(parts) == 1 else lambda nodes: [n for p in parts for n in p(nodes)]

    def typed(self) -> Evaluate:
        left = self.path()
        sign = self.take("as", "is")
        if sign is None:
            return left
        name = self.tokens.pop(0)
        return _narrowed(left, name) if sign == "as" else _is(left, name)

    def path(self) -> Evaluate:
        left = self.first()
        while self.tokens[0] == "." or self.tokens[0].startswith("["):
            sign = self.tokens.pop(0)
            left = self.step(left, self.tokens.pop(0)) if sign == "." else _at(left, sign)
        return left

    def first(self) -> Evaluate:
        if self.take("("):
            inner = self.conjunction()
            assert self.take(")")
            return inner
        token = self.tokens.pop(0)
        if token.startswith("'"):
            return lambda _: [Node(token[1:-1], "string", "string", None)]
        if token in ("true", "false"):
            return lambda _: [Node(token == "true", "boolean", "boolean", None)]
        if token == "%resource":
            return lambda nodes: [of_resource(nodes[0].root)] if nodes else []
        if token[0].isupper():
            return lambda nodes: [n for n in nodes if _is_a(n.type, token)]
        return self.step(lambda nodes: nodes, token)

    def step(self, left: Evaluate, name: str) -> Evaluate:
        if not self.take("("):
            return lambda nodes: [child for n in left(nodes) for child in children(n, name)]
        if self.take(")"):
            return _FUNCTIONS[name](left, None)
        argument = self.tokens[0] if name in ("as", "ofType") else None
        inner = self.conjunction()
        assert self.take(")")
        return _FUNCTIONS[name](left, argument or inner)


def _at(left: Evaluate, brackets: str) -> Evaluate:
    place = int(brackets[1:-1])
    return lambda nodes: left(nodes)[place : place + 1]


def _is_a(type: str, wanted: str) -> bool:
    while type:
        if type.lower() == wanted.lower():
            return True
        type = facts().bases.get(type, "")
    return False


def children(node: Node, name: str) -> Iterator[Node]:
    """Yield the children of `node` called `name`; ``value`` stands for every valueQuantity."""
    if not isinstance(node.value, dict):
        return
    rows = facts().children(node.path)
    row = rows.get(name)
    keys = [(name, row["types"][0])] if row else []
    if row is None and (row := rows.get(f"{name}[x]")):
        keys = [(name + type[0].upper() + type[1:], type) for type in row["types"]]
    for key, type in keys:
        for value in _both_halves(node.value, key):
            yield _child(node, row, type, value)


def _child(node: Node, row: dict[str, Any], type: str, value: Any) -> Node:
    path = type
    if type in ("BackboneElement", "Element"):
        path = row["path"]
    elif type.startswith("#"):
        type, path = "BackboneElement", type[1:]
    if type == "Resource" and isinstance(value, dict):
        return of_resource(value, node.root)
    return Node(value, type, path, node.root, row.get("binding"))


def _both_halves(holder: dict[str, Any], key: str) -> list[Any]:
    """Return the values of a property; None where there are only extensions."""
    values, others = (
        [one] if not isinstance(one, list) else one
        for one in (holder.get(key, []), holder.get(f"_{key}", []))
    )
    length = max(len(values), len(others))
    return [values[n] if n < len(values) else None for n in range(length)]


def _narrowed(left: Evaluate, type: str) -> Evaluate:
    # Of a choice just that type: ConceptMap has a parameter for source as uri, and another for
    # source as canonical, although a canonical is a uri, too.
    return lambda nodes: [n for n in left(nodes) if n.type.lower() == type.lower()]


def _is(left: Evaluate, type: str) -> Evaluate:
    return lambda nodes: _truth([_is_a(n.type, type) for n in left(nodes)] == [True])


def _truth(value: bool) -> list[Node]:
    return [Node(value, "boolean", "boolean", None)]


def _both(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda nodes: _truth(_holds(left(nodes)) and _holds(right(nodes)))


def _holds(nodes: list[Node]) -> bool:
    return any(n.value is True for n in nodes)


def _equal(left: Evaluate, right: Evaluate, *, negated: bool) -> Evaluate:
    def compare(nodes: list[Node]) -> list[Node]:
        pair = [[n.value for n in side(nodes)] for side in (left, right)]
        return _truth((pair[0] == pair[1]) != negated) if all(pair) else []

    return compare


def _where(left: Evaluate, condition: Any) -> Evaluate:
    return lambda nodes: [n for n in left(nodes) if _holds(condition([n]))]


def _extension(left: Evaluate, url: Any) -> Evaluate:
    def find(nodes: list[Node]) -> list[Node]:
        return [
            one
            for n in left(nodes)
            for one in children(n, "extension")
            if one.value["url"] == url([])[0].value
        ]

    return find


def _exists(left: Evaluate, _: Any) -> Evaluate:
    return lambda nodes: _truth(bool(left(nodes)))


def _resolve(left: Evaluate, _: Any) -> Evaluate:
    return lambda nodes: [one for n in left(nodes) for one in _targets(n)]


def _targets(node: Node) -> Iterator[Node]:
    """Yield what a reference points at, as far as its own text tells."""
    text = (node.value or {}).get("reference", "") if isinstance(node.value, dict) else ""
    if text.startswith("#"):
        for inner in node.root.get("contained", ()):
            if inner.get("id") == text[1:]:
                yield of_resource(inner)
    elif match := _REFERENCE.search(text):
        yield Node({}, match.group(1), match.group(1), None)


_FUNCTIONS: dict[str, Callable[[Evaluate, Any], Evaluate]] = {
    "where": _where,
    "extension": _extension,
    "hasExtension": lambda left, url: _exists(_extension(left, url), None),
    "exists": _exists,
    "resolve": _resolve,
    "as": _narrowed,
    "ofType": _narrowed,
}
