"""Value sets and code systems that are stored as resources, and the required ones of R4.

A resource wins over what R4 has under the same URL; of several versions the caller names one, or
the newest active one is taken.

Spec: https://hl7.org/fhir/R4/valueset.html#compositions
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson

from server.content import PROFILES
from server.fhir.outcome import BadRequest, TooCostly
from server.fhir.reference import is_id, parse
from server.search.code_systems import Hierarchy, hierarchy
from server.search.concepts import ALL, Codes, ConceptSet, difference, intersection, size, union
from server.search.joins import Document, Lookup
from server.search.token import term
from server.search.values import compared, shown

MOST_CODES = 5000
MOST_VERSIONS = 20
URL_NAMES = {"ValueSet": "url", "CodeSystem": "system"}
"""What the index entries of a resource's canonical URL are called."""
_MOST_SETS = 50
_DEEPEST = 10
_R4 = "4.0.1"
_VERSION, _ACTIVE = "version=|", "status=|active"
_is_number = re.compile(r"[0-9]{1,18}").fullmatch
_Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredConcepts:
    """What the resources that `lookup` shows say of concepts; each is read once."""

    lookup: Lookup
    base_url: str
    _sets: dict[str, ConceptSet] = field(default_factory=dict)
    _systems: dict[str, Hierarchy] = field(default_factory=dict)

    def members(self, value_set: str) -> ConceptSet:
        """Return the concepts of a value set: its URL, ``url|version``, ``ValueSet/id`` or id.

        Raises BadRequest if it is not known or cannot be expanded, TooCostly if it has more than
        5,000 codes or is made of too many others.
        """
        found = self._members(value_set, ())
        if size(found) > MOST_CODES:
            raise TooCostly.because("search-concepts-too-many", limit=MOST_CODES)
        return found

    def beneath(self, system: str, code: str) -> frozenset[str]:
        """Return `code` and the codes of all concepts that it subsumes."""
        return self._limited(self._hierarchy(system).beneath(code))

    def above(self, system: str, code: str) -> frozenset[str]:
        """Return `code` and the codes of all concepts that subsume it."""
        return self._limited(self._hierarchy(system).above(code))

    @staticmethod
    def _limited(codes: frozenset[str]) -> frozenset[str]:
        if len(codes) > MOST_CODES:
            raise TooCostly.because("search-concepts-too-many", limit=MOST_CODES)
        return codes

    def _members(self, name: str, inside: tuple[str, ...]) -> ConceptSet:
        if name in inside:
            raise BadRequest.because("search-value-set-cyclic", value=shown(name))
        known = self._sets.get(name)
        if known is None:
            if len(inside) >= _DEEPEST or len(self._sets) >= _MOST_SETS:
                raise TooCostly.because("search-value-sets-too-many", limit=_MOST_SETS)
            known = self._sets[name] = self._read(name, (*inside, name))
        return known

    def _read(self, name: str, inside: tuple[str, ...]) -> ConceptSet:
        resource = self._value_set(name)
        if resource is None:
            return _of_r4(name)
        if _is_expanded(resource):
            return _expansion(resource["expansion"])
        compose = resource.get("compose", {})
        if "include" not in compose:
            raise BadRequest.because("search-value-set-empty", value=shown(name))
        included = union(self._part(part, name, inside) for part in compose["include"])
        excluded = union(self._part(part, name, inside) for part in compose.get("exclude", ()))
        return difference(included, excluded)

    def _part(self, part: _Json, name: str, inside: tuple[str, ...]) -> ConceptSet:
        """Return the concepts of one include or exclude: those in all that it names."""
        sets = [self._members(other, inside) for other in part.get("valueSet", ())]
        if "system" in part:
            sets.append({part["system"]: self._of_system(part)})
        if not sets:
            raise BadRequest.because("search-value-set-empty", value=shown(name))
        return intersection(*sets)

    def _of_system(self, part: _Json) -> Codes:
        if "concept" in part:
            return Codes(frozenset(one["code"] for one in part["concept"]))
        found = ALL
        for one in part.get("filter", ()):
            name = _versioned(part["system"], part.get("version"))
            chosen = self._hierarchy(name).selected(one["property"], one["op"], one["value"])
            found &= Codes(chosen)
        return found

    def _value_set(self, name: str) -> _Json | None:
        """Return the value set called `name`, None if none is stored."""
        target = parse(name, self.base_url)
        if target.local and target.type == "ValueSet" and target.id is not None:
            return self._with_id("ValueSet", target.id)
        if is_id(name):
            return self._with_id("ValueSet", name)
        return self._canonical("ValueSet", name)

    def _hierarchy(self, name: str) -> Hierarchy:
        known = self._systems.get(name)
        if known is None:
            resource = self._canonical("CodeSystem", name)
            if resource is None:
                raise BadRequest.because("search-code-system-unknown", system=shown(name))
            known = self._systems[name] = hierarchy(resource)
        return known

    def _canonical(self, type: str, name: str) -> _Json | None:
        """Return the newest resource of `type` with this URL, and version if `name` has one."""
        url, _, version = name.partition("|")
        terms = [compared(f"{URL_NAMES[type]}={url}")]
        if version:
            terms.append(compared(f"version={term(None, version)}"))
        # Which one it is can be told from index entries; only that one is read whole.
        known = self.lookup.rows(type, {"t": {"$all": terms}}, ("t", "ds"), MOST_VERSIONS + 1)
        if len(known) > MOST_VERSIONS:
            raise TooCostly.because(
                "search-versions-too-many", value=shown(name), limit=MOST_VERSIONS
            )
        newest = max(known, key=_newness, default=None)
        return None if newest is None else self._with_id(type, newest["_id"])

    def _with_id(self, type: str, id: str) -> _Json | None:
        rows = self.lookup.rows(type, {"_id": id}, ("raw",), 1)
        return orjson.loads(rows[0]["raw"]) if rows else None


def _versioned(url: str, version: str | None) -> str:
    return url if version is None else f"{url}|{version}"


def _newness(row: Document) -> tuple[bool, list[tuple[bool, int, str]], int, str]:
    """Return what orders the versions of one URL: the newest active one is the greatest."""
    entries = row["t"]
    version = next((one[len(_VERSION) :] for one in entries if one.startswith(_VERSION)), "")
    parts = re.split(r"[.+_-]", version)
    ordered = [(True, int(one), "") if _is_number(one) else (False, 0, one) for one in parts]
    return _ACTIVE in entries, ordered, row.get("ds", 0), row["_id"]


def _is_expanded(resource: _Json) -> bool:
    """Tell whether the whole expansion is in the resource, which may hold but a page of it."""
    expansion = resource.get("expansion")
    if expansion is None or expansion.get("offset", 0) > 0:
        return False
    return bool(expansion.get("total", 0) <= sum(1 for _ in _contained(expansion)))


def _expansion(expansion: _Json) -> ConceptSet:
    codes: dict[str, set[str]] = {}
    for one in _contained(expansion):
        if "code" in one and one.get("abstract") is not True:
            codes.setdefault(one.get("system", ""), set()).add(one["code"])
    return {system: Codes(frozenset(listed)) for system, listed in codes.items()}


def _contained(expansion: _Json) -> Iterator[_Json]:
    left: list[_Json] = list(expansion.get("contains", ()))
    while left:
        one = left.pop()
        yield one
        left += one.get("contains", ())


def _of_r4(name: str) -> ConceptSet:
    url, _, version = name.partition("|")
    systems = _required().get(url)
    if systems is None or version not in ("", _R4):
        raise BadRequest.because("search-value-set-unknown", value=shown(name))
    return {system: Codes(codes) for system, codes in systems.items()}


@cache
def _required() -> Mapping[str, Mapping[str, frozenset[str]]]:
    """Return the value sets that R4 requires somewhere: their codes by system, by URL."""
    rows = orjson.loads((PROFILES / "r4" / "value-sets.json").read_bytes())
    return {
        row["url"]: {system: frozenset(codes) for system, codes in row["systems"].items()}
        for row in rows
    }
