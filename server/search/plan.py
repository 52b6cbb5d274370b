"""What is indexed of one resource type, and under which names: worked out once from R4's facts.

A parameter that finds nothing but what others find is not indexed again: ``combo-code`` is
``code`` or ``component-code``, and ``patient`` is ``subject`` where that is a Patient.

Spec: https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from server.profiles.definitions import Definitions, SearchParameter
from server.profiles.fhirpath import ExpressionError
from server.profiles.mentions import mentions
from server.search import compartments, roles
from server.search.composite import Composite, composites
from server.search.expressions import Branch, branches
from server.search.implied import implied_codes
from server.search.kinds import KINDS
from server.search.parameter import Environment, Extract, Parameter
from server.search.steps import ValuesOf
from server.search.string import SOUNDED

OWN_FIELDS = {"_id": "_id", "_lastUpdated": "lu"}
"""Parameters that are fields of the stored document: its id and when it was stored."""


@dataclass(frozen=True, slots=True)
class Reader:
    """How the values of one branch of the parameter `code` are found and indexed.

    A resource without the element `first` has none; None if they come from more than one.
    Without `extract` nothing is indexed, it is only known whether there are values.
    """

    code: str
    first: str | None
    values: ValuesOf
    extract: Extract | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is indexed of a type: `parameters` and `composites` by code, `readers` of stored ones.

    `main` says which parameter has the field pt, c or ds (with de) to itself, `about` which field
    tells the patient that it is about: pt, comp or _id. `mentions` are the resource types that it
    can tell of.
    """

    type: str
    parameters: Mapping[str, Parameter]
    composites: Mapping[str, Composite]
    branches: Mapping[str, tuple[Branch, ...]]
    readers: tuple[Reader, ...]
    main: Mapping[str, str]
    about: str | None
    mentions: frozenset[str]


def plan(definitions: Definitions, type: str, environment: Environment) -> Plan:
    """Return the plan of `type`; parameters that cannot be evaluated are left out."""
    facts = definitions.search_parameters[type]
    ways = {code: _ways(definitions, fact, type, environment) for code, fact in facts.items()}
    found = {code: way for code, way in ways.items() if way}
    covers = {code: _sources(code, found, facts, _simpler(code, found)) for code in found}
    stored = {code: found[code] for code in found if not covers[code] and code not in OWN_FIELDS}
    main = roles.main_fields(facts, found, covers)
    kept = {code: field for field, code in main.items()}
    parameters: dict[str, Parameter] = {}
    for code in sorted(found, key=lambda code: _rank(code, found)):
        one = _parameter(definitions, facts[code], found[code], kept.get(code))
        sources = tuple(narrowed(parameters[source], type) for source, type in covers[code])
        parameters[code] = replace(one, sources=sources)
    readers = _readers(stored, parameters, environment)
    readers += [
        Reader(code, branch.first(), branch.values(), None)
        for code, way in found.items()
        for branch in way
        if any(type is not None for _, type in covers[code])
    ]
    joined = composites(definitions, type, parameters, found, environment)
    about = compartments.field(definitions, type, parameters, main)
    told = mentions(definitions, type)
    return Plan(type, parameters, joined, found, tuple(readers), main, about, told)


def extended(
    definitions: Definitions, known: Plan, own: Iterable[SearchParameter], environment: Environment
) -> Plan:
    """Return the plan `known` with the parameters `own`; nothing that it had changes.

    `definitions` have the parameters, too. Those that cannot be evaluated are left out. One that
    finds what parameters of `known` do has no entries; each of the others has its own, so that
    it can come and go by itself.
    """
    facts = {fact.code: fact for fact in own}
    ways = {code: _ways(definitions, fact, known.type, environment) for code, fact in facts.items()}
    found = {code: way for code, way in ways.items() if way}
    branches, every = {**known.branches, **found}, definitions.search_parameters[known.type]
    covers = {code: _sources(code, branches, every, known.branches) for code in found}
    added: dict[str, Parameter] = {}
    stored: dict[str, tuple[Branch, ...]] = {}
    for code, way in found.items():
        one = _parameter(definitions, facts[code], way, None)
        sources = [known.parameters[source] for source, type in covers[code] if type is None]
        if sources and len(sources) == len(covers[code]):
            added[code] = replace(one, sources=tuple(sources))
        else:
            added[code], stored[code] = one, way
    parameters = {**known.parameters, **added}
    joined = composites(definitions, known.type, parameters, branches, environment)
    return replace(
        known,
        parameters=parameters,
        composites={
            **known.composites,
            **{code: joined[code] for code in facts if code in joined},
        },
        branches=branches,
        readers=(*known.readers, *_readers(stored, added, environment)),
    )


def _readers(
    ways: Mapping[str, tuple[Branch, ...]],
    parameters: Mapping[str, Parameter],
    environment: Environment,
) -> list[Reader]:
    return [
        Reader(code, branch.first(), branch.values(), extract)
        for code, way in ways.items()
        for branch in way
        if (
            extract := KINDS[parameters[code].type].extract(
                parameters[code], branch.type, environment
            )
        )
    ]


def _ways(
    definitions: Definitions, fact: SearchParameter, type: str, environment: Environment
) -> tuple[Branch, ...]:
    """Return the branches of `fact` that lead to values its kind can index."""
    kind = KINDS.get(fact.type)
    if kind is None or fact.expression is None:
        return ()
    try:
        ways = branches(definitions, fact.expression, type)
    except ExpressionError:
        return ()
    blank = Parameter(fact.code, fact.type, fact.code)
    return tuple(way for way in ways if kind.extract(blank, way.type, environment))


def _parameter(
    definitions: Definitions, fact: SearchParameter, ways: Iterable[Branch], main: str | None
) -> Parameter:
    targets = fact.target or tuple(
        target for way in ways if way.element for target in way.element.targets
    )
    return Parameter(
        code=fact.code,
        type=fact.type,
        name=fact.code,
        types=frozenset(way.type for way in ways),
        targets=tuple(
            dict.fromkeys(target for target in targets if target in definitions.resource_types)
        )
        or definitions.resource_types,
        implied=implied_codes(definitions, ways),
        main=main,
    )


def narrowed(source: Parameter, type: str | None) -> Parameter:
    """Return the parameter `source` as it finds references to `type` only."""
    if type is None:
        return source
    inner = tuple(narrowed(one, type) for one in source.sources)
    return replace(source, narrowed=type, targets=(type,), sources=inner)


def _rank(code: str, found: Mapping[str, tuple[Branch, ...]]) -> tuple[int, int, str]:
    ways = found[code]
    return len(ways), sum(way.narrowed is not None for way in ways), code


def _simpler(code: str, found: Mapping[str, tuple[Branch, ...]]) -> list[str]:
    rank = _rank(code, found)
    return [other for other in found if _rank(other, found) < rank]


def _sources(
    code: str,
    found: Mapping[str, tuple[Branch, ...]],
    facts: Mapping[str, SearchParameter],
    offered: Iterable[str],
) -> tuple[tuple[str, str | None], ...]:
    """Return those `offered` that together find what `code` does, and the type to narrow each to.

    There are none if they do not find all of it.
    """
    if code in OWN_FIELDS:
        return ()
    open_ways = {_identity(way) for way in found[code]}
    chosen: list[tuple[str, str | None]] = []
    others = [other for other in offered if facts[other].type == facts[code].type]
    for other in sorted(others, key=lambda other: _rank(other, found), reverse=True):
        if (other in SOUNDED) != (code in SOUNDED) or other in OWN_FIELDS:
            continue
        narrowing, same = _covered(found[code], found[other])
        if same and same & open_ways:
            chosen.append((other, narrowing))
            open_ways -= same
    return () if open_ways else tuple(chosen)


_Identity = tuple[str, str, str | None]


def _identity(way: Branch) -> _Identity:
    return way.path, way.type, way.narrowed


def _covered(
    wanted: tuple[Branch, ...], offered: tuple[Branch, ...]
) -> tuple[str | None, frozenset[_Identity]]:
    """Return the ways of `wanted` that `offered` is made of, and the type to narrow it to.

    There are none unless every way of `offered` is one of `wanted`, else it would find more.
    """
    by_path = {(way.path, way.type): way for way in wanted}
    matched = [by_path.get((way.path, way.type)) for way in offered]
    pairs = [(one, other) for one, other in zip(offered, matched, strict=True) if other]
    types = {other.narrowed if one.narrowed is None else None for one, other in pairs}
    alike = all(one.narrowed in (None, other.narrowed) for one, other in pairs)
    if len(pairs) < len(offered) or len(types) != 1 or not alike:
        return None, frozenset()
    return types.pop(), frozenset(_identity(other) for _, other in pairs)
