"""The modifiers ``:above`` and ``:below`` of references: through what resources are part of.

``location:below=Location/42`` is that location or one that is part of it, through however many
others. For a canonical reference they are about versions: ``url|1`` is above ``url|1.2``.

Spec: https://hl7.org/fhir/R4/search.html#recursive
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from server.fhir.outcome import BadRequest, TooCostly
from server.fhir.reference import is_id, parse
from server.search import reference
from server.search.conditions import Condition, any_of, starts_with
from server.search.joins import Lookup, join
from server.search.parameter import Asked, Environment, Parameter
from server.search.uri import CANONICAL_TYPES
from server.search.values import compared, escaped, shown, unescaped

PART_OF = {
    "CarePlan": "part-of",
    "Communication": "part-of",
    "DeviceDefinition": "parent",
    "Encounter": "part-of",
    "Location": "partof",
    "MedicationStatement": "part-of",
    "Organization": "partof",
    "Procedure": "part-of",
    "ResearchStudy": "partof",
    "Specimen": "parent",
    "Task": "part-of",
}
"""The parameter by which a resource of each type refers to the one of its type that it is in."""
MOST = 5000
DEEPEST = 20
_VERSION_DIVIDERS = ".-"


@dataclass(frozen=True, slots=True)
class Related:
    """Resources whose `parameter` points at one of `starts`, ``Type/id``, or beyond it.

    `onwards` gives, for some of them, those one step further.
    """

    parameter: Parameter
    environment: Environment
    starts: tuple[tuple[str, str], ...]
    onwards: Callable[[str, Collection[str], Lookup], list[str]]

    def condition(self, lookup: Lookup) -> Condition:
        """Return the condition that names all of them.

        Raises TooCostly if they are more than 5,000 or further away than 20 steps.
        """
        found = [text for start in self.starts for text in self._reached(*start, lookup)]
        return any_of(
            reference.condition(self.parameter, escaped(text), self.environment) for text in found
        )

    def _reached(self, type: str, start: str, lookup: Lookup) -> list[str]:
        found, last = {start: None}, [start]
        for _ in range(DEEPEST):
            last = [text for text in self.onwards(type, last, lookup) if text not in found]
            found.update(dict.fromkeys(last))
            if not last:
                return list(found)
            if len(found) > MOST:
                break
        raise TooCostly.because(
            "search-hierarchy-too-large", parameter=self.parameter.code, levels=DEEPEST, limit=MOST
        )


def _parts(type: str, wholes: Collection[str], lookup: Lookup) -> list[str]:
    """Return the resources that are directly part of one of `wholes`."""
    terms = [compared(f"{PART_OF[type]}={text}") for text in wholes]
    rows = lookup.rows(type, {"t": {"$in": terms}}, ("_id",), MOST + 1)
    return [f"{type}/{row['_id']}" for row in rows]


def _wholes(type: str, parts: Collection[str], lookup: Lookup) -> list[str]:
    """Return the resources that one of `parts` is directly part of."""
    ids = [text.removeprefix(f"{type}/") for text in parts]
    rows = lookup.rows(type, {"_id": {"$in": ids}}, ("t",), len(ids))
    start = f"{PART_OF[type]}="
    targets = {
        parse(term.removeprefix(start), "")
        for row in rows
        for term in row.get("t", ())
        if term.startswith(start)
    }
    return sorted(one.text for one in targets if one.local and one.type == type)


def _below(parameter: Parameter, text: str, environment: Environment, _asked: Asked) -> Condition:
    version = _version(parameter, text)
    if version is None:
        return join(Related(parameter, environment, _starts(parameter, text, environment), _parts))
    exactly = f"{parameter.name}={version}"
    within = [starts_with("t", exactly + divider) for divider in _VERSION_DIVIDERS]
    return any_of([{"t": compared(exactly)}, *within])


def _above(parameter: Parameter, text: str, environment: Environment, _asked: Asked) -> Condition:
    version = _version(parameter, text)
    if version is None:
        return join(Related(parameter, environment, _starts(parameter, text, environment), _wholes))
    return any_of({"t": compared(f"{parameter.name}={one}")} for one in _wider(version))


def _version(parameter: Parameter, text: str) -> str | None:
    """Return ``url|version`` or ``url`` if `text` is a canonical reference, else None."""
    value = unescaped(text)
    if not parameter.types & CANONICAL_TYPES or parse(value, "").local:
        return None
    return value.removesuffix("|")


def _wider(canonical: str) -> Iterator[str]:
    """Yield `canonical` and those of the versions that its own is one of: 1.2.3, 1.2, 1."""
    yield canonical
    url, bar, version = canonical.partition("|")
    for place in reversed(range(1, len(version))):
        if version[place] in _VERSION_DIVIDERS:
            yield url + bar + version[:place]


def _starts(
    parameter: Parameter, text: str, environment: Environment
) -> tuple[tuple[str, str], ...]:
    """Return what `text` may refer to, with its type. Raises BadRequest if it has no hierarchy."""
    value = unescaped(text)
    target = parse(value, environment.base_url)
    types = [type for type in parameter.targets if type in PART_OF]
    if target.type is not None:
        found = [(target.type, target.text)] if target.type in types else []
    else:
        found = [(type, f"{type}/{value}") for type in types if is_id(value)]
    if not found:
        raise BadRequest.because(
            "search-hierarchy-none", parameter=parameter.code, value=shown(value)
        )
    return tuple(found)


MODIFIERS: Mapping[str, Callable[[Parameter, str, Environment, Asked], Condition]] = {
    "below": _below,
    "above": _above,
}
"""How references are compared with these modifiers."""
