"""Parts of a resource: its summary, its text, chosen elements.

Spec: https://hl7.org/fhir/R4/search.html#summary, https://hl7.org/fhir/R4/search.html#elements
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from server.fhir import json
from server.profiles.definitions import Definitions, Element

_ALWAYS = frozenset(("resourceType", "id", "meta"))
_SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}


class Subsets:
    """Makes the subsets that `definitions` describe. Digits stay as they are stored."""

    def __init__(self, definitions: Definitions) -> None:
        self._elements = definitions.elements

    def summary(self, type: str, body: bytes) -> bytes:
        """Return the elements that the definitions mark as summary."""
        resource = json.exact(body)
        return _marked(self._summary_of(type, resource, top=True))

    def text(self, type: str, body: bytes) -> bytes:
        """Return the narrative, id, meta and the mandatory top-level elements."""
        mandatory = {e.name for e in self._elements[type].values() if e.min > 0}
        return self._top(type, body, mandatory | {"text"})

    def data(self, body: bytes) -> bytes:
        """Return everything but the narrative."""
        resource = json.exact(body)
        return _marked({name: value for name, value in resource.items() if name != "text"})

    def elements(self, type: str, body: bytes, wanted: frozenset[str]) -> bytes:
        """Return the top-level elements in `wanted`, with the mandatory ones and the modifiers."""
        declared = self._elements[type].values()
        return self._top(type, body, {e.name for e in declared if e.min > 0 or e.modifier} | wanted)

    def _top(self, type: str, body: bytes, names: AbstractSet[str]) -> bytes:
        resource = json.exact(body)
        kept = {self._stem(type, name.removesuffix("[x]")) for name in names} | _ALWAYS
        chosen = {name: v for name, v in resource.items() if self._stem(type, name) in kept}
        return _marked(chosen)

    def unknown(self, type: str, wanted: frozenset[str]) -> list[str]:
        """Return the names in `wanted` that are no top-level element of `type`."""
        known = {name.removesuffix("[x]") for name in self._elements[type]} | _ALWAYS
        return sorted(name for name in wanted if self._stem(type, name) not in known)

    def _stem(self, type: str, name: str) -> str:
        element = self._element(type, name.removeprefix("_"))
        return element.name.removesuffix("[x]") if element else name

    def _element(self, path: str, name: str) -> Element | None:
        children = self._elements.get(path, {})
        if name in children:
            return children[name]
        choices = (e for e in children.values() if e.name.endswith("[x]"))
        return next((e for e in choices if name.startswith(e.name[:-3])), None)

    def _summary_of(self, path: str, value: Mapping[str, Any], *, top: bool) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, child in value.items():
            element = self._element(path, name.removeprefix("_"))
            if top and name in _ALWAYS:
                kept[name] = child
            elif element is not None and element.summary:
                kept[name] = self._summary_within(element, child)
        return kept

    def _summary_within(self, element: Element, value: Any) -> Any:  # noqa: ANN401  # any JSON
        # Inside a data type nothing is left out: a name without its family would mislead.
        if element.path not in self._elements:
            return value
        if isinstance(value, list):
            return [self._summary_within(element, item) for item in value]
        return self._summary_of(element.path, value, top=False)


def _marked(resource: dict[str, Any]) -> bytes:
    meta = dict(resource.get("meta", {}))
    tags = [tag for tag in meta.get("tag", []) if tag.get("code") != _SUBSETTED["code"]]
    first = {name: resource[name] for name in ("resourceType", "id") if name in resource}
    return json.dumps({**first, **resource, "meta": {**meta, "tag": [*tags, _SUBSETTED]}})
