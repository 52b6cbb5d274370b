"""The order of results.

Every order ends with `_id`, so that it is total, and goes the way of an index: the index of
dates has them descending and ids ascending, so ascending dates go with descending ids.

Spec: https://hl7.org/fhir/R4/search.html#sort
"""

from collections.abc import Sequence
from dataclasses import dataclass

from server.fhir.outcome import BadRequest
from server.search.conditions import Condition
from server.search.plan import Plan
from server.search.values import shown

Sort = tuple[tuple[str, int], ...]
_FIELDS = {"_id": "_id", "_lastUpdated": "lu"}
_WITH_DATE_INDEX = frozenset({"pt", "c", "ds", "de", "dl"})


@dataclass(frozen=True, slots=True)
class Key:
    """One sort key: the parameter, the field it is in, and the direction, 1 or -1."""

    code: str
    field: str
    direction: int


def keys(plan: Plan, value: str) -> list[Key]:
    """Return the keys that `value` of ``_sort`` names.

    Raises BadRequest if one cannot be sorted by.
    """
    found = []
    for text in value.split(","):
        code = text.removeprefix("-")
        if code not in _sortable(plan):
            raise BadRequest.because("search-sort-unsupported", type=plan.type, key=shown(code))
        field = _FIELDS.get(code, "ds")
        found.append(Key(code, field, -1 if text.startswith("-") else 1))
    return found


def _sortable(plan: Plan) -> tuple[str, ...]:
    """Return the parameters that results can be sorted by."""
    date = plan.main.get("ds")
    same = (
        code for code, one in plan.parameters.items() if [s.code for s in one.sources] == [date]
    )
    return (*_FIELDS, *(() if date is None else (date, *same)))


def sort(
    plan: Plan, keys: Sequence[Key], condition: Condition
) -> tuple[Sort, tuple[Condition, ...]]:
    """Return the fields to sort by, and the phases if the search has to be run in some.

    Without keys, the newest come first where an index gives that order, else ids ascend.

    Raises BadRequest if resources without a date could not be put last.
    """
    for key in keys[1:]:
        if (key.field, key.direction) == ("ds", 1):
            raise BadRequest.because("search-sort-date-not-first", key=key.code)
    fields = [(key.field, key.direction) for key in keys]
    if not fields and "ds" in plan.main and _fields(condition) & _WITH_DATE_INDEX:
        fields = [("ds", -1)]
    phases: tuple[Condition, ...] = ()
    if fields[:1] == [("ds", 1)]:
        phases = ({"ds": {"$ne": None}}, {"ds": None})
    return _total(fields), phases


def _total(fields: Sequence[tuple[str, int]]) -> Sort:
    unique = dict(reversed(fields))
    ordered = tuple((field, unique[field]) for field in dict(fields))
    if not ordered:
        return (("_id", 1),)
    before = ordered[: [field for field, _ in ordered].index("_id") + 1] if "_id" in unique else ()
    if before:
        return before
    field, direction = ordered[-1]
    return (*ordered, ("_id", -direction if field == "ds" else direction))


def _fields(condition: Condition) -> set[str]:
    """Return the fields that `condition` is about."""
    found: set[str] = set()
    for key, value in condition.items():
        if key in ("$and", "$or"):
            found.update(*(_fields(inner) for inner in value))
        else:
            found.add(key)
    return found
