"""The systems of codes that stand in resources without one.

An element of type code has its system from the value set it is bound to; so
``gender=http://hl7.org/fhir/administrative-gender|male`` finds what ``gender=male`` does.

Spec: https://hl7.org/fhir/R4/search.html#token
"""

from collections.abc import Iterable, Mapping

from server.profiles.definitions import Definitions
from server.search.expressions import Branch
from server.search.token import BOOLEAN_SYSTEM


def implied_codes(definitions: Definitions, ways: Iterable[Branch]) -> Mapping[str, frozenset[str]]:
    """Return the codes by system that values at the end of `ways` may be, without naming it."""
    found: dict[str, frozenset[str]] = {}
    for way in ways:
        for system, codes in _codes(definitions, way).items():
            found[system] = found.get(system, frozenset()) | codes
    return found


def _codes(definitions: Definitions, way: Branch) -> Mapping[str, frozenset[str]]:
    if way.type == "boolean":
        return {BOOLEAN_SYSTEM: frozenset({"true", "false"})}
    if way.type != "code" or way.element is None or way.element.binding is None:
        return {}
    return definitions.value_sets.get(way.element.binding, {})
