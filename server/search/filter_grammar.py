"""The grammar of ``_filter``: its text as a tree.

``and`` and ``or`` are taken from left to right, neither before the other, as the specification
has it; only parentheses change that. A filter is at most 10,000 characters long, 20 levels deep,
and has at most 100 comparisons.

Spec: https://hl7.org/fhir/R4/search_filter.html
"""

import re
from dataclasses import dataclass
from json import JSONDecodeError, loads
from typing import Union

from server.fhir.outcome import BadRequest

LONGEST = 10_000
DEEPEST = 20
MOST_COMPARISONS = 100
OPERATORS = frozenset(
    "eq ne co sw ew gt lt ge le ap sa eb pr po ss sb in ni re".split()  # noqa: SIM905  # one list
)
_BLANK = re.compile(r"\s*")
_SPACE = re.compile(r"\s+")
_OPEN = re.compile(r"\(")
_NOT = re.compile(r"not\s*\(")
_WORD = re.compile(r"(and|or)(?=[\s(]|\Z)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_OPERATOR = re.compile(r"[A-Za-z]+")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TOKEN = re.compile(r'(?!")[^\s\])]+')
_UNCLOSED = {
    ")": "search-filter-expected-parenthesis",
    "]": "search-filter-expected-bracket",
}
_BOOLEAN = ("true", "false")


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a path; `where` is the filter in brackets behind it."""

    code: str
    where: "Filter | None" = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """``path operator value``; a string stands here without its quotes and escapes."""

    path: tuple[Step, ...]
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Not:
    """``not (inner)``."""

    inner: "Filter"


@dataclass(frozen=True, slots=True)
class Joined:
    """Two filters or more, between which the `word` ``and`` or ``or`` stands."""

    word: str
    parts: tuple["Filter", ...]


Filter = Union[Comparison, Not, Joined]  # noqa: UP007  # its members name it before it is defined


def parse(text: str) -> Filter:
    """Return the tree of `text`.

    Raises BadRequest that tells the first character at fault, counted from 1, and what was
    expected there; or the limit that `text` breaks.
    """
    if len(text) > LONGEST:
        raise BadRequest.because("search-filter-too-long", limit=LONGEST)
    reader = _Reader(text)
    found = _filter(reader, 0)
    if reader.at < len(text):
        raise reader.fault("search-filter-expected-word")
    return found


@dataclass(slots=True)
class _Reader:
    """A text, and how far it has been read."""

    text: str
    at: int = 0
    comparisons: int = 0

    def take(self, pattern: re.Pattern[str]) -> str | None:
        """Return what matches `pattern` here and go on behind it, None if nothing does."""
        match = pattern.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match.group()

    def expect(self, pattern: re.Pattern[str], message: str) -> str:
        """Return what matches `pattern` here and go on behind it; say `message` if nothing does."""
        found = self.take(pattern)
        if found is None:
            raise self.fault(message)
        return found

    def fault(self, message: str, at: int | None = None) -> BadRequest:
        """Return the refusal with `message` and a place, which is here unless told otherwise."""
        place = self.at if at is None else at
        return BadRequest.because(message, position=place + 1)

    def is_at(self, character: str) -> bool:
        """Tell whether `character` comes next."""
        return self.text.startswith(character, self.at)


def _filter(reader: _Reader, depth: int) -> Filter:
    """Return the filter that starts here, read up to its end and the white space behind it."""
    if depth > DEEPEST:
        raise BadRequest.because("search-filter-too-deep", limit=DEEPEST)
    parts, joined = [_one(reader, depth)], ""
    while (word := reader.take(_WORD)) is not None:
        if joined and word != joined:
            parts = [Joined(joined, tuple(parts))]
        joined = word
        parts.append(_one(reader, depth))
    return Joined(joined, tuple(parts)) if joined else parts[0]


def _one(reader: _Reader, depth: int) -> Filter:
    reader.take(_BLANK)
    if reader.take(_NOT) is not None:
        found: Filter = Not(_enclosed(reader, ")", depth))
    elif reader.take(_OPEN) is not None:
        found = _enclosed(reader, ")", depth)
    else:
        found = _comparison(reader, depth)
    reader.take(_BLANK)
    return found


def _enclosed(reader: _Reader, end: str, depth: int) -> Filter:
    """Return the filter that starts here, read with the `end` behind it."""
    found = _filter(reader, depth + 1)
    if not reader.is_at(end):
        raise reader.fault(_UNCLOSED[end])
    reader.at += 1
    return found


def _comparison(reader: _Reader, depth: int) -> Comparison:
    reader.comparisons += 1
    if reader.comparisons > MOST_COMPARISONS:
        raise BadRequest.because("search-filter-too-many", limit=MOST_COMPARISONS)
    path = _path(reader, depth)
    reader.expect(_SPACE, "search-filter-expected-operator")
    start = reader.at
    operator = reader.expect(_OPERATOR, "search-filter-expected-operator").lower()
    if operator not in OPERATORS:
        raise reader.fault("search-filter-expected-operator", start)
    reader.expect(_SPACE, "search-filter-expected-value")
    start = reader.at
    value = _value(reader)
    if operator == "pr" and value not in _BOOLEAN:
        raise reader.fault("search-filter-expected-boolean", start)
    return Comparison(path, operator, value)


def _path(reader: _Reader, depth: int) -> tuple[Step, ...]:
    steps: list[Step] = []
    while True:
        code = reader.expect(_NAME, "search-filter-expected-parameter")
        where = None
        if reader.is_at("["):
            reader.at += 1
            where = _enclosed(reader, "]", depth)
        steps.append(Step(code, where))
        if not reader.is_at("."):
            break
        reader.at += 1
    if where is not None:
        # What is in brackets chooses among the resources whose parameter follows.
        raise reader.fault("search-filter-expected-dot")
    if len(steps) > DEEPEST:
        raise BadRequest.because("search-filter-too-deep", limit=DEEPEST)
    return tuple(steps)


def _value(reader: _Reader) -> str:
    if not reader.is_at('"'):
        return reader.expect(_TOKEN, "search-filter-expected-value")
    start = reader.at
    written = reader.take(_STRING)
    if written is None:
        raise reader.fault("search-filter-expected-quote", len(reader.text))
    try:
        value = str(loads(written))
        value.encode()
    except (JSONDecodeError, UnicodeEncodeError):
        raise reader.fault("search-filter-expected-string", start) from None
    return value
