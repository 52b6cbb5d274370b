"""What a person is asked to agree to, tick by tick, and what their ticks come to.

What is granted is never more than was asked for: a scope is kept as the client spelled it, or left
out, or, if it means all types and not all categories are ticked, replaced by scopes of the
types that are.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from server.access import categories
from server.access.categories import Categories
from server.access.scopes import LAUNCHING, OPENID, REFRESHING, Scope, Scopes
from server.content import PROFILES
from server.services import Services
from server.store.shelf import Record

Mode = Literal["see", "change"]
MODES: tuple[Mode, ...] = ("see", "change")
IDENTITY, WILDCARD = "identity", "wildcard"
_CHANGING = frozenset("cud")


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """What is ticked at once: one category of data, to be seen, or to be seen and changed."""

    category: str
    mode: Mode

    @property
    def name(self) -> str:
        """The value of its tick."""
        return f"{self.category}.{self.mode}"


@dataclass(frozen=True)
class Offer:
    """What `client` asks of a person of `kind`: their answer is a set of ticks, by name."""

    services: Services
    client: Record
    scope: Scopes
    kind: str

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """The categories to be ticked, in the order of the table; a wildcard is in all of them."""
        found = {unit for scope in self.scope.clinical for unit in self._of(scope)}
        ordered = [Unit(one, mode) for mode in MODES for one in self._categories.names]
        return tuple(unit for unit in ordered if unit in found)

    @property
    def wildcards(self) -> tuple[Mode, ...]:
        """How all types, now and in future, are asked for."""
        return tuple(
            mode
            for mode in MODES
            if any(one.type == "*" and mode_of(one) == mode for one in self.scope.clinical)
        )

    @property
    def words(self) -> tuple[str, ...]:
        """The ticks besides data: who the person is, and how long the app may come back."""
        identity = (IDENTITY,) if "openid" in self.scope else ()
        return (*identity, *(word for word in REFRESHING if word in self.scope))

    @property
    def sensitive(self) -> tuple[str, ...]:
        """The sensitive categories, which only residents can agree to."""
        asks = self.kind == "resident" and bool(self.scope.clinical)
        return tuple(self._categories.sensitive) if asks else ()

    @property
    def needs_patient(self) -> bool:
        """Tell whether one patient has to be in context."""
        levels = {scope.level for scope in self.scope.clinical}
        return "patient" in levels or "launch/patient" in self.scope

    def labels(self, ticks: Collection[str]) -> list[str]:
        """Return the labels (v3-ActCode) of the sensitive categories that are ticked."""
        kept = (one for one in self.sensitive if one in ticks)
        return sorted(label for one in kept for label in self._categories.labels[one])

    def granted(self, ticks: Collection[str], *, encounter: bool) -> Scopes:
        """Return the scopes that `ticks` come to; `encounter` if there is one in context."""
        words = [word for word in self.scope.words if _is_ticked(word, ticks)]
        if not encounter:
            words = [word for word in words if word != "launch/encounter"]
        clinical: dict[str, Scope] = {}
        for scope in self.scope.clinical:
            for one in self._kept(scope, ticks):
                clinical.setdefault(one.text, one)
        return Scopes(tuple(clinical.values()), tuple(words))

    def _kept(self, scope: Scope, ticks: Collection[str]) -> Iterator[Scope]:
        units = self._of(scope)
        if scope.type != "*":
            yield from (scope for unit in units if unit.name in ticks)
            return
        wildcard = f"{WILDCARD}.{mode_of(scope)}"
        if wildcard in ticks and all(unit.name in ticks for unit in units):
            yield scope
            return
        for unit in units:
            if unit.name in ticks:
                for type in self._types(unit.category):
                    yield narrowed(scope, type)

    def _of(self, scope: Scope) -> tuple[Unit, ...]:
        """Return the units that a scope is part of."""
        mode, roles = mode_of(scope), self.services.interpreters.roles
        if scope.type != "*":
            return (Unit(self._categories.of(scope.type, roles), mode),)
        return tuple(Unit(one, mode) for one in self._categories.names if self._types(one))

    def _types(self, category: str) -> Iterable[str]:
        known = self.services.interpreters
        return self._categories.types(category, known.types, known.roles)

    @property
    def _categories(self) -> Categories:
        return categories.load(PROFILES)


def mode_of(scope: Scope) -> Mode:
    """Return whether a scope lets data be seen only, or changed, too."""
    return "change" if scope.letters & _CHANGING else "see"


def narrowed(scope: Scope, type: str) -> Scope:
    """Return a scope of all types as one of `type`, otherwise spelled alike."""
    text = scope.text.replace("/*.", f"/{type}.", 1)
    return Scope(scope.level, type, scope.letters, scope.constraint, text)


def _is_ticked(word: str, ticks: Collection[str]) -> bool:
    if word in OPENID:
        return IDENTITY in ticks
    return word in LAUNCHING or word in ticks
