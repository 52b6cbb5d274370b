"""Queries: the parameters of a search, compiled to a condition of MongoDB and an order.

Commas mean or, repetition means and. What is not known is refused by name, unless the caller
asked for lenient handling. `ds`, `lu` and the other fields are those of `index`.

Spec: https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from server.fhir.date import microseconds
from server.fhir.outcome import BadRequest
from server.fhir.reference import is_id
from server.profiles.definitions import Definitions, SearchParameter
from server.search import order
from server.search.composite import Composite
from server.search.conditions import NOTHING, Condition, all_of, any_of, spread, terms, weight
from server.search.index import Plans, environment
from server.search.kinds import KINDS
from server.search.parameter import Asked, Parameter
from server.search.plan import OWN_FIELDS, Plan
from server.search.values import shown, split, unescaped

LIMIT = 1000
"""How many alternatives one parameter may have, unless told otherwise."""
_TERMS_OF_AN_ALTERNATIVE = 20
_LARGEST = 4_000_000


@dataclass(frozen=True, slots=True)
class Query:
    """A compiled query.

    Run `condition` in the `order`. `used` are the parameters that count, `ignored` those that a
    lenient caller gets no answer to.
    """

    condition: Condition
    order: order.Order
    used: tuple[tuple[str, str], ...] = ()
    ignored: tuple[tuple[str, str], ...] = ()


class QueryCompiler:
    """Compiles queries. A parameter may have `limit` alternatives.

    `plans`, if given, are those of a SearchIndex for the same definitions, zone and base URL.
    """

    def __init__(
        self,
        definitions: Definitions,
        zone: tzinfo,
        base_url: str,
        *,
        plans: Plans | None = None,
        limit: int = LIMIT,
    ) -> None:
        self._plans = plans or Plans(definitions, environment(zone, base_url))
        self._limit = limit

    def compile(
        self,
        type: str,
        parameters: Sequence[tuple[str, str]],
        *,
        lenient: bool = False,
        now: datetime | None = None,
    ) -> Query:
        """Return the query of `parameters`, (name, value) pairs as they stand in the URL, decoded.

        `now` is what the prefix ``ap`` of dates measures from.

        Raises BadRequest for what is not understood; if `lenient`, unknown parameters are told
        in `ignored` instead, but wrong values are refused all the same.
        """
        plan = self._plan(type)
        few = any(_is_patient(plan, name) for name, _ in parameters)
        asked = Asked(microseconds(now or datetime.now(UTC)), few)
        conditions = _Conditions(_TERMS_OF_AN_ALTERNATIVE * self._limit)
        keys: list[order.Key] = []
        used, ignored = [], []
        for name, value in parameters:
            try:
                self._require_known(plan, name)
                if name == "_sort":
                    keys.extend(order.keys(plan, value))
                else:
                    conditions.add(name, self._condition(plan, name, value, asked))
            except _NotDone:
                if not lenient:
                    raise
                ignored.append((name, value))
            else:
                used.append((name, value))
        condition = all_of(conditions.added) if few else spread(all_of(conditions.added))
        ordered = order.order(plan, keys, condition)
        return Query(condition, ordered, tuple(used), tuple(ignored))

    def searchable(self, type: str) -> Mapping[str, SearchParameter]:
        """Return the search parameters of `type` that work, by code."""
        plan, facts = self._plan(type), self._plans.definitions.search_parameters[type]
        return {code: fact for code, fact in facts.items() if _is_known(plan, code)}

    def _plan(self, type: str) -> Plan:
        if type not in self._plans.definitions.search_parameters:
            raise BadRequest.because("search-type-unknown", type=shown(type))
        return self._plans[type]

    @staticmethod
    def _require_known(plan: Plan, name: str) -> None:
        if name == "_sort" or _is_known(plan, name):
            return
        code, colon, modifier = name.partition(":")
        known = _is_known(plan, code.split(".")[0])
        if known and "." in name:
            raise _NotDone.because("search-chain-unsupported", parameter=shown(name))
        if known and colon:
            raise _NotDone.because(
                "search-modifier-unsupported", parameter=code, modifier=shown(modifier)
            )
        raise _NotDone.because("search-parameter-unknown", type=plan.type, parameter=shown(name))

    def _condition(self, plan: Plan, name: str, value: str, asked: Asked) -> Condition:
        alternatives = split(value, ",")
        if len(alternatives) > self._limit:
            raise BadRequest.because("search-values-too-many", parameter=name, limit=self._limit)
        if not all(alternatives) or not _is_unicode(value):
            raise BadRequest.because("search-value-empty", parameter=name)
        return any_of(one for text in alternatives for one in self._one(plan, name, text, asked))

    def _one(self, plan: Plan, name: str, text: str, asked: Asked) -> list[Condition]:
        if name in plan.composites:
            return [self._composite(plan.composites[name], text, asked)]
        if name == "_id":
            return [{"_id": unescaped(text)} if is_id(unescaped(text)) else NOTHING]
        return list(self._found(plan.parameters[name], text, asked))

    def _found(self, parameter: Parameter, text: str, asked: Asked) -> Iterator[Condition]:
        """Yield the conditions one of which holds where `parameter` has the value `text`."""
        for source in parameter.sources:
            yield from self._found(source, text, asked)
        if not parameter.sources:
            condition = KINDS[parameter.type].condition
            yield condition(parameter, text, self._plans.environment, asked)

    def _composite(self, composite: Composite, text: str, asked: Asked) -> Condition:
        parts = split(text, "$")
        if len(parts) != composite.count or not all(parts):
            raise BadRequest.because(
                "search-composite-invalid", parameter=composite.code, count=composite.count
            )
        found: list[Condition] = []
        if composite.together:
            found.append(self._all(composite.together, parts, asked))
        if composite.members:
            inner = self._all(composite.members, parts, asked)
            found.append({"k": {"$elemMatch": all_of([{"p": composite.code}, inner])}})
        return any_of(found)

    def _all(self, parameters: tuple[Parameter, ...], parts: list[str], asked: Asked) -> Condition:
        pairs = zip(parameters, parts, strict=True)
        return all_of([any_of(self._found(one, part, asked)) for one, part in pairs])


@dataclass(slots=True)
class _Conditions:
    """The conditions of one query, which compares with at most `limit` values in all."""

    limit: int
    added: list[Condition] = field(default_factory=list)
    _terms: int = 0
    _weight: int = 0

    def add(self, name: str, condition: Condition) -> None:
        """Add the `condition` of the parameter `name`.

        Raises BadRequest if the query compares with too much, which MongoDB would not take.
        """
        self._terms += terms(condition)
        self._weight += weight(condition)
        if self._terms > self.limit:
            raise BadRequest.because("search-terms-too-many", parameter=name, limit=self.limit)
        if self._weight > _LARGEST:
            raise BadRequest.because("search-query-too-large", parameter=name, limit=_LARGEST)
        self.added.append(condition)


class _NotDone(BadRequest):
    """A parameter that is not supported, which a lenient caller does without."""

    code = "not-supported"


def _is_known(plan: Plan, code: str) -> bool:
    return code in plan.parameters or code in plan.composites or code in OWN_FIELDS


def _is_patient(plan: Plan, name: str) -> bool:
    """Tell whether the parameter `name` is the type's main patient, by whatever name."""
    main = plan.main.get("pt")
    parameter = plan.parameters.get(name)
    while parameter is not None and len(parameter.sources) == 1:
        parameter = parameter.sources[0]
    return main is not None and parameter is not None and parameter.code == main


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
