"""What each operator of ``_filter`` means for each kind of search parameter.

Most are ordinary parameters with a prefix or a modifier. That a value is unequal (``ne``) holds
where there is one and none is equal; for dates, numbers and quantities it is the prefix.

Values are compared as elsewhere in the search: strings folded, tokens character by character.

Spec: https://hl7.org/fhir/R4/search_filter.html#ops
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from server.fhir.outcome import BadRequest
from server.search import date, string
from server.search.conditions import NOTHING, Condition, all_of, starts_with
from server.search.kinds import Compare
from server.search.parameter import Asked, Environment, Parameter
from server.search.values import split

_NAMESPACES = {
    "loinc": "http://loinc.org",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "snomed": "http://snomed.info/sct",
    "ucum": "http://unitsofmeasure.org",
}
_PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb")
# The least character that may follow in a folded string; what ends one comes before it.
_LEAST = " "
_LAST = "\U0010ffff"


class Leaves(Protocol):
    """Compiles one search parameter, called `code`, of a resource type."""

    def kind(self, type: str, code: str) -> str:
        """Return the type of the parameter: ``string``, ... Raises BadRequest if there is none."""

    def condition(self, type: str, name: str, value: str) -> Condition:
        """Return the condition of ``name=value`` in a URL; `name` may have a modifier."""

    def compared(self, type: str, code: str, compare: Compare, text: str) -> Condition:
        """Return the condition that `compare` makes of the escaped `text`."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One parameter of a type."""

    leaves: Leaves
    type: str
    code: str

    def asked(self, value: str, modifier: str = "") -> Condition:
        """Return the condition of ``code=value`` in a URL, or ``code:modifier=value``."""
        name = f"{self.code}:{modifier}" if modifier else self.code
        return self.leaves.condition(self.type, name, value)

    def compared(self, compare: Compare, text: str) -> Condition:
        """Return the condition that `compare` makes of `text`."""
        return self.leaves.compared(self.type, self.code, compare, text)


_Operation = Callable[[_Leaf, str], Condition]


def apply(leaves: Leaves, type: str, code: str, operator: str, value: str) -> Condition:
    """Return the condition that `code` of resources of `type` is in this relation to `value`.

    Raises BadRequest if there is no such parameter, its kind has no such operator, or `value` is
    none of its kind.
    """
    kind = leaves.kind(type, code)
    operation = _OPERATIONS.get(kind, {}).get(operator)
    if operation is None or operator in _MEANINGLESS.get(code, ()):
        raise BadRequest.because(
            "search-filter-operator-unsupported", parameter=code, operator=operator, kind=kind
        )
    if not value:
        raise BadRequest.because("search-value-empty", parameter=code)
    return operation(_Leaf(leaves, type, code), _one_alternative(value))


def _one_alternative(value: str) -> str:
    """Return `value` with commas escaped: here they do not divide."""
    return "\\,".join(split(value, ","))


def _plain(leaf: _Leaf, value: str) -> Condition:
    return leaf.asked(value)


def _prefixed(prefix: str) -> _Operation:
    return lambda leaf, value: leaf.asked(prefix + value)


def _modified(modifier: str) -> _Operation:
    return lambda leaf, value: leaf.asked(value, modifier)


def _comparing(compare: Compare) -> _Operation:
    return lambda leaf, value: leaf.compared(compare, value)


def _unequal(equal: _Operation) -> _Operation:
    return lambda leaf, value: all_of(
        [leaf.asked("false", "missing"), {"$nor": [equal(leaf, value)]}]
    )


def _present(leaf: _Leaf, value: str) -> Condition:
    return leaf.asked("false" if value == "true" else "true", "missing")


def _in_full(operation: _Operation, place: int) -> _Operation:
    """Return `operation` on a value whose part at `place` may be the short name of a system."""

    def in_full(leaf: _Leaf, value: str) -> Condition:
        parts = split(value, "|")
        if len(parts) > place + 1:
            parts[place] = _NAMESPACES.get(parts[place], parts[place])
        return operation(leaf, "|".join(parts))

    return in_full


def _whole(parameter: Parameter, text: str, environment: Environment, _asked: Asked) -> Condition:
    if parameter.code in string.SOUNDED:
        return string.exact(parameter, text, environment)
    plain = string.sought(parameter, text)
    return starts_with("s", string.entry(parameter.name, "", plain))


def _ending(parameter: Parameter, text: str, environment: Environment, _asked: Asked) -> Condition:
    anywhere = string.contains(parameter, text, environment)
    if anywhere == NOTHING:
        return NOTHING
    end = string.entry("", "", "").removeprefix("=")
    plain = re.escape(string.sought(parameter, text))
    at_end = f"^{re.escape(parameter.name)}=[^{end}]*{plain}{end}"
    return {"$and": [anywhere, {"s": {"$regex": at_end}}]}


def _between(limits: Callable[[str], tuple[str, str]]) -> _Operation:
    """Return what finds strings from the first of `limits` to before the second.

    They are worked out from the folded value; strings are in the order of Unicode.
    """

    def between(
        parameter: Parameter, text: str, _environment: Environment, _asked: Asked
    ) -> Condition:
        start = f"{parameter.name}="
        low, high = limits(string.sought(parameter, text))
        return {"s": {"$elemMatch": {"$gte": start + low, "$lt": start + high}}}

    return _comparing(between)


def _overlapping(
    parameter: Parameter, text: str, environment: Environment, asked: Asked
) -> Condition:
    # To be near a date is to overlap a stretch that is wider by a tenth of its distance from now.
    _, wanted = date.parse(parameter, f"eq{text}", environment)
    now = replace(asked, now=wanted.start)
    return date.condition(parameter, f"ap{text}", environment, now)


def _containing(
    parameter: Parameter, text: str, environment: Environment, asked: Asked
) -> Condition:
    _, wanted = date.parse(parameter, f"eq{text}", environment)
    starts, ends = {"$lte": wanted.start}, {"$gte": wanted.end}
    if parameter.main == "ds":
        # That it overlaps follows, and has an index.
        overlapping = _overlapping(parameter, text, environment, asked)
        return {"$and": [overlapping, {"ds": starts, "de": ends}]}
    return {"d": {"$elemMatch": {"p": parameter.name, "s": starts, "e": ends}}}


_PR: Mapping[str, _Operation] = {"pr": _present}
_ORDERED: Mapping[str, _Operation] = {prefix: _prefixed(prefix) for prefix in _PREFIXES}
_STRING_EQUAL, _TOKEN_EQUAL = _comparing(_whole), _in_full(_plain, 0)
_MEANINGLESS = {
    "_lastUpdated": ("co",),
    **dict.fromkeys(string.SOUNDED, ("co", "ew", "gt", "ge", "lt", "le")),
}
"""Operators that single parameters do without: a moment contains nothing, a sound has no end."""
_OPERATIONS: Mapping[str, Mapping[str, _Operation]] = {
    "string": {
        "eq": _STRING_EQUAL,
        "ne": _unequal(_STRING_EQUAL),
        "co": _modified("contains"),
        "sw": _plain,
        "ew": _comparing(_ending),
        "gt": _between(lambda value: (value + _LEAST, _LAST)),
        "ge": _between(lambda value: (value, _LAST)),
        "lt": _between(lambda value: ("", value)),
        "le": _between(lambda value: ("", value + _LEAST)),
        **_PR,
    },
    "token": {
        "eq": _TOKEN_EQUAL,
        "ne": _unequal(_TOKEN_EQUAL),
        "in": _modified("in"),
        "ni": _modified("not-in"),
        "ss": _in_full(_modified("below"), 0),
        "sb": _in_full(_modified("above"), 0),
        **_PR,
    },
    "date": {
        **_ORDERED,
        "po": _comparing(_overlapping),
        "co": _comparing(_containing),
        **_PR,
    },
    "number": {**_ORDERED, **_PR},
    "quantity": {**{name: _in_full(one, 1) for name, one in _ORDERED.items()}, **_PR},
    "reference": {"eq": _plain, "ne": _unequal(_plain), "re": _plain, **_PR},
    "uri": {"eq": _plain, "ne": _unequal(_plain), **_PR},
    "composite": {"eq": _plain},
    "special": {"eq": _plain},
}
