"""``_filter``: a tree of comparisons, compiled to a condition.

A path is a chain, and a filter in brackets behind one of its names is about the resource that the
rest of the path goes on from. For ``characteristic`` of a Group the brackets choose among the
elements of the group itself.

Spec: https://hl7.org/fhir/R4/search_filter.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from server.fhir.outcome import BadRequest, TooCostly
from server.search import filter_operators
from server.search.conditions import Condition, all_of, any_of
from server.search.filter_grammar import Comparison, Filter, Joined, Not, Step, parse
from server.search.values import split

MOST_WORK = 2000
"""How many comparisons, joined or not, are compiled, each counted for each type it is about."""
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

    Raises BadRequest if `text` is no filter, or names what `compiler` does not know; TooCostly if
    its chains lead through too many types.
    """
    return _Work(compiler).condition(parse(text), type)


@dataclass(slots=True)
class _Work:
    """The compilation of one filter, which is done anew for each type that a chain leads to."""

    compiler: Compiler
    done: int = 0

    def condition(self, filter: Filter, type: str) -> Condition:
        """Return the condition that resources of `type` fulfil `filter`."""
        self.done += 1
        if self.done > MOST_WORK:
            raise TooCostly.because("search-filter-too-wide", limit=MOST_WORK)
        match filter:
            case Joined(word, parts):
                conditions = [self.condition(part, type) for part in parts]
                return all_of(conditions) if word == "and" else any_of(conditions)
            case Not(inner):
                return {"$nor": [self.condition(inner, type)]}
            case Comparison(path, operator, value):
                first, *rest = path
                if rest:
                    return self._chained(first, Comparison(tuple(rest), operator, value), type)
                return filter_operators.apply(self.compiler, type, first.code, operator, value)

    def _chained(self, step: Step, left: Comparison, type: str) -> Condition:
        """Return the condition that what `step` leads to fulfils its own filter and `left`."""
        within = _WITHIN.get((type, step.code))
        if within is not None and step.where is not None:
            return _same_element(step, left, within, type, self.compiler)
        parts: list[Filter] = [left] if step.where is None else [step.where, left]
        return self.compiler.chained(
            type, step.code, lambda target: all_of([self.condition(one, target) for one in parts])
        )


def _same_element(
    step: Step, left: Comparison, within: _Within, type: str, compiler: Compiler
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
        case Comparison((Step(name, None),), operator, value) if operator in _EQUAL:
            return name, value
    return "", ""
