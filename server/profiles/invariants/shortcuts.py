"""Invariants of R4 that most values keep, as can be seen without evaluating them.

A shortcut only ever tells that a value keeps the rule: of all others the expression is evaluated.

Spec: https://hl7.org/fhir/R4/domainresource.html#invs, https://hl7.org/fhir/R4/references.html#invs
"""

from collections.abc import Callable, Mapping
from typing import Any

Holds = Callable[[Any], bool]
"""From a value to whether it surely keeps the rule."""


def _points_outside(reference: object) -> bool:
    """Tell whether nothing that is contained is meant (ref-1)."""
    return type(reference) is dict and not str(reference.get("reference", "")).startswith("#")


def _refers_to_all(resource: Mapping[str, Any]) -> bool:
    """Tell whether everything contained is referred to by a Reference (dom-3)."""
    contained = resource.get("contained")
    if not contained:
        return True
    found: set[str] = set()
    for name, value in resource.items():
        if name != "reference":
            _collect(value, found)
    return all("id" in one and f"#{one['id']}" in found for one in contained)


def _collect(value: object, found: set[str]) -> None:
    """Add what stands in an element ``reference`` anywhere inside `value`."""
    if type(value) is dict:
        text = value.get("reference")
        if type(text) is str:
            found.add(text)
        for inner in value.values():
            _collect(inner, found)
    elif type(value) is list:
        for inner in value:
            _collect(inner, found)


SHORTCUTS: Mapping[str, Holds] = {"dom-3": _refers_to_all, "ref-1": _points_outside}
