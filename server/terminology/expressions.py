"""Which concepts of one code system are meant: what filters and compositions come to.

An expression is of one system. It is answered for one concept at a time by `holds`, and turned into
a query by a store that has too many concepts to look at each.

Spec: https://hl7.org/fhir/R4/valueset.html#compositions
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import re2

from server.terminology import spelling
from server.terminology.concepts import Concept


@dataclass(frozen=True, slots=True)
class Listed:
    """The concepts with these codes, in this order; they need not be known."""

    codes: tuple[str, ...]
    members: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make the set, which is asked more often than it is made."""
        object.__setattr__(self, "members", frozenset(self.codes))


@dataclass(frozen=True, slots=True)
class Beneath:
    """The concept `code` and all that it subsumes."""

    code: str


@dataclass(frozen=True, slots=True)
class Having:
    """Concepts with one of `values` for `property`; with any value, if `values` is None."""

    property: str
    values: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Matching:
    """Concepts a value of whose `property` is matched, as a whole, by a regular expression."""

    property: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Parents:
    """Concepts that subsume another one."""


@dataclass(frozen=True, slots=True)
class Inactive:
    """Concepts that are not to be used any more."""


@dataclass(frozen=True, slots=True)
class AllOf:
    """Concepts that all parts are about: every concept, if there are none."""

    parts: tuple["Expression", ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Concepts that one part is about: none, if there are none."""

    parts: tuple["Expression", ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The other concepts."""

    part: "Expression"


@dataclass(frozen=True, slots=True)
class Called:
    """Concepts that have, for each of `words`, a word that begins so or sounds so."""

    words: tuple[str, ...]


Expression = (
    Listed | Beneath | Having | Matching | Parents | Inactive | Called | AllOf | AnyOf | Not
)
EVERY = AllOf()
NONE = AnyOf()


def holds(expression: Expression, concept: Concept) -> bool:
    """Tell whether `concept` is one of those that are meant."""
    match expression:
        case Listed():
            return concept.code in expression.members
        case Beneath(code):
            return code in concept.ancestors
        case AllOf(parts):
            return all(holds(part, concept) for part in parts)
        case AnyOf(parts):
            return any(holds(part, concept) for part in parts)
        case Not(part):
            return not holds(part, concept)
        case Having(property, None):
            return bool(concept.values(property))
        case Having(property, frozenset() as values):
            return bool(concept.values(property) & values)
        case Matching(property, pattern):
            matches = compiled(pattern).fullmatch
            return any(matches(value) for value in concept.values(property))
        case Parents():
            return concept.has_children
        case Inactive():
            return concept.is_inactive
        case Called(words):
            return spelling.has(concept, words)


def listed(expression: Expression) -> tuple[str, ...] | None:
    """Return codes, in order, that all meant are among; None if they are not listed."""
    match expression:
        case Listed(codes):
            return codes
        case AnyOf(parts):
            lists = [listed(part) for part in parts]
            if None in lists:
                return None
            return tuple(dict.fromkeys(code for one in lists for code in one or ()))
        case AllOf(parts):
            return next((one for one in map(listed, parts) if one is not None), None)
    return None


def decided(expression: Expression, code: str) -> bool | None:
    """Tell whether the concept `code`, of which nothing is known, is meant; None if unknowable."""
    match expression:
        case Listed():
            return code in expression.members
        case Not(part):
            found = decided(part, code)
            return None if found is None else not found
        case AllOf(parts):
            return _together([decided(part, code) for part in parts], weakest=False)
        case AnyOf(parts):
            return _together([decided(part, code) for part in parts], weakest=True)
        case Having("code" | "concept", frozenset() as values):
            return code in values
        case Matching("code" | "concept", pattern):
            return compiled(pattern).fullmatch(code) is not None
    return None


def _together(answers: list[bool | None], *, weakest: bool) -> bool | None:
    if weakest in answers:
        return weakest
    return None if None in answers else not weakest


def conjunction(parts: Iterable[Expression]) -> Expression:
    """Return what all `parts` mean."""
    found = tuple(dict.fromkeys(part for part in parts if part != EVERY))
    return found[0] if len(found) == 1 else AllOf(found)


def disjunction(parts: Iterable[Expression]) -> Expression:
    """Return what any of `parts` means."""
    found = tuple(dict.fromkeys(part for part in parts if part != NONE))
    return found[0] if len(found) == 1 else EVERY if EVERY in found else AnyOf(found)


def compiled(pattern: str) -> Any:  # noqa: ANN401  # the library has no types
    """Return `pattern`, compiled: it takes time in proportion to a text. Raises ValueError."""
    options = re2.Options()
    options.max_mem = 1 << 20
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise ValueError(pattern) from None
