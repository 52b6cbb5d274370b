"""How large one query may become: what MongoDB takes, and what is worth the time.

A query that is too large is refused, with the parameter that made it so.
"""

from dataclasses import dataclass

from server.fhir.outcome import BadRequest, TooCostly
from server.search.conditions import Condition, terms, weight

_TERMS_OF_AN_ALTERNATIVE = 20
_LARGEST = 4_000_000
_MOST_STEPS = 500


@dataclass(slots=True)
class Budget:
    """What one query may hold, whose parameters have at most `alternatives` each."""

    alternatives: int
    _steps: int = 0
    _terms: int = 0
    _weight: int = 0

    def step(self, code: str) -> None:
        """Count one type that the reference `code` of a chain may lead to.

        Raises TooCostly if there are too many: a chain through references to any type branches
        with each step.
        """
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise TooCostly.because("search-chain-too-wide", parameter=code, limit=_MOST_STEPS)

    def take(self, name: str, condition: Condition) -> Condition:
        """Return `condition`, which belongs to the parameter `name`.

        Raises BadRequest if the query compares with too much, which MongoDB would not take.
        """
        self._terms += terms(condition)
        self._weight += weight(condition)
        limit = _TERMS_OF_AN_ALTERNATIVE * self.alternatives
        if self._terms > limit:
            raise BadRequest.because("search-terms-too-many", parameter=name, limit=limit)
        if self._weight > _LARGEST:
            raise BadRequest.because("search-query-too-large", parameter=name, limit=_LARGEST)
        return condition
