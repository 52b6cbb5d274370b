"""From a tree to a closure.

What an expression finds may be larger than what it looks at, many times over; so each evaluation
has a budget of values that it may look at.

Spec: http://hl7.org/fhirpath/N1/
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from decimal import Decimal

from server.profiles import fhirpath
from server.profiles.fhirpath import ExpressionError, Node
from server.profiles.invariants.comparing import key
from server.profiles.invariants.items import NOTHING, Item, Items, Model, is_true, truth
from server.profiles.invariants.operators import LOGIC, OPERATORS, Logic

UCUM = "http://unitsofmeasure.org"
_ANY_RESOURCE = ("Resource", "DomainResource")


class TooMuch(Exception):
    """An evaluation has looked at more values than it may."""


@dataclass(slots=True)
class Scope:
    """What one evaluation goes by; `left` is how many values it may still look at.

    `resource` is the resource that the element is in, `root` the one which contains that, if any.
    `kept` has what expressions found that start from one of these, by expression and resource,
    `members` what is in that.
    """

    model: Model
    zone: tzinfo
    resource: Item
    root: Item
    context: Item
    left: int
    kept: dict[tuple[int, int], Items] = field(default_factory=dict)
    members: dict[tuple[int, int], frozenset[Hashable]] = field(default_factory=dict)

    def spend(self, count: int) -> None:
        """Count `count` values that are looked at. Raises TooMuch if they are too many."""
        self.left -= count
        if self.left < 0:
            raise TooMuch

    def descendants(self, items: Items) -> Items:
        """Return all that is inside `items`, however deep."""
        found: Items = []
        level = items
        while level:
            level = [child for item in level for child in self.model.children(item)]
            self.spend(len(level))
            found += level
        return found


Evaluate = Callable[[Scope, Items], Items]
"""From a scope and what the expression starts from (``$this``) to what it finds."""
Function = Callable[[Scope, Items, list[Evaluate], Items], Items]
"""A function of FHIRPath: of its input and its arguments, and of what the expression starts from.

An argument that is a criterion is evaluated for each item of the input, any other for the latter.
"""


def compiled(expression: str, functions: Mapping[str, Function]) -> Evaluate:
    """Return the closure of `expression`, which may call `functions`. Raises ExpressionError."""
    return _Compiler(functions).compile(fhirpath.parse(expression))


@dataclass(frozen=True, slots=True)
class _Compiler:
    functions: Mapping[str, Function]
    fixed: dict[Node, Evaluate] = field(default_factory=dict)

    def compile(self, node: Node) -> Evaluate:
        """Return the closure of `node`, one for all places that find the same."""
        if not _is_fixed(node):
            return self._made(node)
        found = self.fixed.get(node)
        if found is None:
            found = self.fixed[node] = _kept(self._made(node))
        return found

    def _made(self, node: Node) -> Evaluate:
        match node:
            case fhirpath.Member(source, name):
                return _member(self.compile(source), name)
            case fhirpath.Typed(operator, source, type_):
                return _typed(operator, self.compile(source), type_)
            case fhirpath.Call(source, name, arguments):
                return self._call(source, name, arguments)
            case fhirpath.Binary("in", left, right) if _is_fixed(right):
                return _in_fixed(self.compile(left), self.compile(right))
            case fhirpath.Binary(operator, left, right):
                return _binary(operator, self.compile(left), self.compile(right))
        return _leaf(node)

    def _call(self, source: Node | None, name: str, arguments: Sequence[Node]) -> Evaluate:
        match source, name, arguments:
            case None, "as" | "is" | "ofType", (fhirpath.Name(type),):
                return _typed("is" if name == "is" else "as", _this, type)
        function = self.functions.get(name)
        if function is None:
            message = f"There is no function {name}()."
            raise ExpressionError(message)
        of = self.compile(source) if source is not None else _this
        given = [self.compile(one) for one in arguments]
        return lambda scope, start: function(scope, of(scope, start), given, start)


_TYPES: Mapping[type, str] = {bool: "boolean", int: "integer", float: "decimal", str: "string"}


def _leaf(node: Node) -> Evaluate:
    match node:
        case fhirpath.Name(name):
            return _name(name)
        case fhirpath.Literal(value):
            plain = float(value) if isinstance(value, Decimal) else value
            items = [Item(plain, _TYPES[type(plain)])]
            return lambda _scope, _start: items
        case fhirpath.This():
            return _this
    return _outside(node)


def _is_fixed(node: Node) -> bool:
    """Tell whether `node` finds the same wherever in a resource it is evaluated."""
    match node:
        case fhirpath.Resource() | fhirpath.Environment("rootResource"):
            return True
        case fhirpath.Member(source, _) | fhirpath.Typed(_, source, _):
            return _is_fixed(source)
        case fhirpath.Call(source, _, arguments) if source is not None:
            return _is_fixed(source) and not arguments
        case fhirpath.Binary("|", left, right):
            return _is_fixed(left) and _is_fixed(right)
    return False


def _kept(evaluate: Evaluate) -> Evaluate:
    def kept(scope: Scope, start: Items) -> Items:
        name = (id(kept), id(scope.resource.value))
        found = scope.kept.get(name)
        if found is None:
            found = scope.kept[name] = evaluate(scope, start)
        return found

    return kept


def _this(_scope: Scope, start: Items) -> Items:
    return start


def _outside(node: Node) -> Evaluate:
    """Return the closure of what is known from outside the expression."""
    match node:
        case fhirpath.Resource():
            return lambda scope, _start: [scope.resource]
        case fhirpath.Environment("rootResource"):
            return lambda scope, _start: [scope.root]
        case fhirpath.Environment("context"):
            return lambda scope, _start: [scope.context]
        case fhirpath.Environment("ucum"):
            return lambda _scope, _start: [Item(UCUM, "string")]
    message = f"{node} is not known."
    raise ExpressionError(message)


def _name(name: str) -> Evaluate:
    inside = _member(_this, name)
    if not name[0].isupper():
        return inside

    return lambda _scope, start: [item for item in start if name in (item.type, *_ANY_RESOURCE)]


def _member(source: Evaluate, name: str) -> Evaluate:
    def member(scope: Scope, start: Items) -> Items:
        found = [child for item in source(scope, start) for child in scope.model.named(item, name)]
        scope.spend(len(found) + 1)
        return found

    return member


def is_of(item: Item, type: str) -> bool:
    """Tell whether `item` is of `type`, which is one of FHIR's or of the language's own."""
    return item.type in (type, type[0].lower() + type[1:])


def _typed(operator: str, source: Evaluate, type: str) -> Evaluate:
    if operator == "as":
        return lambda scope, start: [item for item in source(scope, start) if is_of(item, type)]

    def typed(scope: Scope, start: Items) -> Items:
        found = source(scope, start)
        return truth(all(is_of(item, type) for item in found)) if found else NOTHING

    return typed


def _binary(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    if operator in LOGIC:
        return _logical(LOGIC[operator], left, right)
    work = OPERATORS[operator]

    def binary(scope: Scope, start: Items) -> Items:
        one, other = left(scope, start), right(scope, start)
        scope.spend(len(one) + len(other))
        return work(one, other, scope.zone)

    return binary


def _in_fixed(left: Evaluate, right: Evaluate) -> Evaluate:
    """Return the closure of ``in`` for a right side that is asked many times over."""

    def is_in(scope: Scope, start: Items) -> Items:
        name = (id(is_in), id(scope.resource.value))
        members = scope.members.get(name)
        if members is None:
            members = scope.members[name] = frozenset(key(item) for item in right(scope, start))
        wanted = left(scope, start)
        return truth(key(wanted[0]) in members) if wanted else NOTHING

    return is_in


def _logical(logic: Logic, left: Evaluate, right: Evaluate) -> Evaluate:
    def logical(scope: Scope, start: Items) -> Items:
        first = is_true(left(scope, start))
        if first is not None and first is logic.decided_by:
            return truth(logic.as_decided)
        return truth(logic.of(first, is_true(right(scope, start))))

    return logical
