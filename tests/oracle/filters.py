"""Trees of ``_filter``: their text, and what they mean.

Spec: https://hl7.org/fhir/R4/search_filter.html
"""

import json
from dataclasses import dataclass
from typing import Union

from tests.oracle import times, values
from tests.oracle.facts import facts
from tests.oracle.texts import folded, plain
from tests.oracle.world import Json, World


@dataclass(frozen=True, slots=True)
class Comparison:
    """``path operator value``; `value` is escaped as in a URL."""

    path: str
    operator: str
    value: str

    def text(self) -> str:
        """Return the text of this filter."""
        bare = self.operator == "pr" or self.value.replace("-", "").isalnum()
        written = self.value if bare and self.value.isascii() else _quoted(self.value)
        return f"{self.path} {self.operator} {written}"

    def holds(self, world: World, resource: Json) -> bool:
        """Tell whether `resource` fulfils this filter."""
        code, dot, rest = self.path.partition(".")
        if dot:
            inner = Comparison(rest, self.operator, self.value)
            return any(
                rest.split(".")[0] in facts().parameters[one["resourceType"]]
                and inner.holds(world, one)
                for one in world.pointed_at(resource, code)
            )
        return _holds(world, resource, self)


@dataclass(frozen=True, slots=True)
class Joined:
    """Two filters with ``and`` or ``or`` between."""

    left: "Filter"
    word: str
    right: "Filter"

    def text(self) -> str:
        """Return the text of this filter."""
        return f"({self.left.text()}) {self.word} ({self.right.text()})"

    def holds(self, world: World, resource: Json) -> bool:
        """Tell whether `resource` fulfils this filter."""
        sides = (side.holds(world, resource) for side in (self.left, self.right))
        return all(sides) if self.word == "and" else any(sides)


@dataclass(frozen=True, slots=True)
class Not:
    """``not (inner)``."""

    inner: "Filter"

    def text(self) -> str:
        """Return the text of this filter."""
        return f"not ({self.inner.text()})"

    def holds(self, world: World, resource: Json) -> bool:
        """Tell whether `resource` fulfils this filter."""
        return not self.inner.holds(world, resource)


Filter = Union[Comparison, Joined, Not]  # noqa: UP007  # its members name it before it is defined

OPERATORS = {
    "string": ("eq", "ne", "co", "sw", "ew", "pr"),
    "token": ("eq", "ne", "pr"),
    "date": ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "po", "pr"),
    "number": ("eq", "gt", "lt", "ge", "le", "pr"),
    "quantity": ("eq", "gt", "lt", "ge", "le", "pr"),
    "reference": ("eq", "ne", "re", "pr"),
    "uri": ("eq", "ne", "pr"),
}


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _holds(world: World, resource: Json, asked: Comparison) -> bool:
    code, operator, value = asked.path, asked.operator, asked.value
    kind = facts().parameters[resource["resourceType"]][code]["type"]
    if operator == "pr":
        return world.holds(resource, f"{code}:missing", "false" if value == "true" else "true")
    if operator == "ne" and kind != "date":
        has_value = world.holds(resource, f"{code}:missing", "false")
        equal = Comparison(code, "eq", value)
        return has_value and not _holds(world, resource, equal)
    nodes = list(values.simple(world.nodes(resource, code)))
    if kind == "string":
        wanted = folded(plain(value))
        found = [folded(text) for node in nodes for text in values.strings(node)]
        return any(_STRINGS[operator](text, wanted) for text in found)
    if operator == "po":
        wide = times.stretch(value)
        spans = [span for n in nodes if (span := times.of_value(n.type, n.value))]
        return any(span.start < wide.end and span.end > wide.start for span in spans)
    prefix = operator if kind in ("date", "number", "quantity") else ""
    return world.holds(resource, code, prefix + value)


_STRINGS = {
    "eq": lambda text, wanted: text == wanted,
    "co": lambda text, wanted: wanted in text,
    "sw": lambda text, wanted: text.startswith(wanted),
    "ew": lambda text, wanted: text.endswith(wanted),
}
