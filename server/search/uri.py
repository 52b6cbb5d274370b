"""Search parameters of type uri: equal character by character.

A canonical URL with a version (``url|1.0``) is indexed without it, too.

Spec: https://hl7.org/fhir/R4/search.html#uri
"""

from server.search.conditions import Condition
from server.search.parameter import Entries, Environment, Extract, Parameter
from server.search.steps import Json
from server.search.values import compared, unescaped

CANONICAL_TYPES = frozenset({"canonical", "uri"})
_TYPES = frozenset({"uri", "url", "canonical", "oid", "uuid"})


def extract(parameter: Parameter, type: str, _environment: Environment) -> Extract | None:
    """Return what indexes values of the FHIR type `type`, None if they are no URIs."""
    if type == "canonical":
        return canonical(parameter.name)
    name = f"{parameter.name}="
    return (lambda value, entries: entries.t.append(name + value)) if type in _TYPES else None


def condition(parameter: Parameter, text: str, _environment: Environment) -> Condition:
    """Return the condition that a value is `text`."""
    return {"t": compared(f"{parameter.name}={unescaped(text)}")}


def canonical(name: str) -> Extract:
    """Return what indexes a canonical URL, unless it points at a contained resource."""
    start = f"{name}="

    def add(value: Json, entries: Entries) -> None:
        if value.startswith("#"):
            return
        entries.t.append(start + value)
        url, bar, _version = value.partition("|")
        if bar:
            entries.t.append(start + url)

    return add
