"""Which concepts of one code system are meant: what filters and compositions come to.

An expression is answered for one concept at a time, and turned into a query by a store that has too
many concepts to look at each. It may list codes without knowing their concepts.

Spec: https://hl7.org/fhir/R4/valueset.html#compositions
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

import re2

from server.terminology import spelling
from server.terminology.concepts import Concept

Codes = tuple[str, ...]
_CODE = ("code", "concept")


class Expression(Protocol):
    """Some concepts of a code system."""

    def holds(self, concept: Concept) -> bool:
        """Tell whether `concept` is one of them."""

    def listed(self) -> Codes | None:
        """Return codes, in order, that all of them are among; None if they are not listed."""

    def decided(self, code: str) -> bool | None:
        """Tell whether the concept `code`, of which no more is known, is one; None if unknown."""


class _Unlisted:
    """What must know a concept to tell anything of it."""

    __slots__ = ()

    def listed(self) -> Codes | None:
        """Return None."""
        return None

    def decided(self, code: str) -> bool | None:
        """Return None."""
        del code
        return None


@dataclass(frozen=True, slots=True)
class Listed:
    """The concepts with these codes, in this order; they need not be known."""

    codes: Codes
    members: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make the set, which is asked more often than it is made."""
        object.__setattr__(self, "members", frozenset(self.codes))

    def holds(self, concept: Concept) -> bool:
        """Tell whether `concept` is one of them."""
        return concept.code in self.members

    def listed(self) -> Codes:
        """Return the codes."""
        return self.codes

    def decided(self, code: str) -> bool:
        """Tell whether `code` is one of them."""
        return code in self.members


@dataclass(frozen=True, slots=True)
class Beneath(_Unlisted):
    """The concept `code` and all that it subsumes."""

    code: str

    def holds(self, concept: Concept) -> bool:
        """Tell whether `concept` is one of them."""
        return self.code in concept.ancestors


@dataclass(frozen=True, slots=True)
class Having(_Unlisted):
    """Concepts with one of `values` for `property`; with any value, if `values` is None."""

    property: str
    values: frozenset[str] | None

    def holds(self, concept: Concept) -> bool:
        """Tell whether `concept` is one of them."""
        held = concept.values(self.property)
        return bool(held if self.values is None else held & self.values)


@dataclass(frozen=True, slots=True)
class Matching(_Unlisted):
    """Concepts a value of whose `property` is matched, as a whole, by a regular expression."""

    property: str
    pattern: str

    def holds(self, concept: Concept) -> bool:
        """Tell whether `concept` is one of them."""
        matches = compiled(self.pattern).fullmatch
        return any(matches(value) for value in concept.values(self.property))

    def decided(self, code: str) -> bool | None:
        """Tell whether it is one of them, if codes are what is matched."""
        return (
            compiled(self.pattern).fullmatch(code) is not None if self.property in _CODE else None
        )


@dataclass(frozen=True, slots=True)
class Parents(_Unlisted):
    """Concepts that subsume another one."""

    def holds(self, concept: Concept) -> bool:
        """Tell whether `concept` is one of them."""
        return concept.has_children


@dataclass(frozen=True, slots=True)
class Inactive(_Unlisted):
    """Concepts that are not to be used any more."""

    def holds(self, concept: Concept) -> bool:
        """Tell whether `concept` is one of them."""
        return concept.is_inactive

    def decided(self, code: str) -> bool:
        """Return False: of what nothing is known, nothing speaks against it."""
        del code
        return False


@dataclass(frozen=True, slots=True)
class Invalid(_Unlisted):
    """Concepts that say when they were valid, and were not on that day."""

    on: date

    def holds(self, concept: Concept) -> bool:
        """Tell whether `concept` is one of them."""
        return concept.is_valid(self.on) is False

    def decided(self, code: str) -> bool:
        """Return False: of what nothing is known, nothing speaks against it."""
        del code
        return False


@dataclass(frozen=True, slots=True)
class Called(_Unlisted):
    """Concepts that have, for each of `words`, a spelling that begins so."""

    words: Codes

    def holds(self, concept: Concept) -> bool:
        """Tell whether `concept` is one of them."""
        return spelling.has(concept, self.words)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Concepts that all parts are about: every concept, if there are none."""

    parts: tuple[Expression, ...] = ()

    def holds(self, concept: Concept) -> bool:
        """Tell whether `concept` is one of them."""
        return all(part.holds(concept) for part in self.parts)

    def listed(self) -> Codes | None:
        """Return what the first part that lists codes lists."""
        return next((codes for part in self.parts if (codes := part.listed()) is not None), None)

    def decided(self, code: str) -> bool | None:
        """Tell whether it is one of them, None if unknown."""
        answers = [part.decided(code) for part in self.parts]
        return False if False in answers else None if None in answers or not answers else True


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Concepts that one part is about: none, if there are none."""

    parts: tuple[Expression, ...] = ()

    def holds(self, concept: Concept) -> bool:
        """Tell whether `concept` is one of them."""
        return any(part.holds(concept) for part in self.parts)

    def listed(self) -> Codes | None:
        """Return what all parts list, if all do."""
        lists = [part.listed() for part in self.parts]
        if None in lists:
            return None
        return tuple(dict.fromkeys(code for codes in lists for code in codes or ()))

    def decided(self, code: str) -> bool | None:
        """Tell whether it is one of them, None if unknown."""
        answers = [part.decided(code) for part in self.parts]
        return True if True in answers else None if None in answers else False


@dataclass(frozen=True, slots=True)
class Not:
    """The other concepts."""

    part: Expression

    def holds(self, concept: Concept) -> bool:
        """Tell whether `concept` is one of them."""
        return not self.part.holds(concept)

    def listed(self) -> Codes | None:
        """Return None."""
        return None

    def decided(self, code: str) -> bool | None:
        """Tell whether it is one of them, None if unknown."""
        found = self.part.decided(code)
        return None if found is None else not found


EVERY = AllOf()
NONE = AnyOf()


def conjunction(parts: Iterable[Expression]) -> Expression:
    """Return what all `parts` mean."""
    found = tuple(dict.fromkeys(part for part in parts if part != EVERY))
    return found[0] if len(found) == 1 else AllOf(found)


def disjunction(parts: Iterable[Expression]) -> Expression:
    """Return what any of `parts` means."""
    found = tuple(dict.fromkeys(part for part in parts if part != NONE))
    if EVERY in found:
        return EVERY
    return found[0] if len(found) == 1 else AnyOf(found)


def compiled(pattern: str) -> Any:  # noqa: ANN401  # the library has no types
    """Return `pattern`, compiled: it takes time in proportion to a text. Raises ValueError."""
    options = re2.Options()
    options.max_mem = 1 << 20
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise ValueError(pattern) from None
