"""A search parameter of one type as this server keeps it, and what its index needs to know."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from server.search.units import Units
from server.search.values import LONGEST_TERM, compared
from server.terminology.phonetics import Phonetics
from server.terminology.service import Terminology


@dataclass(frozen=True, slots=True)
class Environment:
    """What values mean here: the zone of dates without one, our base URL, units, pronunciations.

    `terminology` tells what value sets and code systems are made of.
    """

    zone: tzinfo
    base_url: str
    units: Units
    phonetics: Phonetics
    terminology: Terminology


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter of one resource type.

    `code` is what a query calls it, `name` what its index entries do. `types` are the FHIR types
    of its values, `targets` the types it may refer to. `implied` gives the systems, and their
    codes, of values that are a bare code. `main` is the field of the index that is kept for it
    alone: c, pt or ds. A parameter with `sources` has no entries of its own: it finds what any of
    them finds; with `narrowed`, only references to that type.
    """

    code: str
    type: str
    name: str
    types: frozenset[str] = frozenset()
    targets: tuple[str, ...] = ()
    implied: Mapping[str, frozenset[str]] = field(default_factory=dict)
    main: str | None = None
    sources: tuple["Parameter", ...] = ()
    narrowed: str | None = None


@dataclass(frozen=True, slots=True)
class Entries:
    """The index entries of one resource while they are collected; `scalars` are pt, ds, de, dl.

    `t`, `c`, `s`, `d`, `n`, `q` and `k` are the fields of the document of that name; `folded` are
    the strings for the index of substrings.
    """

    t: list[str] = field(default_factory=list)
    c: list[str] = field(default_factory=list)
    s: list[str] = field(default_factory=list)
    d: list[dict[str, Any]] = field(default_factory=list)
    n: list[dict[str, Any]] = field(default_factory=list)
    q: list[dict[str, Any]] = field(default_factory=list)
    k: list[dict[str, Any]] = field(default_factory=list)
    folded: list[str] = field(default_factory=list)
    scalars: dict[str, Any] = field(default_factory=dict)

    def lists(self) -> tuple[list[Any], ...]:
        """Return the fields that are lists of entries."""
        return self.t, self.c, self.s, self.d, self.n, self.q, self.k

    def document(self) -> dict[str, Any]:
        """Return the fields that are not empty, each term once."""
        found: dict[str, Any] = dict(self.scalars)
        for name in ("t", "c", "s"):
            terms: list[str] = getattr(self, name)
            if terms:
                # All together are rarely longer than one may be, which is quicker to ask.
                if name != "s" and len("".join(terms)) > LONGEST_TERM:
                    terms = [compared(term) for term in terms]
                found[name] = list(dict.fromkeys(terms))
        for name in ("d", "n", "q", "k"):
            rows = getattr(self, name)
            if rows:
                found[name] = rows
        return found


@dataclass(frozen=True, slots=True)
class Asked:
    """What a value's condition depends on besides the value.

    `now` is the present in microseconds, which ``ap`` of dates measures from. `few` says that the
    rest of the query leaves the record of few patients, so that it needs no help to be fast.
    """

    now: int
    few: bool


Extract = Callable[[Any, Entries], None]
