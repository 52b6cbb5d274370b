"""The grammar of the FHIRPath that search parameters, patches and invariants are written in.

`parse` gives a tree; what becomes of it is up to who reads it, and so is what of the language they
take. It has paths, unions, ``as``, ``is``, functions, comparisons, logic, ``+`` and ``&``.

Spec: http://hl7.org/fhirpath/N1/#operators
"""

import re
from dataclasses import dataclass
from decimal import Decimal

_TOKEN = re.compile(
    r"\s*(?:([A-Za-z_]\w*)|`([^`]+)`|'((?:[^'\\]|\\.)*)'|(\d+(?:\.\d+)?)"
    r"|@(\d{4}(?:-\d\d(?:-\d\d(?:T[\d:]*(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)?)?)?)"
    r"|(!=|[<>]=|\$this\b|[<>=|().,\[\]%+&]))"
)
_KINDS = ("name", "name", "string", "number", "string", "sign")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


class ExpressionError(ValueError):
    """An expression that cannot be evaluated here."""


@dataclass(frozen=True, slots=True)
class Name:
    """A type, or an element of what the expression starts from."""

    name: str


@dataclass(frozen=True, slots=True)
class Resource:
    """``%resource``: the resource that is being indexed."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Any other name that is known from outside: ``%ucum`` has the `name` ucum."""

    name: str


@dataclass(frozen=True, slots=True)
class This:
    """What a criterion is about: ``$this``."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number or boolean written out; a date is its text."""

    value: str | int | Decimal | bool


@dataclass(frozen=True, slots=True)
class Member:
    """The element `name` of `source`."""

    source: "Node"
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """The item of `source` at `position`, counted from 0."""

    source: "Node"
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function; without a `source` it is called on what the expression starts from."""

    source: "Node | None"
    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Typed:
    """`source` as `type`, or the question whether it is (`operator` is ``as`` or ``is``)."""

    operator: str
    source: "Node"
    type: str


@dataclass(frozen=True, slots=True)
class Binary:
    """Two nodes joined by an operator."""

    operator: str
    left: "Node"
    right: "Node"


Node = Name | Resource | Environment | This | Literal | Member | Index | Call | Typed | Binary
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("implies",),
    ("or", "xor"),
    ("and",),
    ("in", "contains"),
    ("=", "!="),
    ("<=", "<", ">=", ">"),
    ("|",),
)


def parse(expression: str) -> Node:
    """Return the tree of `expression`.

    Raises ExpressionError if it is not of this language.
    """
    parser = _Parser(_tokens(expression))
    try:
        node = parser.binary(0)
    except RecursionError:
        message = "The expression nests too deep."
        raise ExpressionError(message) from None
    if parser.next is not None:
        message = f"There is no place for {parser.next[1]!r} in {expression!r}."
        raise ExpressionError(message)
    return node


_Token = tuple[str, str]


def _tokens(expression: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    text = expression.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            message = f"{text[position : position + 10]!r} is not understood in {expression!r}."
            raise ExpressionError(message)
        tokens.extend(
            (kind, found)
            for kind, found in zip(_KINDS, match.groups(), strict=True)
            if found is not None
        )
        position = match.end()
    return tokens


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._position = 0

    @property
    def next(self) -> _Token | None:
        """The token that is to be read, None at the end."""
        at_end = self._position == len(self._tokens)
        return None if at_end else self._tokens[self._position]

    def _take(self) -> _Token:
        token = self.next
        if token is None:
            message = "The expression ends too early."
            raise ExpressionError(message)
        self._position += 1
        return token

    def _skips(self, sign: str) -> bool:
        skips = self.next == ("sign", sign)
        self._position += skips
        return skips

    def _expect(self, sign: str) -> None:
        if not self._skips(sign):
            message = f"{sign!r} is missing."
            raise ExpressionError(message)

    def binary(self, level: int) -> Node:
        """Read operands joined by the operators of `level`, the loosest being level 0."""
        if level == len(_LEVELS):
            return self._typed()
        node = self.binary(level + 1)
        while self.next is not None and self.next[1] in _LEVELS[level] and self.next[0] != "string":
            operator = self._take()[1]
            node = Binary(operator, node, self.binary(level + 1))
        return node

    def _typed(self) -> Node:
        node = self._sum()
        while self.next in (("name", "as"), ("name", "is")):
            operator = self._take()[1]
            node = Typed(operator, node, self._type())
        return node

    def _sum(self) -> Node:
        node = self._path()
        while self.next in (("sign", "+"), ("sign", "&")):
            operator = self._take()[1]
            node = Binary(operator, node, self._path())
        return node

    def _type(self) -> str:
        name = self._name()
        while self._skips("."):
            name = self._name()
        return name

    def _name(self) -> str:
        kind, text = self._take()
        if kind != "name":
            message = f"A name is missing before {text!r}."
            raise ExpressionError(message)
        return text

    def _path(self) -> Node:
        node = self._start()
        while True:
            if self._skips("."):
                node = self._member(node)
            elif self._skips("["):
                kind, text = self._take()
                if kind != "number" or "." in text:
                    message = f"{text!r} is no position in a list."
                    raise ExpressionError(message)
                self._expect("]")
                node = Index(node, int(text))
            else:
                return node

    def _member(self, source: Node) -> Node:
        name = self._name()
        if not self._skips("("):
            return Member(source, name)
        if name in ("as", "is", "ofType"):
            type = self._type()
            self._expect(")")
            return Typed("is" if name == "is" else "as", source, type)
        return Call(source, name, self._arguments())

    def _arguments(self) -> tuple[Node, ...]:
        if self._skips(")"):
            return ()
        found = [self.binary(0)]
        while self._skips(","):
            found.append(self.binary(0))
        self._expect(")")
        return tuple(found)

    def _start(self) -> Node:
        kind, text = self._take()
        if kind == "string":
            return Literal(_ESCAPE.sub(_unescaped, text))
        if kind == "number":
            return Literal(Decimal(text) if "." in text else int(text))
        if kind == "name":
            if text in ("true", "false"):
                return Literal(text == "true")
            return Call(None, text, self._arguments()) if self._skips("(") else Name(text)
        return self._start_at_sign(text)

    def _start_at_sign(self, sign: str) -> Node:
        if sign == "(":
            node = self.binary(0)
            self._expect(")")
            return node
        if sign == "$this":
            return This()
        if sign == "%":
            name = self._name()
            return Resource() if name == "resource" else Environment(name)
        message = f"An expression cannot start with {sign!r}."
        raise ExpressionError(message)


def _unescaped(escape: re.Match[str]) -> str:
    code, letter = escape.groups()
    return chr(int(code, 16)) if code else _LETTERS.get(letter, letter)
