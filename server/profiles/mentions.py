"""Which resources a resource can tell of: in a reference, in its narrative, in its words.

An Observation's narrative has the name of the patient it is about; an Organization's has not. What
a type can refer to says which.

Spec: https://hl7.org/fhir/R4/references.html
"""

from collections.abc import Iterator

from server.profiles.definitions import Definitions, Element

# Anything can have these, and would be about everything. What is contained has to be referred to
# from elsewhere in the resource (dom-3), and extensions have no say in what a type is about.
_EVERYWHERE = frozenset({"contained", "extension", "modifierExtension"})


def mentions(definitions: Definitions, type: str) -> frozenset[str]:
    """Return the resource types that elements of `type` can refer to or hold, at any depth."""
    found: set[str] = set()
    seen, ahead = {type}, [type]
    while ahead:
        for element in definitions.elements[ahead.pop()].values():
            if element.name in _EVERYWHERE:
                continue
            found.update(_targets(definitions, element))
            new = [one for one in _inner(definitions, element) if one not in seen]
            seen.update(new)
            ahead.extend(new)
    return frozenset(found)


def _targets(definitions: Definitions, element: Element) -> tuple[str, ...]:
    if "Resource" in element.types:
        return definitions.resource_types
    if "Reference" not in element.types:
        return ()
    return element.targets or definitions.resource_types


def _inner(definitions: Definitions, element: Element) -> Iterator[str]:
    """Yield the types and paths of the elements that `element` is made of."""
    names = (element.path, *(type.removeprefix("#") for type in element.types))
    yield from (name for name in names if name in definitions.elements and name != "Reference")
