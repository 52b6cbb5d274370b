"""A search as the proof knows it: how it is spelled, and which resources it means.

A search is judged on the resources that the token may search, and joins on those at their other
ends that it may search, too; what it includes must be readable as well.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.security.access.oracle import CONFORMANCE, Json, Key, Oracle, Stored, values
from tests.security.access.tokens import Token

_LOCAL = re.compile(
    r"(?:http://tongkang\.test/fhir/)?([A-Z][A-Za-z]+/[A-Za-z0-9.-]+)(?:/_history/\d+)?"
)
Look = Callable[[str], list[Json]]
"""Gives the bodies of the resources of a type that a token may search."""
Wanted = Callable[[Json, Look], bool]
Include = Callable[[Json], Iterable[str]]
"""Gives what a resource refers to, as ``Type/id``."""


def whatever(body: Json, look: Look) -> bool:
    """Want every resource."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One search of `type`, None for several: `types`, or all.

    `needs` are the types that its joins lead through, `reads` the elements that it asks about.
    `forward` gives what is included of a match, `reverse` by type what an included one points at,
    `again` is `forward` from what was included. Without `exact` only too much is a fault.
    """

    path: str
    type: str | None
    query: str = ""
    wanted: Wanted = whatever
    types: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()
    reads: tuple[tuple[str, str], ...] = ()
    sort: Callable[[Json], Any] | None = None
    falling: bool = False
    forward: Include | None = None
    again: Include | None = None
    reverse: tuple[tuple[str, Include], ...] = ()
    exact: bool = True

    @property
    def name(self) -> str:
        """The URL."""
        return f"{self.path}?{self.query}"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the oracle says of a search."""

    status: int
    matches: frozenset[Key] = frozenset()
    included: frozenset[Key] = frozenset()


def refers(body: Json, path: str) -> set[str]:
    """Return what of this server the references at `path` name, without versions."""
    texts = (one.get("reference", "") for one in values(body, path))
    return {match[1] for text in texts if (match := _LOCAL.fullmatch(text))}


def named(body: Json) -> str:
    """Return ``Type/id`` of `body`."""
    return f"{body['resourceType']}/{body['id']}"


def expected(oracle: Oracle, token: Token, search: Search) -> Expected:
    """Return what the token gets for `search`, worked out once."""
    asked = token.name, search.name
    if asked not in oracle.answers:
        oracle.answers[asked] = _expected(oracle, token, search)
    return oracle.answers[asked]


def _expected(oracle: Oracle, token: Token, search: Search) -> Expected:
    if not _may(oracle, token, search):
        return Expected(403)
    types = (search.type,) if search.type else (search.types or oracle.types)
    look = _Look(oracle, token)
    found = [
        one
        for type in types
        if "s" in oracle.letters(token, type)
        for one in oracle.known(token, type, "s")
        if search.wanted(one.body or {}, look)
    ]
    keys = frozenset(one.key for one in found)
    return Expected(200, keys, frozenset(_included(oracle, token, search, found)) - keys)


def _may(oracle: Oracle, token: Token, search: Search) -> bool:
    """Tell whether the token may ask `search` at all."""
    named = [*([search.type] if search.type else []), *(search.types or ()), *search.needs]
    if any("s" not in oracle.letters(token, type) for type in named):
        return False
    if not named and not any(
        "s" in oracle.letters(token, type)
        for type in (*oracle.types, *CONFORMANCE, "MeasureReport", "AuditEvent")
    ):
        return False
    masked = {
        (type, element)
        for type, (hidden, partly) in token.masks.items()
        for element in (*hidden, *partly)
    }
    return not masked & set(search.reads)


class _Look:
    """Remembers what a token may search while one search is judged."""

    def __init__(self, oracle: Oracle, token: Token) -> None:
        self._oracle, self._token = oracle, token
        self._seen: dict[str, list[Json]] = {}

    def __call__(self, type: str) -> list[Json]:
        """Return the bodies of `type`."""
        if type not in self._seen:
            known = self._oracle.known(self._token, type, "s")
            self._seen[type] = [one.body for one in known if one.body]
        return self._seen[type]


def _included(oracle: Oracle, token: Token, search: Search, found: list[Stored]) -> Iterator[Key]:
    bodies = [one.body or {} for one in found]
    first = list(_one_round(oracle, token, bodies, search.forward, search.reverse))
    yield from (one.key for one in first)
    if search.again:
        bodies = [one.body or {} for one in first]
        yield from (one.key for one in _one_round(oracle, token, bodies, search.again, ()))


def _one_round(
    oracle: Oracle,
    token: Token,
    bodies: list[Json],
    forward: Include | None,
    reverse: tuple[tuple[str, Include], ...],
) -> Iterator[Stored]:
    wanted = {text for body in bodies for text in (forward(body) if forward else ())}
    for type in {text.partition("/")[0] for text in wanted}:
        for one in oracle.known(token, type, "rs"):
            if f"{one.type}/{one.id}" in wanted:
                yield one
    here = {named(body) for body in bodies}
    for type, points in reverse:
        yield from (
            one for one in oracle.known(token, type, "rs") if here & set(points(one.body or {}))
        )
