"""What rights come to in the database: the filter that is ANDed into every query of a caller.

It is compiled by what compiles searches, from the same index entries: the patients that a resource
is about (`comp`), the divisions and the unit it belongs to (`div`, `own`), the labels of sensitive
data (`sec`), and the parameters that a scope is limited by. No right, no condition that
cannot be understood, gives anything.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from server.access import divisions, naming, policy
from server.access.policy import APPEND_ONLY, Access, Region, Right, Rights
from server.access.roles import Roles
from server.access.visibility import Visibility
from server.fhir.outcome import BadRequest
from server.search import proxies
from server.search.conditions import NOTHING, Condition, all_of, any_of
from server.search.joins import has_join
from server.search.query import QueryCompiler

_KEPT = frozenset({"comp", "via", "own", "sec", "t", "c", "pt", "has", "rid", "_id", "del"})
"""What superseded versions keep, so that it can be decided who may see them."""
_WRITING = frozenset("cud")
_VIA: Condition = {"via": {"$ne": None}}
_NOT_VIA: Condition = {"via": None}
_OTHERS = ("staff", "system")
"""Callers that a patient can shut out."""


def access(compiler: QueryCompiler, roles: Roles, rights: Rights, types: frozenset[str]) -> Access:
    """Return what `rights` come to on `types`, all resource types that there are."""
    letters = policy.letters(roles, rights.role, rights.rights, types)
    seen = visibility(compiler, roles, rights)
    return Access(rights.caller, letters, seen, rights.masks, rights.internal, rights.withheld)


def visibility(compiler: QueryCompiler, roles: Roles, rights: Rights) -> Visibility:
    """Return what somebody with these `rights` may see and change."""
    compiled = _Compiled(compiler, roles, rights)
    return Visibility(
        naming.name(rights), lru_cache(512)(compiled.current), lru_cache(512)(compiled.past)
    )


@dataclass(frozen=True, slots=True)
class _Compiled:
    compiler: QueryCompiler
    roles: Roles
    rights: Rights

    def current(self, type: str, letters: str) -> Condition:
        """Return the condition on current versions of `type`, for all `letters` together."""
        about = self.compiler.plans[type].about or "comp"
        return self._all(type, letters, about, past=False)

    def past(self, type: str, letters: str) -> Condition:
        """Return the condition on superseded versions; where they lie now is not asked here."""
        found = self._all(type, letters, "comp", past=True)
        return found if _fields(found) <= _KEPT else NOTHING

    def _all(self, type: str, letters: str, about: str, *, past: bool) -> Condition:
        parts: list[Condition] = []
        for letter in letters:
            part = self._for(type, letter, about, past=past)
            if part and part not in parts:
                parts.append(part)
        return all_of(parts)

    def _for(self, type: str, letter: str, about: str, *, past: bool) -> Condition:
        own = self._own(type, letter, about, past=past)
        if type not in proxies.TYPES or own == NOTHING:
            return own
        if letter == "s":
            return all_of([own, _NOT_VIA])
        if letter != "r" or not own:
            return own
        return any_of([all_of([_NOT_VIA, own]), all_of([_VIA, *self._limits(type, past=past)])])

    def _limits(self, type: str, *, past: bool) -> Iterator[Condition]:
        """Yield what still counts of what is seen as another resource, whose place is asked."""
        by_right = [self._right(type, one, None, past=past) for one in self._given(type, "r")]
        if {} not in by_right:
            yield any_of(by_right)
        if self.rights.withheld:
            yield _unlabelled(self.rights.withheld, self.rights.region)

    def _given(self, type: str, letter: str) -> list[Right]:
        """Return the rights that give `letter` on `type`."""
        given = [one for one in self.rights.rights if policy.gives(self.roles, one, type, letter)]
        return [one for one in given if not any(_includes(other, one) for other in given)]

    def _own(self, type: str, letter: str, about: str, *, past: bool) -> Condition:
        if letter not in self.roles.of(self.rights.role, type):
            return NOTHING
        by_right = [self._right(type, one, about, past=past) for one in self._given(type, letter)]
        if not by_right:
            return NOTHING
        right = {} if {} in by_right else any_of(by_right)
        return all_of(
            [part for part in (right, self._place(type, letter, about, past=past)) if part]
        )

    def _right(self, type: str, right: Right, about: str | None, *, past: bool) -> Condition:
        """Return the condition of one right; without the field `about`, whomever it is about."""
        parts: list[Condition] = []
        if right.alone is not None:
            parts.append(NOTHING if past else {"_id": right.alone})
        if right.patients is not None and about and not self.roles.is_shared(type):
            parts.append(_persons(type, right.patients, about, past=past))
        if right.constraint:
            parts.append(self._constraint(type, right.constraint))
        return NOTHING if NOTHING in parts else all_of(parts)

    def _constraint(self, type: str, pairs: Sequence[tuple[str, str]]) -> Condition:
        try:
            found = self.compiler.compile(type, pairs)
        except BadRequest:
            return NOTHING
        if found.keys or has_join(found.condition):
            return NOTHING
        # Of what is deleted no entries are left, which fulfils whatever excludes some.
        return all_of([found.condition, {"del": None}])

    def _place(self, type: str, letter: str, about: str, *, past: bool) -> Condition:
        """Return the condition by division, unit and labels, which some persons are exempt from."""
        is_shared = self.roles.is_shared(type)
        parts: list[Condition] = []
        region = self.rights.region
        if region is not None and not past and (not is_shared or letter in _WRITING):
            place = _region(region)
            # Who acted may be of no division, and has to be seen by somebody.
            parts.append(any_of([place, {"div": None}]) if type in APPEND_ONLY else place)
        shuts = self.rights.caller.kind in _OTHERS and not self.rights.internal
        if shuts and not past and not is_shared:
            parts.append(_open(region))
        if self.rights.withheld and not is_shared:
            parts.append(_unlabelled(self.rights.withheld, region))
        if not parts:
            return {}
        found = all_of(parts)
        if self.rights.lifted and letter not in _WRITING:
            return any_of([found, _persons(type, self.rights.lifted, about, past=past)])
        return found


def _includes(wider: Right, right: Right) -> bool:
    """Tell whether all that `right` gives by a letter, `wider` gives, which is less limited."""
    is_about_the_same = (wider.patients, wider.alone) == (right.patients, right.alone)
    return is_about_the_same and set(wider.constraint) < set(right.constraint)


def _fields(condition: Condition) -> set[str]:
    """Return the fields that `condition` depends on, also by what it excludes."""
    found: set[str] = set()
    for key, value in condition.items():
        if key.startswith("$"):
            found.update(*(_fields(inner) for inner in value))
        else:
            found.add(key)
    return found


def _persons(type: str, patients: Sequence[str], about: str, *, past: bool) -> Condition:
    """Return the condition that a resource of `type` is about one of `patients`."""
    if type == "Patient":
        ids = [one.partition("/")[2] for one in patients]
        return any_of({"rid" if past else "_id": id} for id in ids)
    return any_of({about: one} for one in patients)


def _region(region: Region) -> Condition:
    parts = [{"div": divisions.prefix(code)} for code in region.divisions]
    parts += [{"own": one} for one in region.organizations]
    return any_of(parts)


def _open(region: Region | None) -> Condition:
    """Return the condition that the patient lets others see it, or that one's own unit made it."""
    own = region.organizations if region is not None else ()
    return any_of([{"shut": None}, *({"own": one} for one in own)])


def _unlabelled(withheld: Collection[str], region: Region | None) -> Condition:
    """Return the condition that no label is withheld, but from the unit whose data it is."""
    without: Condition = {"sec": {"$nin": sorted(withheld)}}
    own = region.organizations if region is not None else ()
    return any_of([without, *({"own": one} for one in own)])
