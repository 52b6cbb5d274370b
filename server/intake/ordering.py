"""Resources in the order of the row that they came of, so that the row comes back as it was."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from server.fhir.json import Resource
from server.intake.people import VISIT, occasion_of
from server.intake.stable import StableIds
from server.mappings.datasets import DataSet

_WRONG = "entered-in-error"


def ordered(
    resources: Sequence[Resource], dataset: DataSet, patient: str, ids: StableIds
) -> list[Resource]:
    """Return `resources`, about the `patient` with that id, without what was entered in error.

    First come those that a row of `dataset` has made, as they stood in it; then all others.
    """
    visits = (occasion_of(one) for one in resources if one["resourceType"] == VISIT)
    occasion = next(visits, "")
    roots = [place for place in dataset.made.layout.places.values() if place.parent is None]
    places: dict[str, int] = {}
    for place in roots:
        for index in range(len(resources) if place.repeats else 1):
            role = f"{place.path}#{index}" if index else str(place.path)
            places[ids.of(dataset.name, patient, occasion, role)] = len(places)
    live = [one for one in resources if not _is_wrong(one)]
    return sorted(live, key=lambda one: places.get(one["id"], len(places)))


def _is_wrong(resource: Resource) -> bool:
    codings: Iterable[Mapping[str, Any]] = resource.get("verificationStatus", {}).get("coding", ())
    return resource.get("status") == _WRONG or any(one.get("code") == _WRONG for one in codings)
