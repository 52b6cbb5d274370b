"""Clauses: one parameter of a query, with its values, as a condition.

Commas mean or. A name is a code with a modifier, a chain, or ``_has``; what of it is not known
is refused by name.

Spec: https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from server.fhir.outcome import BadRequest, Forbidden
from server.fhir.reference import is_id
from server.search import filter as filters
from server.search import fulltext, hiding, names, presence
from server.search.budget import Budget
from server.search.chains import Chain, Has
from server.search.composite import Composite
from server.search.conditions import NOTHING, Condition, all_of, any_of
from server.search.hiding import EVERYTHING, Sight
from server.search.index import Plans
from server.search.joins import join
from server.search.kinds import KINDS, Compare
from server.search.lists import InList
from server.search.names import Chained, Plain, Reverse
from server.search.parameter import Asked, Parameter
from server.search.plan import Plan, narrowed
from server.search.pointers import Names, Pointers, Reach, leaves
from server.search.uri import CANONICAL_TYPES
from server.search.values import shown, split, unescaped
from server.search.words import WORDLESS

_NEGATIONS = {"not": None, "not-in": "in"}
WHOLE = ("_text", "_content", "_list", "_filter")
"""Parameters that every type has and that are no element's: they have no entries of their own."""
OF_WORDS = ("_text", "_content")
_EXPRESSIONS = (*OF_WORDS, "_filter")


class NotDone(BadRequest):
    """A parameter that is not supported, which a lenient caller does without."""

    code = "not-supported"


class Clauses:
    """Compiles the parameters of one query, each with at most `limit` alternatives.

    Nothing can be searched by what is not in `sight`, on whatever way.
    """

    def __init__(self, plans: Plans, now: int, limit: int, sight: Sight = EVERYTHING) -> None:
        self._plans = plans
        self._sight = sight
        self._now = now
        self._limit = limit
        self._pointers = Pointers(plans)
        self._budget = Budget(limit)

    def condition(self, type: str, name: str, value: str, *, few: bool = False) -> Condition:
        """Return the condition on resources of `type` that parameter `name` has the value `value`.

        `few` says that the rest of the query leaves the record of few patients. Raises NotDone
        for a parameter or modifier that there is not, BadRequest for a value that is none.
        """
        try:
            parsed = names.parse(name)
        except names.TooDeep:
            raise BadRequest.because("search-chain-too-deep", limit=names.DEEPEST) from None
        except ValueError:
            raise _unknown(type, name) from None
        return self._named(type, parsed, value, Asked(self._now, few))

    def chained(
        self,
        type: str,
        code: str,
        inner: Callable[[str], Condition],
        target: str | None = None,
    ) -> Condition:
        """Return the condition that the reference `code` points at what fulfils `inner`.

        `inner` gives the condition on a type that it may point at, or on `target` alone. Where it
        raises BadRequest that type is left out, unless all do.
        """
        parameter = self._reference(self.plan(type), code)
        if target is not None:
            self.plan(target)
            if target not in parameter.targets:
                raise NotDone.because("search-chain-type", parameter=code, type=target)
        found: list[tuple[str, Condition]] = []
        failure: BadRequest | Forbidden | None = None
        for other in (target,) if target else parameter.targets:
            self._budget.step(code)
            try:
                found.append((other, inner(other)))
            except (BadRequest, Forbidden) as error:
                # Another type that it may point at can have such a parameter, or be seen.
                failure = failure or error
        if not found and failure is not None:
            raise failure
        reached = _names(parameter, {other for other, _ in found})
        return join(Chain(self._pointers, type, code, reached, tuple(found)))

    def kind(self, type: str, code: str) -> str:
        """Return the type of a parameter, ``string``. Raises NotDone if there is none."""
        plan = self.plan(type)
        if code in plan.composites:
            return "composite"
        if code not in plan.parameters:
            raise self._unknown(type, code)
        return plan.parameters[code].type

    def compared(self, type: str, code: str, compare: Compare, text: str) -> Condition:
        """Return the condition that `compare` makes of the escaped `text`."""
        hiding.require_shown(self._plans[type], code, self._sight)
        parameter = self.plan(type).parameters[code]
        asked = Asked(self._now, few=False)
        found = any_of(self._compared(parameter, compare, text, asked))
        return self._budget.take(code, found)

    def plan(self, type: str) -> Plan:
        """Return the plan of `type`.

        Raises NotDone if there is no such type, Forbidden if the caller may not search it.
        """
        if type not in self._plans.definitions.search_parameters:
            raise NotDone.because("search-type-unknown", type=shown(type))
        hiding.require_type(type, self._sight)
        return self._plans[type]

    def _named(self, type: str, name: names.Name, value: str, asked: Asked) -> Condition:
        match name:
            case Plain(code, modifier):
                found = self._plain(self.plan(type), code, modifier, value, asked)
                return self._budget.take(code, found)
            case Chained(code, target, rest):
                few = Asked(self._now, few=False)
                return self.chained(
                    type, code, lambda other: self._named(other, rest, value, few), target
                )
            case Reverse(source, code, rest):
                self.plan(type)
                parameter = self._reference(self.plan(source), code)
                if type not in parameter.targets:
                    raise NotDone.because(
                        "search-chain-type", parameter=shown(code), type=shown(type)
                    )
                inner = self._named(source, rest, value, Asked(self._now, few=False))
                reached = _names(parameter, {type})
                return join(Has(self._pointers, type, source, code, reached, inner))

    def _unknown(self, type: str, code: str) -> NotDone:
        """Return the refusal of a parameter that `type` has not, or raise that it has not yet."""
        self._plans.require_indexed(type, code)
        return _unknown(type, code)

    def _reference(self, plan: Plan, code: str) -> Parameter:
        parameter = plan.parameters.get(code)
        if parameter is None:
            raise self._unknown(plan.type, code)
        if parameter.type != "reference":
            raise NotDone.because("search-chain-no-reference", parameter=code)
        hiding.require_shown(plan, code, self._sight)
        return parameter

    def _plain(
        self, plan: Plan, code: str, modifier: str | None, value: str, asked: Asked
    ) -> Condition:
        if code not in plan.parameters and code not in plan.composites and code not in WHOLE:
            raise self._unknown(plan.type, code)
        if plan.type in WORDLESS and code in OF_WORDS:
            raise self._unknown(plan.type, code)
        hiding.require_shown(plan, code, self._sight)
        if not value or not _is_unicode(value):
            raise BadRequest.because("search-value-empty", parameter=code)
        if modifier == "missing" and code in plan.parameters:
            return presence.missing(plan.parameters[code], value)
        if modifier == "identifier" and code in plan.parameters:
            hiding.require_numbers_shown(plan.parameters[code].targets, code, self._sight)
        one = self._reader(plan, code, modifier, asked)
        # An expression may divide its own values in its own way.
        alternatives = [value] if code in _EXPRESSIONS else split(value, ",")
        if len(alternatives) > self._limit:
            raise BadRequest.because("search-values-too-many", parameter=code, limit=self._limit)
        if not all(alternatives):
            raise BadRequest.because("search-value-empty", parameter=code)
        found = any_of(one(text) for text in alternatives)
        return {"$nor": [found]} if modifier in _NEGATIONS else found

    def _reader(
        self, plan: Plan, code: str, modifier: str | None, asked: Asked
    ) -> Callable[[str], Condition]:
        """Return the function from one alternative to its condition.

        A negation reads what it negates. Raises NotDone if there is no such modifier.
        """
        parameter = plan.parameters.get(code)
        if parameter is None:
            if modifier is not None:
                raise _unmodified(code, modifier)
            return self._whole(plan, code, asked)
        if modifier in _NEGATIONS and parameter.type == "token":
            modifier = _NEGATIONS[modifier]
        if code == "_id" and modifier is None:
            return _with_id
        if modifier is None:
            return lambda text: any_of(self._found(parameter, text, asked))
        if parameter.type == "reference" and modifier in parameter.targets:
            only = narrowed(parameter, modifier)
            return lambda text: any_of(self._found(only, text, asked))
        compare = KINDS[parameter.type].modifiers.get(modifier)
        if compare is None or code in ("_id", "_lastUpdated"):
            raise _unmodified(code, modifier)
        return lambda text: any_of(self._compared(parameter, compare, text, asked))

    def _whole(self, plan: Plan, code: str, asked: Asked) -> Callable[[str], Condition]:
        """Return the reader of a parameter that is about more than one element."""
        match code:
            case "_text":
                return lambda text: fulltext.condition("t:", text)
            case "_content":
                return lambda text: fulltext.condition("c:", text)
            case "_list":
                hiding.require_shown(self._plans["List"], "item", self._sight)
                base_url = self._plans.environment.base_url
                return lambda text: join(InList.named(plan.type, text, base_url))
            case "_filter":
                return lambda text: filters.compile(text, plan.type, self)
        return lambda text: self._composite(plan.composites[code], text, asked)

    def _found(self, parameter: Parameter, text: str, asked: Asked) -> Iterator[Condition]:
        """Yield the conditions one of which holds where `parameter` has the value `text`."""
        return self._compared(parameter, KINDS[parameter.type].condition, text, asked)

    def _compared(
        self, parameter: Parameter, compare: Compare, text: str, asked: Asked
    ) -> Iterator[Condition]:
        for source in parameter.sources:
            yield from self._compared(source, compare, text, asked)
        if not parameter.sources:
            yield compare(parameter, text, self._plans.environment, asked)

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

    def _all(self, parameters: Sequence[Parameter], parts: list[str], asked: Asked) -> Condition:
        pairs = zip(parameters, parts, strict=True)
        return all_of([any_of(self._found(one, part, asked)) for one, part in pairs])


def _names(parameter: Parameter, types: Iterable[str]) -> Names:
    """Return the index names under which `parameter` leads to resources of `types`."""
    wanted = frozenset(types)
    return {
        leaf.name: Reach(wanted.intersection(leaf.targets), bool(leaf.types & CANONICAL_TYPES))
        for leaf in leaves(parameter)
    }


def _with_id(text: str) -> Condition:
    return {"_id": unescaped(text)} if is_id(unescaped(text)) else NOTHING


def _unknown(type: str, name: str) -> NotDone:
    return NotDone.because("search-parameter-unknown", type=type, parameter=shown(name))


def _unmodified(code: str, modifier: str) -> NotDone:
    return NotDone.because("search-modifier-unsupported", parameter=code, modifier=shown(modifier))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
