"""Sets of concepts: codes by system, some of them listed and of some systems all but a few.

Where they come from is behind `Concepts`, so that a terminology service can take the place of
what is stored here.

Spec: https://hl7.org/fhir/R4/valueset.html#compositions
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Codes:
    """Codes of one system: those `listed`, or, with `others`, all but those."""

    listed: frozenset[str] = frozenset()
    others: bool = False

    def __contains__(self, code: str) -> bool:
        """Tell whether `code` is one of these."""
        return (code in self.listed) != self.others

    def __invert__(self) -> "Codes":
        """Return the codes that are not among these."""
        return Codes(self.listed, not self.others)

    def __or__(self, more: "Codes") -> "Codes":
        """Return the codes that are among these or `more`."""
        if self.others and more.others:
            return Codes(self.listed & more.listed, others=True)
        if self.others:
            return Codes(self.listed - more.listed, others=True)
        if more.others:
            return Codes(more.listed - self.listed, others=True)
        return Codes(self.listed | more.listed)

    def __and__(self, also: "Codes") -> "Codes":
        """Return the codes that are among these and `also`."""
        return ~(~self | ~also)

    def __sub__(self, fewer: "Codes") -> "Codes":
        """Return these codes without those of `fewer`."""
        return self & ~fewer


ALL = Codes(others=True)
NONE = Codes()
ConceptSet = Mapping[str, Codes]
"""Codes by the URL of their system; a system that is not there has none."""


class Concepts(Protocol):
    """What is known of value sets and of the order of concepts.

    Each raises BadRequest for what is not known, TooCostly for what is too large.
    """

    def members(self, value_set: str) -> ConceptSet:
        """Return the concepts of a value set: its URL, ``url|version``, ``ValueSet/id`` or id."""

    def beneath(self, system: str, code: str) -> frozenset[str]:
        """Return `code` and the codes of all concepts that it subsumes."""

    def above(self, system: str, code: str) -> frozenset[str]:
        """Return `code` and the codes of all concepts that subsume it."""


def union(sets: Iterable[ConceptSet]) -> ConceptSet:
    """Return the concepts that are in one of `sets`."""
    return reduce(_merging(lambda one, other: one | other), sets, {})


def intersection(first: ConceptSet, *others: ConceptSet) -> ConceptSet:
    """Return the concepts that are in all of these."""
    return reduce(_merging(lambda one, other: one & other), others, first)


def difference(first: ConceptSet, other: ConceptSet) -> ConceptSet:
    """Return the concepts of `first` that are not in `other`."""
    return _merging(lambda one, less: one - less)(first, other)


def size(concepts: ConceptSet) -> int:
    """Return how many codes are listed, be it that they belong to it or not."""
    return sum(len(codes.listed) for codes in concepts.values())


def _merging(
    merge: Callable[[Codes, Codes], Codes],
) -> Callable[[ConceptSet, ConceptSet], ConceptSet]:
    def merged(first: ConceptSet, second: ConceptSet) -> ConceptSet:
        systems = dict.fromkeys((*first, *second))
        found = {
            system: merge(first.get(system, NONE), second.get(system, NONE)) for system in systems
        }
        return {system: codes for system, codes in found.items() if codes != NONE}

    return merged
