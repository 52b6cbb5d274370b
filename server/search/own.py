"""Search parameters of our own: which are in force, and what is wrong with one.

One has to mean something for each type it is for. The bounds keep the work that it adds to
each write small.

Spec: https://hl7.org/fhir/R4/searchparameter.html
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from server.fhir.outcome import Issue
from server.profiles import own_parameters
from server.profiles.definitions import Definitions, SearchParameter
from server.profiles.fhirpath import ExpressionError
from server.profiles.own_parameters import Own, View
from server.search.expressions import Branch, branches
from server.search.kinds import KINDS
from server.search.parameter import Environment, Parameter
from server.search.plan import Plan
from server.search.plans import Plans, Waiting

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_BRACKETS = re.compile(r"[()]")
_LONGEST, _DEEPEST, _MOST_PARTS, _MOST_WAYS = 2000, 8, 60, 100
_ROOTS = ("Resource", "DomainResource")
# Not special: what such a parameter means stands in its description only.
_TYPES = frozenset((*KINDS, "composite")) - {"special"}


def faults(plans: Plans, fact: SearchParameter, own: Own) -> list[Issue]:
    """Return why `fact` cannot be used beside R4's parameters and `own`, nothing if it can.

    What `own` has under the same URL, it takes the place of.
    """
    others = {
        type: tuple(one for one in known if one.url != fact.url) for type, known in own.items()
    }
    found = list(_general(plans.r4, fact))
    if found:
        return found
    for type in own_parameters.types(plans.r4, fact):
        found += _in_type(plans, fact, type, others.get(type, ()))
    return found


def reason(plans: Plans, fact: SearchParameter, type: str) -> str:
    """Return why `fact`, a parameter of R4, cannot be evaluated for `type`, in English."""
    if fact.expression is None:
        return "There is no expression."
    if fact.type not in KINDS and fact.type != "composite":
        return f"There are no rules for the type {fact.type}."
    ways = _ways(plans.r4, fact, type)
    if isinstance(ways, Issue):
        return ways.text("en")
    found = _in_kind(fact, type, ways, plans.environment) if fact.type in KINDS else ()
    told = [issue.text("en") for issue in found]
    return " ".join(told) or "Its components do not fit their definitions."


def is_built_in(definitions: Definitions, fact: SearchParameter) -> bool:
    """Tell whether `fact` is a parameter that the server has anyway, by its URL."""
    return any(
        known.url == fact.url
        for type in own_parameters.types(definitions, fact)
        for known in definitions.search_parameters[type].values()
    )


def view(
    plans: Plans, shipped: Sequence[SearchParameter], stored: Iterable[Mapping[str, Any]]
) -> View:
    """Return the parameters in force, of those that come with the server and those `stored`.

    Of two that cannot be had together, the first wins. A composite comes after all that it may
    be made of. Those that the server has anyway are left out: what it has brought is stored, too.
    """
    own: dict[str, tuple[SearchParameter, ...]] = {}
    rejected: list[tuple[SearchParameter, tuple[str, ...]]] = []
    brought = {(fact.url, fact.id) for fact in shipped}
    active = [own_parameters.read(each) for each in stored if own_parameters.is_active(each)]
    read = [fact for fact in active if (fact.url, fact.id) not in brought]
    added = [fact for fact in (*shipped, *read) if not is_built_in(plans.r4, fact)]
    for fact in sorted(added, key=lambda fact: fact.type == "composite"):
        reasons = faults(plans, fact, own)
        if any(fact.url == one.url for known in own.values() for one in known):
            reasons.append(_issue("own-parameter-url-taken", "url", url=fact.url[:200]))
        if reasons:
            rejected.append((fact, tuple(each.text("en") for each in reasons)))
            continue
        for type in own_parameters.types(plans.r4, fact):
            own[type] = (*own.get(type, ()), fact)
    indexed = {type: _indexed(plans.trial(type, facts), facts) for type, facts in own.items()}
    return View(own, {type: facts for type, facts in indexed.items() if facts}, tuple(rejected))


def waiting(known: View) -> Waiting:
    """Return what waits of `known` as long as nothing is known of what is indexed."""
    return {type: {fact.code: 0 for fact in facts} for type, facts in known.indexed.items()}


def _indexed(plan: Plan, own: Sequence[SearchParameter]) -> tuple[SearchParameter, ...]:
    """Return those of `own` that have index entries, or are made of parameters that may have."""
    return tuple(
        fact
        for fact in own
        if fact.code not in plan.parameters or not plan.parameters[fact.code].sources
    )


def _general(definitions: Definitions, fact: SearchParameter) -> Iterator[Issue]:
    """Yield what is wrong with `fact` whatever type it is for."""
    known = {*definitions.resource_types, *_ROOTS}
    for position, base in enumerate(fact.base):
        if base not in known:
            yield _issue("own-parameter-base-unknown", f"base[{position}]", base=base[:40])
    for position, target in enumerate(fact.target):
        if target not in known:
            yield _issue("own-parameter-target-unknown", f"target[{position}]", target=target[:40])
    if not _CODE.fullmatch(fact.code):
        yield _issue("own-parameter-code-malformed", "code", code=fact.code[:40])
    if fact.type not in _TYPES:
        yield _issue("own-parameter-type-unsupported", "type", kind=fact.type)
    if fact.type == "composite" and len(fact.components) < 2:
        yield _issue("own-parameter-component-missing", "component")
    yield from _in_size(fact)


def _in_size(fact: SearchParameter) -> Iterator[Issue]:
    """Yield that `fact` has no expression, or one that is too large to be looked at."""
    if fact.expression is None:
        yield _issue("own-parameter-expression-missing", "expression")
    limits = {"limit": _LONGEST, "depth": _DEEPEST, "parts": _MOST_PARTS}
    for where, expression in _expressions(fact):
        if not _is_small(expression):
            yield _issue("own-parameter-expression-too-large", where, **limits)


def _expressions(fact: SearchParameter) -> Iterator[tuple[str, str]]:
    if fact.expression is not None:
        yield "expression", fact.expression
    for position, (_, expression) in enumerate(fact.components):
        yield f"component[{position}].expression", expression


def _is_small(expression: str) -> bool:
    """Tell whether `expression` can be parsed without going deep."""
    depth = deepest = 0
    for sign in _BRACKETS.findall(expression):
        depth += 1 if sign == "(" else -1
        deepest = max(deepest, depth)
    parts = len(re.findall(r"[.|=\[]|\b(?:and|as|is)\b", expression))
    return len(expression) <= _LONGEST and deepest <= _DEEPEST and parts <= _MOST_PARTS


def _in_type(
    plans: Plans, fact: SearchParameter, type: str, own: Sequence[SearchParameter]
) -> Iterator[Issue]:
    """Yield what is wrong with `fact` for `type`, which has the parameters `own` besides R4's."""
    for known in (*plans.r4.search_parameters[type].values(), *own):
        if known.code == fact.code:
            yield _issue(
                "own-parameter-code-taken", "code", type=type, code=fact.code, url=known.url[:200]
            )
            return
    ways = _ways(plans.r4, fact, type)
    if isinstance(ways, Issue):
        yield ways
    elif fact.type == "composite":
        yield from _in_composite(plans, fact, type, own)
    else:
        yield from _in_kind(fact, type, ways, plans.environment)


def _ways(definitions: Definitions, fact: SearchParameter, type: str) -> tuple[Branch, ...] | Issue:
    """Return the ways of the expression of `fact` in `type`, or what is wrong with it."""
    try:
        ways = branches(definitions, fact.expression or "", type)
    except ExpressionError as error:
        return _issue(
            "own-parameter-expression-refused", "expression", type=type, reason=str(error)[:200]
        )
    if not ways:
        return _issue("own-parameter-expression-empty", "expression", type=type)
    if len(ways) > _MOST_WAYS:
        return _issue("own-parameter-ways-too-many", "expression", type=type, limit=_MOST_WAYS)
    return ways


def _in_kind(
    fact: SearchParameter, type: str, ways: Sequence[Branch], environment: Environment
) -> Iterator[Issue]:
    blank, extract = Parameter(fact.code, fact.type, fact.code), KINDS[fact.type].extract
    if not any(extract(blank, way.type, environment) for way in ways):
        found = ", ".join(dict.fromkeys(way.type for way in ways))
        yield _issue(
            "own-parameter-type-differs", "type", type=type, found=found[:200], kind=fact.type
        )


def _in_composite(
    plans: Plans, fact: SearchParameter, type: str, own: Sequence[SearchParameter]
) -> Iterator[Issue]:
    known = plans.r4.search_parameters[type]
    urls = {one.url for one in (*known.values(), *own) if one.type in KINDS}
    for position, (url, _) in enumerate(fact.components):
        if url not in urls:
            where = f"component[{position}].definition"
            yield _issue("own-parameter-component-unknown", where, type=type, url=url[:200])
            return
    if fact.code not in plans.trial(type, (*own, fact)).composites:
        yield _issue("own-parameter-component-refused", "component", type=type)


def _issue(message: str, element: str, **arguments: object) -> Issue:
    return Issue("processing", message, arguments, f"SearchParameter.{element}")
