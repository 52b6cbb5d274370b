"""What a search includes beside its matches: ``_include`` and ``_revinclude``, understood.

Each applies to the matches; with ``:iterate`` also to what was included. Neither takes several
values divided by commas: the parameter is repeated.

Spec: https://hl7.org/fhir/R4/search.html#include
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from server.fhir.outcome import BadRequest
from server.search import hiding
from server.search.hiding import EVERYTHING, Sight
from server.search.parameter import Parameter
from server.search.plans import Plans
from server.search.pointers import Names, Pointers, Reach, leaves
from server.search.uri import CANONICAL_TYPES
from server.search.values import shown

_VALUE = re.compile(r"\*|([A-Z][A-Za-z]*):(\*|[A-Za-z_][A-Za-z0-9_-]*)(?::([A-Z][A-Za-z]*))?")
_REFERRING = CANONICAL_TYPES | {"Reference"}


class IncludeNotDone(BadRequest):
    """An include that is not supported, which a lenient caller does without."""

    code = "not-supported"


@dataclass(frozen=True, slots=True)
class Ways:
    """Index names to follow from a resource, and to find resources that refer to one, by type."""

    forward: Mapping[str, Names] = field(default_factory=dict)
    reverse: Mapping[str, Names] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether any way leads on."""
        return bool(self.forward or self.reverse)

    @property
    def fields(self) -> tuple[str, ...]:
        """The stored fields, beside `_id` and `raw`, of a resource that these ways lead from."""
        by_url = any(reach.canonical for names in self.reverse.values() for reach in names.values())
        return ("pt", "t") if self.forward or by_url else ()


@dataclass(frozen=True, slots=True)
class Includes:
    """The ways to follow from matches (`first`) and from what these led to (`again`).

    `used` are the parameters that count, `ignored` those that a lenient caller does without.
    """

    pointers: Pointers
    first: Ways
    again: Ways
    used: tuple[tuple[str, str], ...] = ()
    ignored: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything is to be included."""
        return bool(self.first)

    @property
    def fields(self) -> tuple[str, ...]:
        """The stored fields that a match must have, beside `_id` and `raw`."""
        return self.first.fields


@dataclass(frozen=True, slots=True)
class _Asked:
    """One parameter. `source`, `code` None mean ``*``, `target` None means any."""

    name: str
    value: str
    source: str | None
    code: str | None
    target: str | None

    @property
    def is_reverse(self) -> bool:
        return self.name.startswith("_revinclude")

    @property
    def iterates(self) -> bool:
        return self.name.endswith(":iterate")


def parse(
    plans: Plans,
    types: Collection[str],
    parameters: Sequence[tuple[str, str]],
    *,
    lenient: bool = False,
    sight: Sight = EVERYTHING,
) -> Includes:
    """Return what `parameters`, all of them includes, ask of a search of `types`.

    No reference is followed that is not in `sight`, for what comes would tell it.

    Raises BadRequest for a value that is not formed like one, Forbidden for one that names a
    hidden element and, unless `lenient`, IncludeNotDone for one that leads nowhere.
    """
    used: list[tuple[str, str]] = []
    ignored: list[tuple[str, str]] = []
    first, again = _Collected(), _Collected()
    for name, value in parameters:
        try:
            asked = _asked(plans, types, name, value)
            reached = list(_reached(plans, types, asked, sight))
        except IncludeNotDone:
            if not lenient:
                raise
            ignored.append((name, value))
            continue
        used.append((name, value))
        for collected in (first, again) if asked.iterates else (first,):
            collected.add(reached, reverse=asked.is_reverse)
    return Includes(Pointers(plans), first.ways(), again.ways(), tuple(used), tuple(ignored))


def offered(plans: Plans, type: str) -> tuple[list[str], list[str]]:
    """Return what a search of `type` can include, and what it can include in reverse.

    ``*`` stands for all of it, also for parameters that may refer to resources of any type.
    """
    forward = [f"{type}:{code}" for code, one in plans[type].parameters.items() if _refers(one)]
    every = len(plans.definitions.resource_types)
    reverse = [
        f"{source}:{code}"
        for source in plans.definitions.resource_types
        for code, fact in plans.definitions.search_parameters[source].items()
        if type in fact.target and len(fact.target) < every and code in plans[source].parameters
    ]
    return [*(("*",) if forward else ()), *forward], ["*", *reverse]


_Reached = tuple[str, str, Reach]
"""A source type, an index name of it, and what is reached under that."""


@dataclass(slots=True)
class _Collected:
    """Ways while they are collected."""

    forward: dict[str, dict[str, Reach]] = field(default_factory=dict)
    reverse: dict[str, dict[str, Reach]] = field(default_factory=dict)

    def add(self, reached: Iterable[_Reached], *, reverse: bool) -> None:
        """Add ways in one direction."""
        for source, name, reach in reached:
            names = (self.reverse if reverse else self.forward).setdefault(source, {})
            names[name] = names[name] | reach if name in names else reach

    def ways(self) -> Ways:
        """Return what was collected."""
        return Ways(self.forward, self.reverse)


def _asked(plans: Plans, types: Collection[str], name: str, value: str) -> _Asked:
    """Return what one parameter asks for.

    Raises BadRequest, IncludeNotDone.
    """
    code, colon, modifier = name.partition(":")
    if colon and modifier != "iterate":
        raise IncludeNotDone.because(
            "search-modifier-unsupported", parameter=code, modifier=shown(modifier)
        )
    match = _VALUE.fullmatch(value)
    if match is None:
        raise BadRequest.because("search-include-malformed", parameter=name, value=shown(value))
    source, parameter, target = match.groups()
    for type in (source, target):
        if type is not None and type not in plans.definitions.search_parameters:
            raise IncludeNotDone.because("search-type-unknown", type=shown(type))
    asked = _Asked(name, value, source, None if parameter == "*" else parameter, target)
    start = target if asked.is_reverse else source
    if not asked.iterates and start is not None and start not in types:
        raise IncludeNotDone.because(
            "search-include-off-path", parameter=name, value=shown(value), type=start
        )
    return asked


def _reached(
    plans: Plans, types: Collection[str], asked: _Asked, sight: Sight
) -> Iterator[_Reached]:
    """Yield what `asked` reaches from a search of `types`.

    Raises IncludeNotDone if it names a parameter that does not lead there, Forbidden if it names
    one that is hidden; ``*`` does not mean those.
    """
    if asked.source is not None and asked.code is not None:
        hiding.require_shown(plans[asked.source], asked.code, sight)
        yield from _named(plans, types, asked, asked.source, asked.code)
        return
    every = plans.definitions.resource_types
    open_types = every if asked.is_reverse or asked.iterates else types
    ends = _ends(types, asked)
    for source in open_types if asked.source is None else (asked.source,):
        for code, fact in plans.definitions.search_parameters[source].items():
            # Most types refer to few others, and need not be planned to know that.
            may_reach = ends is None or not fact.target or not ends.isdisjoint(fact.target)
            parameter = plans[source].parameters.get(code) if may_reach else None
            if parameter is None or not _refers(parameter):
                continue
            if hiding.is_shown(plans[source], code, sight):
                yield from _leading(plans, parameter, source, asked, ends)


def _named(
    plans: Plans, types: Collection[str], asked: _Asked, source: str, code: str
) -> Iterator[_Reached]:
    parameter = plans[source].parameters.get(code)
    if parameter is None:
        plans.require_indexed(source, code)
        raise IncludeNotDone.because("search-parameter-unknown", type=source, parameter=shown(code))
    if not _refers(parameter):
        raise IncludeNotDone.because(
            "search-include-not-reference", type=source, parameter=shown(code)
        )
    ends = _ends(types, asked)
    found = list(_leading(plans, parameter, source, asked, ends))
    if not found:
        raise IncludeNotDone.because(
            "search-include-not-target",
            type=source,
            parameter=shown(code),
            target=shown(", ".join(sorted(ends or ()))),
        )
    yield from found


def _ends(types: Collection[str], asked: _Asked) -> frozenset[str] | None:
    """Return the types that a reference must lead to, None if any will do."""
    if asked.target is not None:
        return frozenset({asked.target})
    return frozenset(types) if asked.is_reverse and not asked.iterates else None


def _leading(
    plans: Plans, parameter: Parameter, source: str, asked: _Asked, ends: frozenset[str] | None
) -> Iterator[_Reached]:
    """Yield the index names of `parameter` that may lead to one of the types `ends`."""
    for leaf in leaves(parameter):
        targets, canonical = leaf.targets, bool(leaf.types & CANONICAL_TYPES)
        if not (canonical or ends or asked.is_reverse or leaf.narrowed):
            # Whatever a resource refers to is wanted, even what R4's facts do not foresee; but
            # resources of several types may have one URL.
            targets = plans.definitions.resource_types
        types = _set(targets) if ends is None else ends.intersection(targets)
        if types and _refers(leaf):
            yield source, leaf.name, Reach(types, canonical)


@lru_cache(maxsize=64)
def _set(types: tuple[str, ...]) -> frozenset[str]:
    """Return `types` as a set; most parameters refer to the same few, or to all there are."""
    return frozenset(types)


def _refers(parameter: Parameter) -> bool:
    """Tell whether values of `parameter` refer to resources that are stored by themselves."""
    return parameter.type == "reference" and bool(parameter.types & _REFERRING)
