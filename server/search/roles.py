"""Which parameters of a type have a field of the index to themselves.

The common queries of a health record combine and sort by three things: the patient, the code
and the date. Where a type can have at most one of the first and the last, they are kept as
plain fields, so that one index serves patient, code and date together. Only a type with a main
date has them: without, the order that those indexes give is of no use.
"""

from collections.abc import Iterable, Mapping

from server.profiles.definitions import SearchParameter
from server.search.expressions import Branch

_DATES = (
    "date", "birthdate", "onset-date", "effective-time", "effective", "authoredon", "authored-on",
    "authored", "created", "sent", "started", "whenhandedover", "datetime", "datewritten",
    "recorded", "issued", "collected", "identified", "start", "start-date", "occurrence", "period",
    "entered-date", "timestamp",
)  # fmt: skip
"""What R4 calls the date when something happened or, failing that, was written down."""
_PATIENTS = ("patient", "subject")
_CODES = ("code",)

_Ways = Mapping[str, tuple[Branch, ...]]
_Sources = Mapping[str, tuple[tuple[str, str | None], ...]]


def main_fields(
    facts: Mapping[str, SearchParameter],
    ways: _Ways,
    sources: _Sources,
) -> Mapping[str, str]:
    """Return the stored parameter for each of the fields pt, c and ds that the type has."""
    dates = (_stored(code, sources) for code in _DATES if code in ways)
    date = next((c for c in dates if facts[c].type == "date" and _at_most_one(ways[c])), None)
    if date is None:
        return {}
    found = {"ds": date}
    patients = (_stored(code, sources) for code in _PATIENTS if code in ways)
    for code in patients:
        if facts[code].type == "reference" and _at_most_one(ways[code]):
            found.setdefault("pt", code)
    for code in _CODES:
        if code in ways and facts[code].type == "token" and not sources[code]:
            found["c"] = code
    return found


def _stored(code: str, sources: _Sources) -> str:
    """Return the parameter whose entries `code` is searched in, if it is a single one."""
    while len(sources[code]) == 1:
        code = sources[code][0][0]
    return code


def _at_most_one(ways: Iterable[Branch]) -> bool:
    """Tell whether there can be one value only: one element, whatever type it is given as."""
    elements = {way.path.partition(":")[0] for way in ways}
    return len(elements) == 1 and not any(way.many for way in ways)
