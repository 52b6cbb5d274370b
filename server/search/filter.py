"""``_filter``: a tree of tests, compiled to a condition.

A path is a chain, and a filter in brackets behind one of its names is about the resource that the
rest of the path goes on from. For ``characteristic`` of a Group the brackets choose among the
elements of the group itself.

Spec: https://hl7.org/fhir/R4/search_filter.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from server.fhir.outcome import BadRequest
from server.search import filter_operators
from server.search.conditions import Condition, all_of, any_of
from server.search.filter_grammar import Filter, Joined, Not, Step, Test, parse
from server.search.values import split

_EQUAL = ("eq", "re")


class Compiler(filter_operators.Leaves, Protocol):
    """Compiles the parameters and the chains of a filter."""

    def chained(self, type: str, code: str, inner: Callable[[str], Condition]) -> Condition:
        """Return the condition that the reference `code` points at one that fulfils `inner`.

        `inner` gives the condition on resources of a type that it may point at. Where it raises
        BadRequest that type is left out, unless all do.
        """


@dataclass(frozen=True, slots=True)
class _Within:
    """A name for elements, and the `composite` that finds them by the parts called `names`."""

    composite: str
    names: tuple[str, str]


# R4 names more of them, for which it has no parameters, or none that can be evaluated.
_WITHIN = {("Group", "characteristic"): _Within("characteristic-value", ("code", "value"))}


def compile(text: str, type: str, compiler: Compiler) -> Condition:
    """Return the condition that resources of `type` fulfil the filter `text`.

    Raises BadRequest if `text` is no filter, or names what `compiler` does not know.
    """
    return _compiled(parse(text), type, compiler)


def _compiled(filter: Filter, type: str, compiler: Compiler) -> Condition:
    match filter:
        case Joined(word, parts):
            conditions = [_compiled(part, type, compiler) for part in parts]
            return all_of(conditions) if word == "and" else any_of(conditions)
        case Not(inner):
            return {"$nor": [_compiled(inner, type, compiler)]}
        case Test(path, operator, value):
            first, *rest = path
            if rest:
                return _chained(first, Test(tuple(rest), operator, value), type, compiler)
            return filter_operators.apply(compiler, type, first.code, operator, value)


def _chained(step: Step, left: Test, type: str, compiler: Compiler) -> Condition:
    """Return the condition that what `step` leads to fulfils its own filter and `left`."""
    within = _WITHIN.get((type, step.code))
    if within is not None and step.where is not None:
        return _same_element(step, left, within, type, compiler)
    parts: list[Filter] = [left] if step.where is None else [step.where, left]
    return compiler.chained(
        type, step.code, lambda target: all_of([_compiled(one, target, compiler) for one in parts])
    )


def _same_element(
    step: Step, left: Test, within: _Within, type: str, compiler: Compiler
) -> Condition:
    values = dict(_equality(one) for one in (step.where, left))
    if values.keys() != set(within.names):
        raise BadRequest.because(
            "search-filter-within-unsupported",
            parameter=step.code,
            names="、".join(within.names),
        )
    text = "$".join("\\$".join(split(values[name], "$")) for name in within.names)
    return filter_operators.apply(compiler, type, within.composite, "eq", text)


def _equality(filter: Filter | None) -> tuple[str, str]:
    """Return the name and the value that `filter` says are equal, else two empty texts."""
    match filter:
        case Test((Step(name, None),), operator, value) if operator in _EQUAL:
            return name, value
    return "", ""
