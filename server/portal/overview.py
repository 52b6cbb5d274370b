"""The parts of a record at a glance, for the resident and, in an emergency, for a clinician."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from server.interactions import self_measured
from server.portal import entries, measures, visits
from server.portal.desk import Desk, Query
from server.portal.entries import Entry
from server.portal.measures import Measure
from server.portal.visits import Visit

_TAG = f"{self_measured.SYSTEM}|{self_measured.CODE}"
BY_THEMSELVES, BY_INSTITUTIONS = ("_tag", _TAG), ("_tag:not", _TAG)
"""How a search asks for what residents measured themselves, and for all else."""
PARTS: Mapping[str, str] = {
    "visits": "record-visits",
    "results": "record-results",
    **{name: kind.title for name, kind in entries.KINDS.items()},
}
"""The parts that a record has, and the message that each is called by."""
_RESULTS = 40
_MEASURES = 6


def parts(desk: Desk, patient: str, zone: tzinfo, few: int) -> dict[str, Any]:
    """Return the newest visits, results and list entries of `patient`, `few` of each.

    `more` are the names of the parts of which there are more.
    """
    visited, after = visited_by(desk, patient, zone, few)
    measured, rest = measured_of(desk, patient, zone, _RESULTS)
    found = {name: listed(desk, patient, name, zone, few) for name in entries.KINDS}
    goes_on = {
        "visits": after,
        "results": rest or measured[_MEASURES:],
        **{name: cursor for name, (_, cursor) in found.items()},
    }
    return {
        "visits": visited,
        "measures": measured[:_MEASURES],
        "lists": [(name, PARTS[name], lines) for name, (lines, _) in found.items()],
        "more": {name for name, is_more in goes_on.items() if is_more},
    }


def part(  # noqa: PLR0913, PLR0917  # a page of a part is all of these
    desk: Desk, patient: str, part: str, zone: tzinfo, few: int, cursor: str | None
) -> dict[str, Any]:
    """Return `few` of one of the PARTS, from `cursor` on, and the `cursor` where it goes on."""
    match part:
        case "visits":
            visited, after = visited_by(desk, patient, zone, few, cursor)
            return {"visits": visited, "cursor": after}
        case "results":
            measured, after = measured_of(desk, patient, zone, few, cursor)
            return {"measures": measured, "cursor": after}
    lines, after = listed(desk, patient, part, zone, few, cursor)
    return {"entries": lines, "cursor": after}


def visited_by(  # noqa: PLR0913, PLR0917  # as above
    desk: Desk,
    patient: str,
    zone: tzinfo,
    few: int,
    cursor: str | None = None,
    query: Query = (),
) -> tuple[list[Visit], str | None]:
    """Return `few` visits of `patient`, the newest first, and where they go on."""
    asked = (("patient", patient), *visits.QUERY, *query, ("_count", str(few)))
    seen = desk.search("Encounter", asked, cursor)
    found = [visits.visit(one, seen.included, desk.language, zone) for one in seen.matches]
    return found, seen.cursor


def measured_of(  # noqa: PLR0913, PLR0917  # as above
    desk: Desk,
    patient: str,
    zone: tzinfo,
    few: int,
    cursor: str | None = None,
    query: Query = (BY_INSTITUTIONS,),
) -> tuple[list[Measure], str | None]:
    """Return what `few` results of `patient`, the newest first, come to, and where they go on."""
    asked = (("patient", patient), *query, ("_sort", "-date"), ("_count", str(few)))
    found = desk.search("Observation", asked, cursor)
    return measures.measures(found.matches, desk.language, zone), found.cursor


def listed(  # noqa: PLR0913, PLR0917  # as above
    desk: Desk,
    patient: str,
    name: str,
    zone: tzinfo,
    few: int,
    cursor: str | None = None,
    query: Query = (),
) -> tuple[list[Entry], str | None]:
    """Return `few` entries of the list `name`, and where it goes on."""
    kind = entries.KINDS[name]
    asked = ((kind.person, patient), *kind.query, *query, ("_count", str(few)))
    found = desk.search(kind.type, asked, cursor)
    lines = [entries.entry(kind, one, desk.language, zone) for one in found.matches]
    return lines, found.cursor
