"""The parameters ``_text`` and ``_content``: resources by the words in them.

All words have to be there, in any order; between them may stand ``AND``, ``OR``, ``NOT`` in any
case, and parentheses. ``hyper*`` finds what starts so. Words in quotes are no operators, and the
characters of a Han phrase in quotes stand side by side; its other words need not. ``_content``
looks through the narrative, too.

A resource with more text than was indexed may have any word or not: it is found if one of them
would do.

Spec: https://hl7.org/fhir/R4/search.html#content
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from server.fhir.outcome import BadRequest
from server.search.conditions import Condition, all_of, any_of, starts_with
from server.search.values import shown, split, unescaped
from server.search.words import MORE, Term, sought
from server.terminology.folding import freshly_folded

Kind = Literal["t:", "c:"]
LONGEST = 512
MOST_TERMS = 64
_DEEPEST = 16
_PARAMETERS: dict[Kind, str] = {"t:": "_text", "c:": "_content"}
_PREFIXES: dict[Kind, tuple[str, ...]] = {"t:": ("t:",), "c:": ("c:", "t:")}
_QUOTES = {ord(quote): '"' for quote in "“”„«»「」『』"}
_TOKEN = re.compile(r'"([^"]*)"|[()]|[^\s()"]+|"')


class _Answer(NamedTuple):
    """The conditions that an expression holds, and that it does not; some resources fulfil both."""

    holds: Condition
    fails: Condition


def condition(kind: Kind, text: str) -> Condition:
    """Return the condition that the words of `kind` fulfil one of the expressions in `text`.

    `text` stands as it does in a URL: commas divide expressions, unless they are escaped.

    Raises BadRequest if `text` is no expression, or too long.
    """
    parameter = _PARAMETERS[kind]
    if len(text) > LONGEST:
        raise BadRequest.because("search-value-too-long", parameter=parameter, limit=LONGEST)
    readers = [_Reader(_tokens(unescaped(part)), _PREFIXES[kind]) for part in split(text, ",")]
    try:
        answers = [reader.expression() for reader in readers]
    except ValueError:
        raise BadRequest.because(
            "search-text-invalid", parameter=parameter, value=shown(unescaped(text))
        ) from None
    if None in answers:
        raise BadRequest.because("search-value-empty", parameter=parameter)
    if sum(reader.terms for reader in readers) > MOST_TERMS:
        raise BadRequest.because("search-text-too-many", parameter=parameter, limit=MOST_TERMS)
    return any_of(answer.holds for answer in answers if answer is not None)


def _tokens(value: str) -> list[re.Match[str]]:
    return list(_TOKEN.finditer(freshly_folded(value.translate(_QUOTES))))


@dataclass(slots=True)
class _Reader:
    """Reads an expression from its tokens; words without a letter or digit say nothing."""

    tokens: Sequence[re.Match[str]]
    prefixes: tuple[str, ...]
    terms: int = 0
    _next: int = 0

    def expression(self) -> _Answer | None:
        """Return the whole expression, None if it says nothing. Raises ValueError if it is none."""
        found = self._either(0)
        if self._peek() is not None:
            raise ValueError
        return found

    def _peek(self) -> str | None:
        return self.tokens[self._next][0] if self._next < len(self.tokens) else None

    def _either(self, depth: int) -> _Answer | None:
        parts = [self._every(depth)]
        while self._peek() == "or":
            self._next += 1
            parts.append(self._every(depth))
        if len(parts) > 1 and None in parts:
            raise ValueError
        return _combined(parts, any_of, all_of)

    def _every(self, depth: int) -> _Answer | None:
        parts: list[_Answer | None] = []
        while self._peek() not in (None, ")", "or"):
            if self._peek() == "and":
                self._next += 1
                if not parts or self._peek() in (None, ")", "or", "and"):
                    raise ValueError
            parts.append(self._one(depth))
        return _combined(parts, all_of, any_of)

    def _one(self, depth: int) -> _Answer | None:
        is_negated = False
        while self._peek() == "not":
            self._next += 1
            is_negated = not is_negated
        found = self._atom(depth)
        if found is None or not is_negated:
            if found is None and is_negated:
                raise ValueError
            return found
        return _Answer(found.fails, found.holds)

    def _atom(self, depth: int) -> _Answer | None:
        if self._peek() in (None, ")", "and", "or", '"') or depth > _DEEPEST:
            raise ValueError
        token = self.tokens[self._next]
        self._next += 1
        if token[0] != "(":
            return self._words(token)
        found = self._either(depth + 1)
        if found is None or self._peek() != ")":
            raise ValueError
        self._next += 1
        return found

    def _words(self, token: re.Match[str]) -> _Answer | None:
        phrase = token[1]
        terms = sought(token[0] if phrase is None else phrase, as_phrase=phrase is not None)
        if not terms:
            return None
        if phrase is None and token[0].endswith("*"):
            terms[-1] = Term(terms[-1].word, is_start=True)
        self.terms += len(terms)
        sure = all_of([self._present(term, ()) for term in terms])
        perhaps = all_of([self._present(term, (MORE,)) for term in terms])
        return _Answer(perhaps, {"$nor": [sure]})

    def _present(self, term: Term, marks: tuple[str, ...]) -> Condition:
        others = [prefix + mark for prefix in self.prefixes for mark in marks]
        named = [prefix + term.word for prefix in self.prefixes]
        if not term.is_start:
            return any_of({"w": word} for word in named + others)
        return any_of([*(starts_with("w", w) for w in named), *({"w": w} for w in others)])


def _combined(
    parts: Sequence[_Answer | None],
    together: Callable[[list[Condition]], Condition],
    apart: Callable[[list[Condition]], Condition],
) -> _Answer | None:
    said = [part for part in parts if part is not None]
    if len(said) < 2:
        return said[0] if said else None
    return _Answer(together([part.holds for part in said]), apart([part.fails for part in said]))
