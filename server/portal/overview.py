"""The parts of a record at a glance, for the resident and, in an emergency, for a clinician."""

from datetime import tzinfo
from typing import Any

from server.portal import entries, measures, visits
from server.portal.desk import Desk
from server.portal.readings import TAG

BY_INSTITUTIONS = ("_tag:not", TAG)
_RESULTS = "40"
_MEASURES = 6


def parts(desk: Desk, patient: str, zone: tzinfo, few: int) -> dict[str, Any]:
    """Return the newest visits, results and list entries of `patient`, `few` of each."""
    whose, count = ("patient", patient), ("_count", str(few))
    seen = desk.search("Encounter", (whose, *visits.QUERY, count))
    found = desk.search(
        "Observation", (whose, BY_INSTITUTIONS, ("_sort", "-date"), ("_count", _RESULTS))
    )
    measured = measures.measures(found.matches, desk.language, zone)
    return {
        "visits": [visits.visit(one, seen.included, desk.language, zone) for one in seen.matches],
        "measures": list(measured.values())[:_MEASURES],
        "lists": [
            (name, kind.title, *listed(desk, patient, name, zone, few))
            for name, kind in entries.KINDS.items()
        ],
    }


def listed(  # noqa: PLR0913, PLR0917  # a page of a list is all of these
    desk: Desk, patient: str, name: str, zone: tzinfo, few: int, cursor: str | None = None
) -> tuple[list[entries.Entry], str | None]:
    """Return `few` entries of the list `name`, and where it goes on."""
    kind = entries.KINDS[name]
    query = ((kind.person, patient), *kind.query, ("_count", str(few)))
    found = desk.search(kind.type, query, cursor)
    lines = [entries.entry(kind, one, desk.language, zone) for one in found.matches]
    return lines, found.cursor
