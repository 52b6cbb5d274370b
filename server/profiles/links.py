"""Links of a resource to others, found and replaced as a transaction asks.

Replaced are whole values of Reference.reference and of elements of the types uri, url, oid and
uuid, and what ``href`` and ``src`` say in a narrative; no other text, and no canonical.

Spec: https://hl7.org/fhir/R4/http.html#trules
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from html import escape, unescape
from typing import Any, Self

from server.fhir import json
from server.profiles.definitions import Definitions
from server.profiles.shapes import Shape, Slot, shapes

_TYPES = frozenset({"uri", "url", "oid", "uuid"})
_REFERENCE = "Reference.reference"
_NARRATIVE = "Narrative.div"
# A whole string, without escapes, that may be a link; whatever has escapes is read the long way.
_STRING = re.compile(rb'"((?:[a-z][a-z0-9+.\-]*:|[A-Z][A-Za-z]+[/?])[^"\\]*)"').findall
_QUOTED = re.compile(r"""((?:href|src)\s*=\s*)("[^"]*"|'[^']*')""")
_CONDITIONAL = re.compile(rb'"reference":"([A-Z][A-Za-z]+\?(?:[^"\\]|\\.)*)"').findall


@dataclass(frozen=True, slots=True)
class Links:
    """Replaces links in resources of any type; `shapes` tell what is one."""

    shapes: Mapping[str, Shape]

    @classmethod
    def of(cls, definitions: Definitions) -> Self:
        """Return the links of the types that `definitions` have."""
        return cls(shapes(definitions))

    def replaced(self, body: bytes, targets: Mapping[str, str]) -> bytes:
        """Return the resource `body`, without white space, with links that `targets` has replaced.

        All other bytes stay, unless a narrative has such a link or the text of one stands where
        none is: then escapes and white space in strings may come out in another spelling.
        """
        if not targets:
            return body
        candidates = {one.decode() for one in _STRING(body)}.intersection(targets)
        replaced = body
        for old in candidates:
            token = json.dumps(old)
            if replaced.count(token) != replaced.count(b'"reference":' + token):
                return self._exactly(body, targets)
            replaced = replaced.replace(token, json.dumps(targets[old]))
        if _may_have_more(replaced, targets):
            return self._exactly(body, targets)
        return replaced

    def _exactly(self, body: bytes, targets: Mapping[str, str]) -> bytes:
        resource = json.exact(body)
        return json.dumps(self._node(resource, resource["resourceType"], targets))

    def _node(self, node: Any, path: str, targets: Mapping[str, str]) -> Any:  # noqa: ANN401  # any JSON
        if isinstance(node, list):
            return [self._node(one, path, targets) for one in node]
        if not isinstance(node, dict):
            return node
        path = node.get("resourceType", path) if path == "Resource" else path
        shape = self.shapes.get(path)
        if shape is None:
            return node
        return {key: self._value(shape, key, value, targets) for key, value in node.items()}

    def _value(self, shape: Shape, key: str, value: Any, targets: Mapping[str, str]) -> Any:  # noqa: ANN401
        slot = shape.slots.get(key)
        if slot is None:
            return self._node(value, "Element", targets) if key in shape.siblings else value
        if not slot.primitive:
            return self._node(value, slot.type, targets)
        if isinstance(value, list):
            return [_text(slot, one, targets) for one in value]
        return _text(slot, value, targets)


def conditional(body: bytes) -> Iterator[str]:
    """Yield the conditional references (``Patient?identifier=a``) in `body`, without white space.

    Spec: https://hl7.org/fhir/R4/http.html#trules, conditional references
    """
    found = _CONDITIONAL(json.spelled_plainly(body))
    return (json.text(one) for one in dict.fromkeys(found))


def _text(slot: Slot, value: Any, targets: Mapping[str, str]) -> Any:  # noqa: ANN401  # any JSON
    if not isinstance(value, str):
        return value
    if slot.type in _TYPES or slot.element.path == _REFERENCE:
        return targets.get(value, value)
    if slot.element.path == _NARRATIVE:
        return _QUOTED.sub(lambda found: _attribute(found, targets), value)
    return value


def _attribute(found: re.Match[str], targets: Mapping[str, str]) -> str:
    new = targets.get(unescape(found[2][1:-1]))
    return found[0] if new is None else f'{found[1]}"{escape(new)}"'


def _may_have_more(body: bytes, targets: Collection[str]) -> bool:
    """Tell whether `body` has the text of a target in some narrative, or spelled with escapes."""
    if b'"div":' not in body and b"\\/" not in body and b"\\u" not in body:
        return False
    if b"\\/" in body or b"\\u" in body:
        return True
    return any(one.encode() in body or escape(one).encode() in body for one in targets)
