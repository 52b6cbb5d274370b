"""The modifiers of tokens that need terminology: ``:in``, ``:above`` and ``:below``.

Spec: https://hl7.org/fhir/R4/search.html#modifiers
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from server.fhir.outcome import BadRequest
from server.search.concepts import Codes, Concepts, ConceptSet
from server.search.conditions import Condition, any_of
from server.search.joins import Lookup, join
from server.search.known_concepts import KnownConcepts
from server.search.parameter import Asked, Environment, Parameter
from server.search.token import term
from server.search.values import LONGEST_TERM, compared, escaped, shown, split, unescaped

_JUST_AFTER_BAR = "}"


@dataclass(frozen=True, slots=True)
class Among:
    """Resources whose `parameter` has one of the concepts that `choose` picks."""

    parameter: Parameter
    environment: Environment
    choose: Callable[[Concepts], ConceptSet]

    def condition(self, lookup: Lookup) -> Condition:
        """Return the condition that names the concepts.

        Raises BadRequest if what they are chosen from is not known, TooCostly if they are too many.
        """
        known = KnownConcepts(self.environment.terminology, lookup, self.environment.base_url)
        return among(self.parameter, self.choose(known))


def among(parameter: Parameter, concepts: ConceptSet) -> Condition:
    """Return the condition that `parameter` has one of `concepts`."""
    field = "c" if parameter.main == "c" else "t"
    terms = sorted({one for each in concepts.items() for one in _listed(parameter, *each)})
    others = [
        _all_but(parameter, field, system, codes)
        for system, codes in concepts.items()
        if codes.others
    ]
    return any_of([*({field: one} for one in terms), *others])


def _listed(parameter: Parameter, system: str, codes: Codes) -> Iterator[str]:
    """Yield the terms of the single codes of `system`, also of those that stand without it."""
    start, implied = f"{parameter.name}=", parameter.implied.get(system, frozenset[str]())
    if not codes.others:
        for code in codes.listed:
            yield compared(start + term(system, code))
    for code in implied:
        if code in codes:
            yield compared(start + term(None, code))


def _all_but(parameter: Parameter, field: str, system: str, codes: Codes) -> Condition:
    start = f"{parameter.name}={escaped(system)}"
    if len(start) > LONGEST_TERM:
        raise BadRequest.because(
            "search-value-too-long", parameter=parameter.code, limit=LONGEST_TERM
        )
    # A system without a code, which is the first of this range, is no concept.
    within = {"$gt": f"{start}|", "$lt": start + _JUST_AFTER_BAR}
    excluded = sorted(compared(f"{start}|{escaped(code)}") for code in codes.listed)
    return {field: {"$elemMatch": {**within, **({"$nin": excluded} if excluded else {})}}}


def _in(parameter: Parameter, text: str, environment: Environment, _asked: Asked) -> Condition:
    value = unescaped(text)
    return join(Among(parameter, environment, lambda known: known.members(value)))


def _below(parameter: Parameter, text: str, environment: Environment, _asked: Asked) -> Condition:
    system, code = _concept(parameter, text)

    def choose(known: Concepts) -> ConceptSet:
        return {system: Codes(known.beneath(system, code))}

    return join(Among(parameter, environment, choose))


def _above(parameter: Parameter, text: str, environment: Environment, _asked: Asked) -> Condition:
    system, code = _concept(parameter, text)

    def choose(known: Concepts) -> ConceptSet:
        return {system: Codes(known.above(system, code))}

    return join(Among(parameter, environment, choose))


def _concept(parameter: Parameter, text: str) -> tuple[str, str]:
    """Return the system and the code that `text` names. Raises BadRequest unless it names both."""
    match [unescaped(part) for part in split(text, "|")]:
        case [system, code] if system and code:
            return system, code
    raise BadRequest.because(
        "search-concept-invalid", parameter=parameter.code, value=shown(unescaped(text))
    )


MODIFIERS: Mapping[str, Callable[[Parameter, str, Environment, Asked], Condition]] = {
    "in": _in,
    "below": _below,
    "above": _above,
}
"""How tokens are compared with these modifiers."""
