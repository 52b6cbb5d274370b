"""From JSON to XML: elements in FHIR's order, digits and letters as they are.

A character that XML has no way to write, such as U+FFFE, becomes U+FFFD.

Spec: https://hl7.org/fhir/R4/xml.html
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Self

from server.fhir import json
from server.profiles.shapes import Shape, Slot

FHIR = "http://hl7.org/fhir"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
_SPECIAL = re.compile(r'[&<>"\x00-\x1f\ud800-\udfff\ufffe\uffff]').sub
# A parser would read a line feed in an attribute as a blank, were it not spelled so.
_ESCAPES = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "\t": "&#9;",
    "\n": "&#10;",
    "\r": "&#13;",
}
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes resources of the types that have these `shapes`.

    `ranks` are the places of a type's properties in FHIR's order of elements.
    """

    shapes: Mapping[str, Shape]
    ranks: Mapping[str, Mapping[str, int]]

    @classmethod
    def of(cls, shapes: Mapping[str, Shape]) -> Self:
        """Return the writer of the types that have these `shapes`."""
        ranks = {
            path: {name: rank for rank, name in enumerate(shape.slots)}
            for path, shape in shapes.items()
        }
        return cls(shapes, ranks)

    def write(self, body: bytes, *, pretty: bool = False) -> bytes:
        """Return the XML of the resource `body`, as `server.profiles.xml.Xml.write` says."""
        parts = [_DECLARATION]
        margin = "\n" if pretty else ""
        text = _Text(self.shapes, self.ranks, parts.append)
        text.resource(json.spelled(body), margin, f' xmlns="{FHIR}"')
        parts.append(margin)
        return "".join(parts).encode()


@dataclass(frozen=True, slots=True)
class _Text:
    """A text in the making; `add` takes its next part.

    A margin is what begins the line of an element: nothing, or a line feed and blanks.
    """

    shapes: Mapping[str, Shape]
    ranks: Mapping[str, Mapping[str, int]]
    add: Callable[[str], None]

    def resource(self, value: Mapping[str, Any], margin: str, attributes: str = "") -> None:
        """Write a resource, with `attributes` in its tag."""
        type = value["resourceType"]
        inside = {name: one for name, one in value.items() if name != "resourceType"}
        self._complex(type, self.shapes[type], inside, margin, attributes)

    def _complex(
        self, tag: str, shape: Shape, value: Mapping[str, Any], margin: str, attributes: str = ""
    ) -> None:
        """Write the element `tag` with the properties of `value`, and `attributes` before them."""
        rank = self.ranks[shape.path]
        names = sorted({name.removeprefix("_") for name in value}, key=rank.__getitem__)
        self.add(f"{margin}<{tag}{attributes}")
        inner = [name for name in names if not shape.slots[name].element.attribute]
        if len(inner) < len(names):
            for name in names:
                if shape.slots[name].element.attribute:
                    self.add(_attribute(name, value[name]))
        if not inner:
            self.add("/>")
            return
        self.add(">")
        for name in inner:
            self._property(name, shape.slots[name], value, margin and margin + _INDENT)
        self.add(f"{margin}</{tag}>")

    def _property(self, name: str, slot: Slot, parent: Mapping[str, Any], margin: str) -> None:
        value, sibling = parent.get(name), parent.get(f"_{name}")
        if not slot.many:
            self._element(name, slot, value, sibling, margin)
            return
        for one, beside in zip_longest(value or (), sibling or ()):
            self._element(name, slot, one, beside, margin)

    def _element(
        self,
        name: str,
        slot: Slot,
        value: Any,  # noqa: ANN401  # any JSON
        sibling: Mapping[str, Any] | None,
        margin: str,
    ) -> None:
        if slot.type == "xhtml":
            # It is XML already, in the namespace of XHTML, as narratives are checked.
            self.add(margin + value)
        elif slot.primitive:
            given = "" if value is None else _attribute("value", value)
            if sibling is None:
                self.add(f"{margin}<{name}{given}/>")
            else:
                self._complex(name, self.shapes["Element"], sibling, margin, given)
        elif slot.type == "Resource":
            self.add(f"{margin}<{name}>")
            self.resource(value, margin and margin + _INDENT)
            self.add(f"{margin}</{name}>")
        else:
            self._complex(name, self.shapes[slot.type], value, margin)


def _attribute(name: str, value: object) -> str:
    """Return the attribute `name`; `value` is a string, or true or false."""
    text = value if isinstance(value, str) else str(value).lower()
    return f' {name}="{_SPECIAL(_escaped, text)}"'


def _escaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0], "\N{REPLACEMENT CHARACTER}")
