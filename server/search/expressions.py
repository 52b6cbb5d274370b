"""Search parameters' expressions, compiled to closures with the FHIR type of what they find.

Types come from the definitions and never from the look of a value. An expression has one
`Branch` for each way to a value: each part of a union that is about the type at hand, and
each type of a choice element.

Spec: https://hl7.org/fhir/R4/fhirpath.html
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from server.fhir.reference import parse as parse_reference
from server.profiles import fhirpath
from server.profiles.definitions import Definitions, Element
from server.profiles.fhirpath import ExpressionError, Node
from server.search.steps import Json, Key, Resource, Step, ValuesOf, compose, key

_Holds = Callable[[Any, Resource], bool]
_ANY_RESOURCE = ("Resource", "DomainResource")
_PASSING = frozenset({"and", "=", "!="})


@dataclass(frozen=True, slots=True)
class Branch:
    """One way from a resource to values that have one FHIR type.

    `path` names the way (``Observation.value:Quantity``): branches with one path find the same.
    `narrowed` is T if only references to a T are kept of them. `many` says that there can be
    several values. `element` is the last element of the way. `reads` are the paths of all elements
    that the values depend on.
    """

    type: str
    path: str
    steps: tuple[Step, ...] = ()
    many: bool = False
    narrowed: str | None = None
    element: Element | None = None
    reads: frozenset[str] = frozenset()

    def first(self) -> str | None:
        """Return the element of the resource without which there are no values, if it is one."""
        match self.steps:
            case (Key(name), *_):
                return name
        return None

    def values(self) -> ValuesOf:
        """Return the function from a resource (twice: as node and as root) to the values."""
        return compose(self.steps)


def branches(definitions: Definitions, expression: str, type: str) -> tuple[Branch, ...]:
    """Return the branches of `expression` for resources, or elements, of `type`.

    Raises ExpressionError if it is beyond the language or names what R4 does not have.
    """
    compiler = _Compiler(definitions, type)
    return tuple(compiler.compile(fhirpath.parse(expression), [Branch(type, type)]))


@dataclass(frozen=True, slots=True)
class _Predicate:
    """The test whether something `holds` of a node; `reads` are the paths of what it looks at."""

    holds: _Holds
    reads: frozenset[str]


class _Compiler:
    """Compiles trees for one type."""

    def __init__(self, definitions: Definitions, type: str) -> None:
        self._elements = definitions.elements
        self._type = type.split(".", maxsplit=1)[0]

    def compile(self, node: Node, context: Sequence[Branch]) -> list[Branch]:
        """Return the branches of `node`, where `context` is what a relative path starts from."""
        match node:
            case fhirpath.Name(name):
                return self._named(name, context)
            case fhirpath.Resource():
                return [Branch(self._type, self._type, (lambda _nodes, root: (root,),))]
            case fhirpath.Binary("|", left, right):
                return [*self.compile(left, context), *self.compile(right, context)]
            case fhirpath.Binary(operator) if operator in _PASSING:
                return [self._computed(b, node) for b in context]
            case fhirpath.Member() | fhirpath.Typed("as") | fhirpath.Index() | fhirpath.Call():
                return self._step(node, self._sources(node, context))
        message = f"{node} gives no values."
        raise ExpressionError(message)

    def _sources(
        self,
        node: fhirpath.Member | fhirpath.Typed | fhirpath.Index | fhirpath.Call,
        context: Sequence[Branch],
    ) -> Sequence[Branch]:
        """Return the branches of what `node` is about.

        HL7's expressions end with ``extension(url)`` and mean its value; where
        a step follows, it is the extension itself, as FHIRPath has it.
        """
        match node, node.source:
            case _, None:
                return context
            case (
                fhirpath.Member() | fhirpath.Call(),
                fhirpath.Call(_, "extension", (fhirpath.Literal(str(url)),)) as call,
            ):
                return self._extensions(self._sources(call, context), url)
            case _, source:
                return self.compile(source, context)

    def _extensions(self, sources: Iterable[Branch], url: str) -> list[Branch]:
        criterion = fhirpath.Binary("=", fhirpath.Name("url"), fhirpath.Literal(url))
        return [self._filtered(b, criterion) for b in self._members(sources, "extension")]

    def _step(self, node: Node, sources: Sequence[Branch]) -> list[Branch]:
        """Return the branches that `node` makes of those of its source."""
        match node:
            case fhirpath.Member(_, name):
                return self._members(sources, name)
            case fhirpath.Index(_, position):
                return [self._item(source, position) for source in sources]
            case fhirpath.Call(_, name, arguments):
                return self._call(name, arguments, sources)
            case fhirpath.Typed(_, _, type):
                return [source for source in sources if _same_type(source.type, type)]
        message = f"{node} is no step."
        raise ExpressionError(message)

    def _named(self, name: str, context: Sequence[Branch]) -> list[Branch]:
        if not name[0].isupper():
            return self._members(context, name)
        return [b for b in context if name in (b.type, *_ANY_RESOURCE)]

    def _members(self, sources: Iterable[Branch], name: str) -> list[Branch]:
        return [member for source in sources for member in self._member(source, name)]

    def _member(self, source: Branch, name: str) -> list[Branch]:
        children = self._elements.get(source.type, {})
        if name in children:
            return [self._child(source, children[name], name, children[name].types[0])]
        choice = children.get(f"{name}[x]")
        if choice is None:
            message = f"{source.type} has no element {name}."
            raise ExpressionError(message)
        return [
            self._child(source, choice, name + type[0].upper() + type[1:], type)
            for type in choice.types
        ]

    def _child(self, source: Branch, element: Element, name: str, type: str) -> Branch:
        many = element.max is None or element.max > 1
        choice = f":{type}" if element.name.endswith("[x]") else ""
        return Branch(
            self._type_of(element, type),
            f"{source.path}.{element.name.removesuffix('[x]')}{choice}",
            (*source.steps, key(name, many=many)),
            many=source.many or many,
            element=element,
            reads=source.reads | {element.path},
        )

    def _type_of(self, element: Element, type: str) -> str:
        if type.startswith("#"):
            return type[1:]
        return element.path if element.path in self._elements else type

    @staticmethod
    def _item(source: Branch, position: int) -> Branch:
        return replace(
            source,
            path=f"{source.path}[{position}]",
            steps=(*source.steps, lambda nodes, _root: nodes[position : position + 1]),
            many=False,
        )

    def _call(
        self, name: str, arguments: tuple[Node, ...], sources: Sequence[Branch]
    ) -> list[Branch]:
        match name, arguments:
            case "where", (fhirpath.Typed("is", fhirpath.Call(None, "resolve", ()), type),):
                return [self._narrowed(source, type) for source in sources]
            case "where", (criterion,):
                return [self._filtered(source, criterion) for source in sources]
            case "extension", (fhirpath.Literal(str(url)),):
                return self._members(self._extensions(sources, url), "value")
        message = f"{name}() with {len(arguments)} arguments gives no values."
        raise ExpressionError(message)

    @staticmethod
    def _narrowed(source: Branch, type: str) -> Branch:
        if source.type != "Reference":
            message = f"{source.type} refers to nothing."
            raise ExpressionError(message)
        keeps = _refers_to(type)
        return replace(source, steps=(*source.steps, _filter(keeps)), narrowed=type)

    def _filtered(self, source: Branch, criterion: Node) -> Branch:
        path = f"{source.path}.where({criterion})"
        keeps = self._predicate(criterion, source.type)
        return replace(
            source,
            path=path,
            steps=(*source.steps, _filter(keeps.holds)),
            reads=source.reads | keeps.reads,
        )

    def _computed(self, source: Branch, node: Node) -> Branch:
        test = self._predicate(node, source.type)
        step: Step = lambda nodes, root: [test.holds(node, root) for node in nodes]  # noqa: E731
        return Branch(
            "boolean",
            f"{source.path}.({node})",
            (*source.steps, step),
            source.many,
            reads=source.reads | test.reads,
        )

    def _predicate(self, node: Node, type: str) -> _Predicate:
        """Return the test whether `node` is true; where FHIRPath says empty, it is not."""
        match node:
            case fhirpath.Binary("and", left, right):
                first, second = self._predicate(left, type), self._predicate(right, type)
                return _Predicate(
                    lambda value, root: first.holds(value, root) and second.holds(value, root),
                    first.reads | second.reads,
                )
            case fhirpath.Binary("=" | "!=" as operator, left, fhirpath.Literal(wanted)):
                getters, reads = self._getters(left, type)
                return _Predicate(_compares(getters, wanted, equal=operator == "="), reads)
            case fhirpath.Call(fhirpath.Name() | fhirpath.Member() as source, "exists", ()):
                getters, reads = self._getters(source, type)
                return _Predicate(
                    lambda value, root: any(get(value, root) for get in getters), reads
                )
            case fhirpath.Call(None, "hasExtension", (fhirpath.Literal(str(url)),)) if (
                type in self._elements
            ):
                return _Predicate(_has_extension(url), frozenset({f"{type}.extension"}))
        message = f"{node} is no criterion."
        raise ExpressionError(message)

    def _getters(self, node: Node, type: str) -> tuple[tuple[ValuesOf, ...], frozenset[str]]:
        """Return what gets the values of `node`, and the paths of the elements they depend on."""
        ways = self.compile(node, [Branch(type, type)])
        return tuple(way.values() for way in ways), frozenset().union(*(w.reads for w in ways))


def _same_type(type: str, asked: str) -> bool:
    # One of HL7's expressions says DateTime where it means dateTime.
    return type == asked or type == asked[0].lower() + asked[1:]


def _filter(keeps: _Holds) -> Step:
    return lambda nodes, root: [node for node in nodes if keeps(node, root)]


def _compares(getters: tuple[ValuesOf, ...], wanted: object, *, equal: bool) -> _Holds:
    def compares(value: Json, root: Resource) -> bool:
        found = [item for get in getters for item in get(value, root)]
        return bool(found) and (found == [wanted]) == equal

    def compares_one(value: Json, root: Resource) -> bool:
        found = getters[0](value, root)
        return len(found) == 1 and (found[0] == wanted) == equal

    return compares_one if len(getters) == 1 else compares


def _has_extension(url: str) -> _Holds:
    return lambda value, _root: any(
        extension.get("url") == url for extension in value.get("extension", ())
    )


def _refers_to(type: str) -> _Holds:
    def refers(value: Json, root: Resource) -> bool:
        text = value.get("reference", "")
        if text.startswith("#"):
            return any(
                inner.get("id") == text[1:] and inner.get("resourceType") == type
                for inner in root.get("contained", ())
            )
        found = parse_reference(text, "").type
        return bool((found or value.get("type")) == type)

    return refers
