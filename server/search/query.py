"""Queries: the parameters of a search, compiled to a condition of MongoDB and an order.

Commas mean or, repetition means and. What is not known is refused by name, unless the caller
asked for lenient handling.

Spec: https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from server.fhir.date import microseconds
from server.fhir.outcome import BadRequest
from server.profiles.definitions import Definitions, SearchParameter
from server.search import hiding, order
from server.search.clauses import OF_WORDS, WHOLE, Clauses, NotDone
from server.search.conditions import Condition, all_of, any_of, fields, spread
from server.search.hiding import EVERYTHING, Sight
from server.search.index import Plans, environment
from server.search.indexes import IndexSpec, IndexTable
from server.search.joins import Lookup, Sieve, resolved
from server.search.plan import Plan
from server.search.words import WORDLESS

LIMIT = 1000
"""How many alternatives one parameter may have, unless told otherwise."""


Pair = tuple[str, str]
_ON_DEMAND = frozenset({"g", "w"})


@dataclass(frozen=True, slots=True)
class Query:
    """A compiled query on `type`; its `condition` may have joins.

    `keys` are those of ``_sort``. `used` are the parameters that count, `ignored` those that a
    lenient caller gets no answer to. `few` says that it is about few patients, `dated` that dates
    may give it an order where there are no keys.
    """

    type: str
    condition: Condition
    keys: tuple[order.Key, ...] = ()
    used: tuple[tuple[str, str], ...] = ()
    ignored: tuple[tuple[str, str], ...] = ()
    few: bool = False
    dated: bool = True


@dataclass(frozen=True, slots=True)
class Ready:
    """A query that can be run: `condition` has no joins, `sieves` are asked about its rows."""

    type: str
    condition: Condition
    sieves: tuple[Sieve, ...]
    order: order.Order

    @property
    def needs(self) -> tuple[IndexSpec, ...]:
        """The indexes on demand that it cannot be run well without."""
        mentioned = _ON_DEMAND & fields(self.condition)
        return tuple(IndexTable.on_demand(self.type, name) for name in sorted(mentioned))

    def exact(self, lookup: Lookup) -> Condition:
        """Return the condition that holds for what also passes the sieves.

        Raises TooCostly if one of them would have to name too many resources.
        """
        return all_of([self.condition, *(one.condition(lookup) for one in self.sieves)])


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

    @property
    def plans(self) -> Plans:
        """What there is to search by."""
        return self._plans

    def compile(  # noqa: PLR0913  # what is asked, and by whom
        self,
        type: str,
        parameters: Sequence[tuple[str, str]],
        *,
        lenient: bool = False,
        now: datetime | None = None,
        compartment: tuple[str, ...] | None = None,
        sight: Sight = EVERYTHING,
    ) -> Query:
        """Return the query of `parameters`, (name, value) pairs as they stand in the URL, decoded.

        `now` is what the prefix ``ap`` of dates measures from. `compartment` (``Patient``, ids)
        leaves only what is in one of them. Nothing is searched by what is not in `sight`.

        Raises Forbidden if it would be, BadRequest for what is not understood; if `lenient`,
        unknown parameters are told in `ignored` instead, but wrong values are refused all the same.
        """
        moment = microseconds(now or datetime.now(UTC))
        clauses = Clauses(self._plans, moment, self._limit, sight)
        plan = clauses.plan(type)
        few, dated = any(_is_patient(plan, name) for name, _ in parameters), _is_dated(plan, sight)
        found, used, ignored = list[Condition](), list[Pair](), list[Pair]()
        keys: list[order.Key] = []
        if compartment is not None:
            found.append(self._within(clauses, type, *compartment))
            few = few or compartment[0] == "Patient"
        for name, value in parameters:
            try:
                if name == "_sort":
                    keys.extend(self._keys(plan, value, sight))
                else:
                    found.append(clauses.condition(type, name, value, few=few))
            except NotDone:
                if not lenient:
                    raise
                ignored.append((name, value))
            else:
                used.append((name, value))
        return Query(type, all_of(found), tuple(keys), tuple(used), tuple(ignored), few, dated)

    def ready(self, query: Query, lookup: Lookup, place: order.Place | None = None) -> Ready:
        """Return `query` with its joins answered by `lookup`, to go on from `place` if given."""
        found = resolved(query.condition, lookup)
        condition = found.condition if query.few else spread(found.condition)
        plan = self._plans[query.type]
        keys = query.keys if query.keys or query.dated else order.keys(plan, "_id")
        sort = order.order(plan, keys, condition, place)
        return Ready(query.type, condition, found.sieves, sort)

    def exact(self, query: Query, lookup: Lookup) -> Condition:
        """Return the condition of `query` with every join answered.

        Raises TooCostly if too many resources fulfil one of them.
        """
        return self.ready(query, lookup).exact(lookup)

    def searchable(self, type: str) -> Mapping[str, SearchParameter]:
        """Return the search parameters of `type` that work, by code."""
        plan, facts = self._plans[type], self._plans.definitions.search_parameters[type]
        own = (*plan.parameters, *plan.composites, *WHOLE)
        gone = OF_WORDS if type in WORDLESS else ()
        return {code: one for code, one in facts.items() if code in own and code not in gone}

    def _keys(self, plan: Plan, sort: str, sight: Sight) -> list[order.Key]:
        """Return the keys of `sort`.

        Raises BadRequest if one is not indexed yet, Forbidden if it is hidden.
        """
        for key in sort.split(","):
            code = key.removeprefix("-")
            self._plans.require_indexed(plan.type, code)
            hiding.require_shown(plan, code, sight)
        return order.keys(plan, sort)

    def _within(self, clauses: Clauses, type: str, compartment: str, *ids: str) -> Condition:
        """Return the condition that a resource of `type` is in the compartment of one of `ids`.

        Raises BadRequest if no resource of that type is in such a compartment.
        """
        members = self._plans.definitions.compartments[compartment]
        codes = [code for code in members.get(type, ()) if code != "{def}"]
        owners = ",".join(f"{compartment}/{id}" for id in ids)
        found = [clauses.condition(type, code, owners) for code in codes]
        if type == compartment:
            found.append({"_id": {"$in": list(ids)} if len(ids) > 1 else ids[0]})
        if not found:
            raise BadRequest.because("search-not-in-compartment", type=type, name=compartment)
        return any_of(found)


def _is_dated(plan: Plan, sight: Sight) -> bool:
    """Tell whether the newest may come first where nobody asks for an order: dates are shown."""
    return hiding.is_shown(plan, plan.main.get("ds", ""), sight)


def _is_patient(plan: Plan, name: str) -> bool:
    """Tell whether the parameter `name` is the type's main patient, by whatever name."""
    main = plan.main.get("pt")
    parameter = plan.parameters.get(name)
    while parameter is not None and len(parameter.sources) == 1:
        parameter = parameter.sources[0]
    return main is not None and parameter is not None and parameter.code == main
