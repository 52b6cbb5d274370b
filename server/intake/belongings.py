"""What rows of a data set have told of a person besides the Patient, such as their allergies.

Each resource is known by its place in the row and by what it is, so that no illness ever turns
into another: one that a later row has elsewhere stays the same resource, and one that it no longer
has is entered in error. `meta.source` names the rows of one data set about one person, or about
one check-up of theirs.

Spec: https://hl7.org/fhir/R4/lifecycle.html, https://hl7.org/fhir/R4/resource.html#Meta
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from server.context import Context
from server.fhir import json
from server.fhir.canonical import BASE
from server.intake.stable import StableIds
from server.interactions.criteria import compiled
from server.mappings.datasets import DataSet
from server.mappings.reading import Entry
from server.store.unions import Part

_MEANING = ("code", "vaccineCode", "medicationCodeableConcept", "relationship", "type")
_MOST = 100
"""As many values as a cell may have that are told apart by their places."""


@dataclass(frozen=True, slots=True)
class Before:
    """A resource that an earlier row has told, at its place: the path there, and which one."""

    place: tuple[str, int]
    version: int
    body: bytes
    resource: json.Resource

    @property
    def kind(self) -> tuple[str, str]:
        """Return what tells which it is, wherever it stands among others."""
        return self.place[0], meaning(self.resource)


@dataclass(frozen=True, slots=True)
class Belongings:
    """What rows of `dataset` tell of a `person`, on one `occasion` if they are of check-ups."""

    dataset: DataSet
    ids: StableIds
    person: str
    occasion: str

    @property
    def source(self) -> str:
        """Return the URI that tells of which rows a resource is."""
        return f"{BASE}/sid/dataset/{self.dataset.name}#{self._id('rows')}"

    def id(self, role: str, resource: Mapping[str, Any]) -> str:
        """Return the id of what stands in a `role`."""
        return self._id(role, meaning(resource))

    def place(self, resource: Mapping[str, Any]) -> tuple[str, int] | None:
        """Return the path where `resource` stood in a row, and which of several it was.

        None if it is not of these rows.
        """
        for place in self.dataset.roots:
            if place.path.last.name != resource["resourceType"]:
                continue
            path = str(place.path)
            for index in range(_MOST if place.repeats else 1):
                if self.id(f"{path}#{index}" if index else path, resource) == resource["id"]:
                    return path, index
        return None

    def before(self, own: Context) -> list[Before]:
        """Return what earlier rows have told, in the order of a row."""
        told = [("_source", self.source)]
        types = {one.path.last.name for one in self.dataset.roots}.intersection(
            own.resources.types()
        )
        parts = [Part(type, (compiled(own, type, told).condition,)) for type in sorted(types)]
        found = []
        for _, row in own.resources.union(parts, ("raw", "v")):
            body = bytes(row["raw"])
            resource = orjson.loads(body)
            place = self.place(resource)
            if place is not None:
                found.append(Before(place, row["v"], body, resource))
        return sorted(found, key=lambda one: one.place)

    def parts(self, own: Context, types: Collection[str]) -> list[Part]:
        """Return how to ask for all of those `types` that rows have told, as they are stored."""
        known = sorted(set(types).intersection(own.resources.types()))
        told = [("_source", self.source)]
        return [Part(type, (compiled(own, type, told).condition,)) for type in known]

    def _id(self, *what: str) -> str:
        return self.ids.of(self.dataset.name, self.person, self.occasion, *what)


def meaning(resource: Mapping[str, Any]) -> str:
    """Return what `resource` is about: the codes of its first concept that has any, or its text."""
    for name in _MEANING:
        for one in _concepts(resource.get(name)):
            codes = [each["code"] for each in one.get("coding", ()) if "code" in each]
            if codes or "text" in one:
                return "|".join(codes) or one["text"]
    return ""


def _concepts(value: Any) -> Sequence[Mapping[str, Any]]:  # noqa: ANN401  # any JSON
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, Mapping)]


def settled(
    belongings: Belongings, entries: Iterable[Entry], before: Sequence[Before]
) -> tuple[list[tuple[Entry, str]], list[Before]]:
    """Return the `entries` of a row, each with its id, and what of `before` the row has no more."""
    left = list(before)
    found = []
    for entry in entries:
        kind = entry.role.partition("#")[0], meaning(entry.resource)
        same = next((one for one in left if one.kind == kind), None)
        if same is not None:
            left.remove(same)
        id = belongings.id(entry.role, entry.resource) if same is None else same.resource["id"]
        found.append((entry, id))
    return found, left
