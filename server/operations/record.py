"""A record: all that is in the compartments of some resources, and what that refers to.

Dates of care are those that a type is searched by, other than a birth date; what has none is of
no time, and belongs to every stretch of it.

Spec: https://hl7.org/fhir/R4/patient-operation-everything.html,
https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from server.access.policy import APPEND_ONLY
from server.context import Context
from server.fhir.outcome import TooCostly
from server.interactions.patience import Patience
from server.operations import following
from server.operations.following import Pointer
from server.store.unions import Part

_OF_PERSONS = "birthdate"
_MOST_REFERRED = 200_000


@dataclass(frozen=True, slots=True)
class Record:
    """The compartments of the `ids` of type `owner`.

    All of it is about the `patients` (``Patient/a``). `start` and `end`, dates as they were given,
    limit it to what was done between them.
    """

    owner: str
    ids: tuple[str, ...]
    patients: tuple[str, ...]
    start: str | None = None
    end: str | None = None

    def first(self, types: Iterable[str]) -> list[str]:
        """Return `types` in the order in which they come: the owner's before all others."""
        return sorted(types, key=lambda one: (one != self.owner, one))

    def parts(self, context: Context) -> dict[str, Part]:
        """Return what to ask for the record, by each type that the caller may read and search.

        Raises Forbidden if it is limited by a date that is not shown.
        """
        members = context.interpreters.definitions.compartments[self.owner]
        inside = {type for type, codes in members.items() if codes} | {self.owner}
        # The trail grows with each page that is read of it.
        stored = inside.intersection(context.resources.types()) - APPEND_ONLY
        types = (type for type in stored if is_allowed(context, type))
        return {type: Part(type, self._conditions(context, type)) for type in self.first(types)}

    def referred(self, context: Context, parts: Mapping[str, Part]) -> set[Pointer]:
        """Return where the references of all resources of the `parts` lead.

        Raises TooCostly if these are too many to be put in order.
        """
        found: set[Pointer] = set()
        for row in context.resources.union(list(parts.values()), ("raw",)):
            found.update(following.pointers(context, following.shown(context, row)))
            require_few(found)
        return found

    def beside(
        self, context: Context, parts: Mapping[str, Part], wanted: Iterable[Pointer]
    ) -> dict[str, Part]:
        """Return what to ask for the resources `wanted` that are not in the record itself.

        They are about nobody, or about whom the record is about.
        """
        found: dict[str, Part] = {}
        for part in following.parts(wanted, following.about(self.patients)):
            if is_allowed(context, part.type):
                known = parts.get(part.type)
                inside = [{"$nor": [{"$and": list(known.conditions)}]}] if known else []
                found[part.type] = Part(part.type, (*part.conditions, *inside))
        return found

    def _conditions(self, context: Context, type: str) -> tuple[Mapping[str, Any], ...]:
        compile = partial(context.interpreters.queries.compile, type, sight=context.sight)
        exact = partial(context.interpreters.queries.exact, lookup=Patience(context.resources))
        within = exact(compile((), compartment=(self.owner, *self.ids)))
        outside = [exact(compile([pair])) for pair in self._outside(context, type)]
        return (within, {"$nor": outside}) if outside else (within,)

    def _outside(self, context: Context, type: str) -> list[tuple[str, str]]:
        """Return searches, each of which finds what lies wholly outside of the dates of care."""
        code = context.interpreters.index.main_fields(type).get("ds")
        if code is None or code == _OF_PERSONS:
            return []
        before = [(code, f"eb{self.start}")] if self.start else []
        return [*before, *([(code, f"sa{self.end}")] if self.end else [])]


def require_few(pointers: Collection[Pointer]) -> None:
    """Raise TooCostly if the `pointers` are too many to be put in order."""
    if len(pointers) > _MOST_REFERRED:
        raise TooCostly.because("everything-too-much", limit=_MOST_REFERRED)


def is_allowed(context: Context, type: str) -> bool:
    """Tell whether the caller may both read and search resources of `type`."""
    return context.access.has(type, "r") and context.access.has(type, "s")
