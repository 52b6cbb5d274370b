"""What a code means in another code system, as concept maps say.

Spec: https://hl7.org/fhir/R4/conceptmap-operation-translate.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.terminology.membership import Code

Json = Mapping[str, Any]
_REVERSED = {
    "wider": "narrower", "narrower": "wider", "subsumes": "specializes", "specializes": "subsumes",
}  # fmt: skip
NO_MATCH = frozenset(("unmatched", "disjoint"))
_DEEPEST = 5


@dataclass(frozen=True, slots=True)
class Match:
    """One meaning: `concept` is a Coding, None where a map says that there is none."""

    equivalence: str
    concept: Json | None
    source: str
    products: Sequence[Json] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of concept maps: `source` and `target` are value sets, `system` a target."""

    source: str | None = None
    target: str | None = None
    system: str | None = None
    is_reverse: bool = False

    def takes(self, one: Json) -> bool:
        """Tell whether the map `one` is between the value sets that are asked for."""
        ends = [_end(one, "source"), _end(one, "target")]
        if self.is_reverse:
            ends.reverse()
        asked = (self.source, self.target)
        return all(
            want is None or (end is not None and _without_version(end) == _without_version(want))
            for want, end in zip(asked, ends, strict=True)
        )


@dataclass(frozen=True, slots=True)
class _Search:
    """A code that is looked for, through as many maps as point at others."""

    code: Code
    wanted: Wanted
    by_url: Mapping[str, Json]

    def of(self, one: Json, depth: int = 0) -> Iterator[Match]:
        """Yield what the map `one` says of it."""
        url = one.get("url", "")
        for group in one.get("group", ()):
            ends = (_edition(group, "source"), _edition(group, "target"))
            source, target = reversed(ends) if self.wanted.is_reverse else ends
            if self.wanted.system not in (None, target[0]) or not _is_of(self.code, source):
                continue
            if self.wanted.is_reverse:
                yield from _backwards(url, group, self.code)
                continue
            yield from _forwards(url, group, self.code)
            if all(each.get("code") != self.code.code for each in group.get("element", ())):
                yield from self._unmapped(url, group, depth)

    def _unmapped(self, url: str, group: Json, depth: int) -> Iterator[Match]:
        """Yield what a group says of codes that it does not list."""
        said = group.get("unmapped", {})
        match said.get("mode"):
            case "provided":
                yield Match("equal", _coding(group, "target", {"code": self.code.code}), url)
            case "fixed":
                yield Match("inexact", _coding(group, "target", said), url)
            case "other-map" if depth < _DEEPEST:
                other = self.by_url.get(_without_version(said.get("url", "")))
                if other is not None:
                    yield from self.of(other, depth + 1)


def matches(maps: Sequence[Json], code: Code, wanted: Wanted) -> list[Match]:
    """Return what `maps` say of `code`, each meaning once."""
    by_url = {one["url"]: one for one in maps if "url" in one}
    search = _Search(code, wanted, by_url)
    found = [match for one in maps if wanted.takes(one) for match in search.of(one)]
    seen: dict[object, Match] = {}
    for one in found:
        concept = one.concept or {}
        key = (one.equivalence, *(concept.get(name) for name in ("system", "code")), one.source)
        seen.setdefault(key, one)
    return list(seen.values())


def _is_of(code: Code, edition: tuple[str | None, str | None]) -> bool:
    system, version = edition
    same = code.system in (None, system) or system is None
    return same and (None in (code.version, version) or code.version == version)


def _forwards(url: str, group: Json, code: Code) -> Iterator[Match]:
    for element in group.get("element", ()):
        if element.get("code") == code.code:
            for target in element.get("target", ()):
                equivalence = target.get("equivalence", "equivalent")
                coding = _coding(group, "target", target)
                yield Match(equivalence, coding, url, target.get("product", ()))


def _backwards(url: str, group: Json, code: Code) -> Iterator[Match]:
    for element in group.get("element", ()):
        for target in element.get("target", ()):
            equivalence = target.get("equivalence", "equivalent")
            if target.get("code") == code.code and equivalence not in NO_MATCH:
                coding = _coding(group, "source", element)
                yield Match(_REVERSED.get(equivalence, equivalence), coding, url)


def _coding(group: Json, end: str, concept: Json) -> Json | None:
    if "code" not in concept:
        return None
    system, version = _edition(group, end)
    told = {
        "system": system,
        "version": version,
        "code": concept["code"],
        "display": concept.get("display"),
    }
    return {name: value for name, value in told.items() if value}


def _edition(group: Json, end: str) -> tuple[str | None, str | None]:
    return group.get(end), group.get(f"{end}Version")


def _end(one: Json, end: str) -> str | None:
    found = one.get(f"{end}Canonical") or one.get(f"{end}Uri")
    return None if found is None else str(found)


def _without_version(canonical: str) -> str:
    return canonical.partition("|")[0]
