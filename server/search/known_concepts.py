"""Value sets and code systems as a search asks for them: what the terminology service knows.

A value set may also be named by its id, if the caller may see it.

Spec: https://hl7.org/fhir/R4/search.html#modifiers
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any

from server.fhir.json import spelled
from server.fhir.outcome import BadRequest, NotFound, TooCostly, Unprocessable
from server.fhir.reference import is_id, parse
from server.search.concepts import ALL, NONE, Codes, ConceptSet, size, union
from server.search.joins import Lookup
from server.search.values import shown
from server.terminology.compositions import Composition, Part
from server.terminology.expressions import AllOf, AnyOf, Beneath, Expression, Listed, Not
from server.terminology.service import Terminology
from server.terminology.systems import System

MOST_CODES = 5000


@dataclass(frozen=True, slots=True)
class KnownConcepts:
    """What `terminology` knows of concepts, for a caller who sees what `lookup` shows."""

    terminology: Terminology
    lookup: Lookup
    base_url: str

    def members(self, value_set: str) -> ConceptSet:
        """Return the concepts of a value set: its URL, ``url|version``, ``ValueSet/id`` or id.

        Raises BadRequest if it is not known or it cannot be told what is in it, TooCostly if it has
        more than 5,000 codes or is made of too many others.
        """
        with _asked():
            found = union({part.url: _codes_of(part)} for part in self._composition(value_set))
        _limit(size(found))
        return found

    def beneath(self, system: str, code: str) -> frozenset[str]:
        """Return `code` and the codes of all concepts that it subsumes."""
        with _asked():
            known = self._system_with(system, code)
            found = known.chosen(Beneath(code), 0, MOST_CODES + 1)
        _limit(len(found))
        return frozenset(one.code for one in found)

    def above(self, system: str, code: str) -> frozenset[str]:
        """Return `code` and the codes of all concepts that subsume it."""
        with _asked():
            found = self._system_with(system, code).concepts((code,))[code].ancestors
        _limit(len(found))
        return found

    def _composition(self, name: str) -> Composition:
        target = parse(name, self.base_url)
        id = target.id if target.local and target.type == "ValueSet" else name
        if id is None or not is_id(id):
            return self.terminology.composition(name)
        rows = self.lookup.rows("ValueSet", {"_id": id}, ("raw",), 1)
        if not rows:
            raise NotFound.because("value-set-unknown", value=shown(name))
        resource: dict[str, Any] = spelled(rows[0]["raw"])
        return self.terminology.composed(resource)

    def _system_with(self, url: str, code: str) -> System:
        system = self.terminology.known_system(url)
        if code not in system.concepts((code,)):
            raise NotFound.because("code-unknown", system=shown(url), code=shown(code))
        return system


def _codes_of(part: Part) -> Codes:
    return _codes(part.expression, part)


def _codes(expression: Expression, part: Part) -> Codes:
    """Return the codes that are meant; those that are not listed have to be asked for."""
    match expression:
        case Listed():
            return Codes(expression.members)
        case Not(inner):
            return ~_codes(inner, part)
        case AllOf(parts):
            return reduce(Codes.__and__, _each(parts, part), ALL)
        case AnyOf(parts):
            return reduce(Codes.__or__, _each(parts, part), NONE)
    if part.system is None:
        raise NotFound.because("code-system-unknown", system=shown(part.url))
    if not part.system.about.is_whole:
        raise Unprocessable.because("code-system-not-whole", system=shown(part.url))
    _limit(part.system.count(expression))
    found = part.system.chosen(expression, 0, MOST_CODES)
    return Codes(frozenset(one.code for one in found))


def _each(parts: Iterable[Expression], part: Part) -> Iterator[Codes]:
    return (_codes(one, part) for one in parts)


def _limit(count: int) -> None:
    if count > MOST_CODES:
        raise TooCostly.because("search-concepts-too-many", limit=MOST_CODES)


@contextmanager
def _asked() -> Iterator[None]:
    """Have what is not known be the fault of the query that asks for it."""
    try:
        yield
    except (NotFound, Unprocessable) as refusal:
        raise BadRequest(*refusal.issues) from refusal
