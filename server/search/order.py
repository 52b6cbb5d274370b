"""The order of results.

Every order ends with `_id`, so that it is total; what has no value for a key comes last, whichever
direction. There are two ways to run one, which give the same rows in the same order:

- by an index, where one can give it: MongoDB puts what is missing first when it ascends, so the
  first key ascends in two steps, and any other must descend or never be missing
- in memory, for few resources, with what is missing marked by a computed field

The index of dates has them descending and ids ascending, so ascending dates go with descending ids.

An id never changes, but any other key may, and take a resource to the pages that were read already.
So the pages of such an order are all of one moment, which is a part of their places. But what the
trail has stays where it is in time, and what comes to it is later: by date, its pages need no
moment, and are there before all of it is.

Spec: https://hl7.org/fhir/R4/search.html#sort
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.access.policy import APPEND_ONLY
from server.fhir.outcome import BadRequest
from server.search import conditions, paging, sortkeys
from server.search.conditions import Condition
from server.search.indexes import IndexSpec, sorting
from server.search.plan import Plan
from server.search.values import shown

Sort = tuple[tuple[str, int], ...]
Place = Sequence[Any]
"""A place in an order as JSON: a moment and the values of its keys; before all, a moment alone."""
_MOST_KEYS = 8
_NEVER_MISSING = frozenset({"_id", "lu"})
_WITH_DATE_INDEX = frozenset({"pt", "c", "ds", "de", "dl"})
_INDEXED: frozenset[Sort] = frozenset(
    {
        (("_id", 1),),
        (("lu", 1), ("_id", 1)),
        (("ds", -1), ("_id", 1)),
        (("pt", 1), ("ds", -1), ("_id", 1)),
    }
)
"""What `indexes` has for every type that can be sorted so; there may be none twice."""


@dataclass(frozen=True, slots=True)
class Key:
    """One sort key: the parameter, the fields it is in, and the direction, 1 or -1.

    Of several fields the least counts, or the greatest if it descends.
    """

    code: str
    fields: tuple[str, ...]
    direction: int

    @property
    def may_miss(self) -> bool:
        """Whether there are resources without a value."""
        return self.fields[0] not in _NEVER_MISSING

    def value(self, document: Mapping[str, Any]) -> Any:  # noqa: ANN401  # text, number or None
        """Return the value that `document` is sorted by, None if it has none."""
        found = [one for path in self.fields if (one := _at(document, path)) is not None]
        if not found:
            return None
        return min(found) if self.direction > 0 else max(found)

    def computed(self) -> Any:  # noqa: ANN401  # an expression of MongoDB
        """Return the expression of the value that a document is sorted by."""
        paths = [f"${path}" for path in self.fields]
        if len(paths) == 1:
            return paths[0]
        return {"$min" if self.direction > 0 else "$max": paths}


@dataclass(frozen=True, slots=True)
class Step:
    """One query of several, whose rows follow on each other.

    Rows fulfil `condition`; then the fields `computed` are added, of which `behind` is a further
    condition, and `sort` is the order.
    """

    condition: Condition
    sort: Sort
    computed: Mapping[str, Any] = field(default_factory=dict)
    behind: Condition = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """A total order by `keys`, the last of which is `_id`.

    `needs` are the indexes it has to be given by that only are there on demand. Without
    `by_index` there can be none. Nothing `is_moved` to another place if it never changes.
    """

    keys: tuple[Key, ...]
    by_index: bool
    needs: tuple[IndexSpec, ...] = ()
    is_moved: bool = True

    @property
    def name(self) -> str:
        """The order as ``_sort`` has it."""
        return ",".join(f"{'-' if key.direction < 0 else ''}{key.code}" for key in self.keys[:-1])

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a document that its place depends on."""
        return tuple(dict.fromkeys(field for key in self.keys for field in key.fields))

    @property
    def is_of_one_moment(self) -> bool:
        """Whether all pages have to be read as of one moment."""
        return len(self.keys) > 1 and self.is_moved

    def place(self, document: Mapping[str, Any]) -> list[Any]:
        """Return where `document` stands in this order, as JSON.

        That is the moment it was read as of, `at` of the document, and its value for each key.
        """
        return [list(document.get("at", ())), *(key.value(document) for key in self.keys)]

    @staticmethod
    def moment(place: Place | None) -> Sequence[int]:
        """Return the moment that the pages of `place` are of, as the store gave it, if any."""
        return place[0] if place else ()

    @staticmethod
    def rank(place: Place | None) -> Sequence[Any]:
        """Return the values of the keys at `place`; none if it is before the first row."""
        return place[1:] if place else ()

    def steps(self, place: Place | None = None) -> tuple[Step, ...]:
        """Return the queries that give by an index what comes behind `place`."""
        first, order, values = self.keys[0], _fields(self.keys), self.rank(place)
        present = {first.fields[0]: {"$ne": None}}
        steps = self._behind(order, values) if values else [Step({}, order)]
        if first.direction < 0 or not first.may_miss or (values and values[0] is None):
            return tuple(steps)
        if not values:
            steps = [Step(present, order)]
        return (*steps, Step({first.fields[0]: None}, order))

    def _behind(self, order: Sort, values: Sequence[Any]) -> list[Step]:
        if self.needs:
            return [Step(one, order) for one in paging.behind_exactly(order, values)]
        return [Step(dict(paging.behind(order, values)), order)]

    def sorted(self, place: Place | None = None) -> Step:
        """Return the query that sorts in memory what comes behind `place`."""
        computed: dict[str, Any] = {}
        order: list[tuple[str, int]] = []
        values: list[Any] = []
        ranked = self.rank(place) or [None] * len(self.keys)
        for number, (key, value) in enumerate(zip(self.keys, ranked, strict=True)):
            name = key.fields[0]
            if key.may_miss and key.direction > 0:
                order.append((f"_m{number}", 1))
                values.append(int(value is None))
                computed[f"_m{number}"] = {"$cond": [{"$gt": [key.computed(), None]}, 0, 1]}
            if len(key.fields) > 1:
                name = f"_k{number}"
                computed[name] = key.computed()
            order.append((name, key.direction))
            values.append(value)
        behind = paging.behind_in_memory(order, values) if self.rank(place) else {}
        return Step({}, tuple(order), computed, behind)


def keys(plan: Plan, value: str) -> list[Key]:
    """Return the keys that `value` of ``_sort`` names.

    Raises BadRequest if one cannot be sorted by, or there are more than eight.
    """
    texts = value.split(",", _MOST_KEYS)
    if len(texts) > _MOST_KEYS:
        raise BadRequest.because("search-sort-keys-too-many", limit=_MOST_KEYS)
    return [_key(plan, text) for text in texts]


def order(
    plan: Plan, keys: Sequence[Key], condition: Condition, place: Place | None = None
) -> Order:
    """Return the order by `keys`, in which `place` is, if the first page has been read.

    Without any, the newest come first where an index gives that order, else ids ascend.
    """
    is_lasting = plan.type in APPEND_ONLY
    wanted = {key.code: key for key in reversed(keys)}
    chosen = [wanted[code] for code in dict.fromkeys(key.code for key in keys)]
    if not chosen and "ds" in plan.main and (is_lasting or _is_by_date(condition, place)):
        chosen = [Key(plan.main["ds"], ("ds",), -1)]
    total = _total(chosen)
    by_index = all(len(key.fields) == 1 for key in total) and all(
        key.direction < 0 or not key.may_miss for key in total[1:]
    )
    fields = _fields(total)
    is_there = fields in _INDEXED or _reversed(fields) in _INDEXED
    needs = (sorting(fields),) if by_index and not is_there else ()
    is_in_time = [field for field, _ in fields] == ["ds", "_id"]
    return Order(total, by_index, needs, is_moved=not (is_lasting and is_in_time))


def _is_by_date(condition: Condition, place: Place | None) -> bool:
    """Tell whether the newest come first in pages that nobody gave an order.

    They go on as they began, though a chain that was named in the condition may since have become
    so wide that it is not, or the other way round.
    """
    if place:
        return bool(place[0])
    return bool(conditions.fields(condition) & _WITH_DATE_INDEX)


def _key(plan: Plan, text: str) -> Key:
    code = text.removeprefix("-")
    descending = text.startswith("-")
    fields = sortkeys.greatest(plan, code) if descending else sortkeys.least(plan, code)
    if not fields:
        known = code in plan.composites
        message = "search-sort-composite" if known else "search-sort-unsupported"
        raise BadRequest.because(message, type=plan.type, key=shown(code))
    return Key(code, fields, -1 if descending else 1)


def _total(keys: Sequence[Key]) -> tuple[Key, ...]:
    """Return `keys` up to `_id`, which comes last, in the direction that an index has it in."""
    kept: list[Key] = []
    for key in keys:
        kept.append(key)
        if key.fields == ("_id",):
            return tuple(kept)
    if not kept:
        return (Key("_id", ("_id",), 1),)
    last = kept[-1]
    direction = -last.direction if last.fields == ("ds",) else last.direction
    return (*kept, Key("_id", ("_id",), direction))


def _fields(keys: Sequence[Key]) -> Sort:
    return tuple((key.fields[0], key.direction) for key in keys)


def _reversed(sort: Sort) -> Sort:
    return tuple((field, -direction) for field, direction in sort)


def _at(document: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401  # text, number or None
    outer, _, inner = path.partition(".")
    found = document.get(outer)
    return found.get(inner) if inner and found is not None else found
