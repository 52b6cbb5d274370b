"""Resources in the order of the row that they came of, so that the row comes back as it was."""

from collections.abc import Sequence

from server.fhir.error_entries import is_in_error
from server.fhir.json import Resource
from server.intake.belongings import Belongings
from server.intake.people import VISIT, occasion_of
from server.intake.stable import StableIds
from server.mappings.datasets import DataSet


def ordered(
    resources: Sequence[Resource], dataset: DataSet, patient: str, ids: StableIds
) -> list[Resource]:
    """Return `resources`, about the `patient` with that id, without what was entered in error.

    First come those that a row of `dataset` has made, as they stood in it; then all others.
    """
    visits = (occasion_of(one) for one in resources if one["resourceType"] == VISIT)
    belongings = Belongings(dataset, ids, patient, next(visits, ""))
    roots = {str(one.path): number for number, one in enumerate(dataset.roots)}

    def rank(resource: Resource) -> tuple[int, int]:
        place = belongings.place(resource)
        return (len(roots), 0) if place is None else (roots[place[0]], place[1])

    return sorted((one for one in resources if not is_in_error(one)), key=rank)
