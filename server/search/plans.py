"""The plans of all types: R4's, and those of our own parameters, which come and go.

An edition says which own parameters there are and which of them wait until all that is stored is
indexed by them. Its plans are worked out when a type is first met; any thread may ask. A type
whose own parameters stay the same keeps its plan from edition to edition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

from server.fhir.outcome import BadRequest
from server.profiles.definitions import Definitions, SearchParameter
from server.profiles.own_parameters import Own
from server.search.parameter import Environment
from server.search.plan import Plan, extended, plan

Waiting = Mapping[str, Mapping[str, int]]
"""By resource type, the codes that wait, each with the share of resources indexed, in percent."""
_Codes = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class _Edition:
    """What holds until the own parameters change, and the plans that were asked for so far."""

    number: int
    own: Own
    waiting: _Codes
    definitions: Definitions
    complete: dict[str, Plan] = field(default_factory=dict)
    usable: dict[str, Plan] = field(default_factory=dict)

    def next(self, own: Own, waiting: _Codes, r4: Definitions) -> "_Edition":
        """Return the edition that comes after this one, with the plans that stay."""
        kept = {t: one for t, one in self.complete.items() if own.get(t) == self.own.get(t)}
        return _Edition(self.number + 1, own, waiting, _merged(r4, own), kept)


class Plans:
    """The plans of each type, of the edition in force."""

    def __init__(self, definitions: Definitions, environment: Environment) -> None:
        self.environment = environment
        self._r4 = definitions
        self._percent: Waiting = {}
        self._edition = _Edition(0, {}, {}, definitions)
        self._base: dict[str, Plan] = {}
        self._lock = Lock()

    @property
    def r4(self) -> Definitions:
        """Return the facts that the server started with."""
        return self._r4

    @property
    def definitions(self) -> Definitions:
        """Return the facts, with the own parameters of this edition."""
        return self._edition.definitions

    @property
    def edition(self) -> int:
        """Return a number that changes with what can be asked for."""
        return self._edition.number

    def __getitem__(self, type: str) -> Plan:
        """Return the plan of what can be asked for of `type`; what waits is not in it."""
        edition = self._edition
        known = edition.usable.get(type)
        if known is None:
            waiting = edition.waiting.get(type, frozenset())
            known = _without(self._complete(edition, type), waiting)
            edition.usable[type] = known
        return known

    def complete(self, type: str) -> Plan:
        """Return the plan by which resources of `type` are indexed, with what still waits."""
        return self._complete(self._edition, type)

    def has_own(self, type: str) -> bool:
        """Tell whether resources of `type` are indexed by own parameters, too."""
        return bool(self._edition.own.get(type))

    def replace(self, own: Own, waiting: Waiting) -> None:
        """Put these own parameters, of which some are waiting, in the place of what there was."""
        codes = {type: frozenset(one) for type, one in waiting.items() if one}
        with self._lock:
            self._percent = waiting
            if (own, codes) != (self._edition.own, self._edition.waiting):
                self._edition = self._edition.next(own, codes, self._r4)

    def require_indexed(self, type: str, code: str) -> None:
        """Raise BadRequest if the parameter `code` of `type` is known but not indexed yet."""
        percent = self._percent.get(type, {}).get(code)
        if percent is not None:
            raise BadRequest.because(
                "search-parameter-waiting", type=type, parameter=code, percent=percent
            )

    def _complete(self, edition: _Edition, type: str) -> Plan:
        known = edition.complete.get(type)
        if known is None:
            with self._lock:
                known = edition.complete.get(type) or self._made(edition, type)
                edition.complete[type] = known
        return known

    def trial(self, type: str, own: Sequence[SearchParameter]) -> Plan:
        """Return the plan of `type` as it would be with the parameters `own`."""
        return extended(
            _merged(self._r4, {type: tuple(own)}), self._r4_plan(type), own, self.environment
        )

    def _made(self, edition: _Edition, type: str) -> Plan:
        known, own = self._r4_plan(type), edition.own.get(type, ())
        return extended(edition.definitions, known, own, self.environment) if own else known

    def _r4_plan(self, type: str) -> Plan:
        known = self._base.get(type)
        if known is None:
            known = self._base[type] = plan(self._r4, type, self.environment)
        return known


def _merged(r4: Definitions, own: Own) -> Definitions:
    """Return `r4` with the parameters `own`, none of which has the code of another."""
    if not any(own.values()):
        return r4
    parameters = {
        type: {**{one.code: one for one in own.get(type, ())}, **known}
        for type, known in r4.search_parameters.items()
    }
    return replace(r4, search_parameters=parameters)


def _without(known: Plan, codes: frozenset[str]) -> Plan:
    """Return the plan `known` as it is asked, without the parameters `codes`."""
    if not codes:
        return known
    return replace(
        known,
        parameters={code: one for code, one in known.parameters.items() if code not in codes},
        composites={code: one for code, one in known.composites.items() if code not in codes},
    )
