"""The filters by which a value set chooses concepts of a code system.

Spec: https://hl7.org/fhir/R4/valueset-filter-operator.html
"""

from collections.abc import Callable, Mapping
from typing import Any

from server.fhir.outcome import Unprocessable
from server.terminology.concepts import Concept
from server.terminology.expressions import (
    AllOf,
    Beneath,
    Expression,
    Having,
    Listed,
    Matching,
    Not,
    Parents,
    compiled,
)
from server.terminology.systems import System

Json = Mapping[str, Any]
OPERATORS = (
    "=", "is-a", "descendent-of", "is-not-a", "regex", "in", "not-in", "generalizes", "exists",
)  # fmt: skip
_ITSELF = ("concept", "code")
_LONGEST_PATTERN = 1000
_SHOWN = 80


def expression(url: str, system: System | None, filter: Json) -> Expression:
    """Return which concepts of `system`, whose URL is `url`, the `filter` chooses.

    Raises Unprocessable if it cannot be told.
    """
    property, operator, value = filter["property"], filter["op"], filter["value"]
    refusal = Unprocessable.because(
        "value-set-filter",
        system=url[:_SHOWN],
        property=property[:_SHOWN],
        operator=operator[:_SHOWN],
        value=value[:_SHOWN],
    )
    if operator in _BY_SUBSUMPTION:
        if property not in _ITSELF:
            raise refusal
        return _BY_SUBSUMPTION[operator](_concept(url, system, value), value)
    match operator:
        case "=" | "in" | "not-in":
            values = (value,) if operator == "=" else _separate(value)
            found = _with_one_of(url, system, property, values)
            return Not(found) if operator == "not-in" else found
        case "exists" if value in ("true", "false"):
            there = Parents() if property == "child" else Having(property, None)
            return there if value == "true" else Not(there)
        case "regex" if property not in ("parent", "child"):
            _check(value, refusal)
            return Matching(property, value)
    raise refusal


def _check(pattern: str, refusal: Unprocessable) -> None:
    try:
        if len(pattern) <= _LONGEST_PATTERN:
            compiled(pattern)
            return
    except ValueError:
        raise refusal from None
    raise refusal


def _with_one_of(
    url: str, system: System | None, property: str, values: tuple[str, ...]
) -> Expression:
    if property in _ITSELF:
        return Listed(values)
    if property == "child":
        known = [_concept(url, system, value) for value in values]
        return Listed(tuple(dict.fromkeys(code for one in known if one for code in one.parents)))
    return Having(property, frozenset(values))


def _separate(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.strip() for one in value.split(",")))


def _concept(url: str, system: System | None, code: str) -> Concept | None:
    """Return the concept that a filter names, None if it need not be here.

    Raises Unprocessable if there is no such concept.
    """
    found = None if system is None else system.concepts((code,)).get(code)
    if found is None and system is not None and system.about.is_whole:
        raise Unprocessable.because("code-unknown", system=url[:_SHOWN], code=code[:_SHOWN])
    return found


def _above(concept: Concept | None, code: str) -> Expression:
    return Listed((code,) if concept is None else tuple(sorted(concept.ancestors)))


_BY_SUBSUMPTION: Mapping[str, Callable[[Concept | None, str], Expression]] = {
    "is-a": lambda _, code: Beneath(code),
    "descendent-of": lambda _, code: AllOf((Beneath(code), Not(Listed((code,))))),
    "is-not-a": lambda _, code: Not(Beneath(code)),
    "generalizes": _above,
}
