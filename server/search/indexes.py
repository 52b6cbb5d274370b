"""The MongoDB indexes of a type: only those that its search parameters can use.

Each index costs every write, so there are some only on demand, built when somebody first needs
them: of the bigrams `g`, of the words `w`, and of the sort keys `o` and `z`, whose names start with
``sort_``.

Every index that gives an order ends with `_id`, which makes it total. Dates that last
long have an index of their own, since a query that looks for what goes on at some time has to
look far back for them only.

Spec: https://www.mongodb.com/docs/manual/core/index-compound/
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from server.profiles.definitions import Definitions
from server.search.index import Plans, environment
from server.search.plan import OWN_FIELDS, Plan

_LISTS_ON_DEMAND = ("g", "w")
_ALWAYS = (("t", "_id"), ("lu", "_id"))
_BY_TYPE = {
    "string": (("s", "_id"),),
    "token": (("s", "_id"),),
    "date": (("d.p", "d.s", "d.e"),),
    "number": (("n.p", "n.lo", "n.hi"),),
    "quantity": (("q.p", "q.u", "q.lo", "q.hi"),),
}

# The trail grows with every request, so each of its indexes costs every request.
_SPARING = frozenset({"AuditEvent"})


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """One index: `keys` are (field, 1, -1 or ``2dsphere``) pairs."""

    name: str
    keys: tuple[tuple[str, int | str], ...]
    options: Mapping[str, Any] = field(default_factory=dict)


class IndexTable:
    """The indexes of every type."""

    def __init__(self, definitions: Definitions, plans: Plans | None = None) -> None:
        self._plans = plans or Plans(definitions, environment(UTC, ""))

    def indexes(self, type: str) -> tuple[IndexSpec, ...]:
        """Return the indexes of `type`."""
        return indexes(self._plans[type])

    def about(self, type: str) -> str | None:
        """Return the field of `type` that tells which patient it is about, and moves with.

        What the trail tells is about who acted, and stays where it is.
        """
        return None if type in _SPARING else self._plans[type].about

    @staticmethod
    def on_demand(_type: str, field: str) -> IndexSpec:
        """Return the index of `field` that is built when somebody first needs it.

        `field` is g, w, or a sort key such as ``o.family``.
        """
        if field in _LISTS_ON_DEMAND:
            return IndexSpec(f"{field}_id", ((field, 1), ("_id", 1)), {"sparse": True})
        return sorting(((field, 1), ("_id", 1)))


def indexes(plan: Plan) -> tuple[IndexSpec, ...]:
    """Return the indexes of the type of `plan`."""
    if plan.type in _SPARING:
        kept = (("whom", 1),), (("lu", 1),), (("ds", -1),)
        return tuple(_named((*keys, ("_id", 1))) for keys in kept)
    found = dict.fromkeys(_plain(plan))
    specs = [_named((name, 1) for name in fields) for fields in found]
    specs.extend(_named(keys) for keys in _dated(plan))
    if "ds" in plan.main:
        long = {"partialFilterExpression": {"dl": {"$exists": True}}}
        specs.append(IndexSpec("dl_ds_id", (("dl", 1), ("ds", -1), ("_id", 1)), long))
    if plan.about == "comp":
        specs.append(IndexSpec("comp_id", (("comp", 1), ("_id", 1)), {"sparse": True}))
    if plan.type == "Location":
        specs.append(IndexSpec("geo", (("geo", "2dsphere"),)))
    return tuple(specs)


def sorting(order: Iterable[tuple[str, int]]) -> IndexSpec:
    """Return the index on demand that gives `order`, read from its start or its end."""
    keys = tuple(order)
    if keys[0][1] < 0:
        keys = tuple((field, -direction) for field, direction in keys)
    named = (f"{'-' if direction < 0 else ''}{field}" for field, direction in keys)
    return IndexSpec("_".join(("sort", *named)), keys)


def _plain(plan: Plan) -> Iterator[tuple[str, ...]]:
    yield from _ALWAYS
    for parameter in plan.parameters.values():
        is_stored = not parameter.sources and parameter.code not in OWN_FIELDS
        if is_stored and parameter.main != "ds":
            yield from _BY_TYPE.get(parameter.type, ())
    if any(composite.members for composite in plan.composites.values()):
        yield ("k.p", "k.t")


def _dated(plan: Plan) -> Iterator[tuple[tuple[str, int], ...]]:
    """Yield the indexes that give the newest first, for patient, code, both and neither."""
    if "ds" not in plan.main:
        return
    newest = (("ds", -1), ("_id", 1))
    yield newest
    for fields in (("pt",), ("c",), ("pt", "c")):
        if all(name in plan.main for name in fields):
            yield (*((name, 1) for name in fields), *newest)


def _named(keys: Iterable[tuple[str, int]]) -> IndexSpec:
    listed = tuple(keys)
    name = "_".join(field.lstrip("_").replace(".", "") for field, _ in listed)
    # Most resources have no value in a list of stretches, numbers or quantities.
    is_list = any("." in field for field, _ in listed)
    return IndexSpec(name, listed, {"sparse": True} if is_list else {})
