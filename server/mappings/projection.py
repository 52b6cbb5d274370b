"""A record as the resources that others ask for, by the tables in ``mappings/<Type>/``.

A table is for one kind of resource: what it is of the record is its `role`, what there is one for
each of is `each`. Which one an item is does not depend on its place: that is told by the id of its
element if it has one, else by the first path of `key` that leads anywhere, together with all that
is `within` it. So an item that is corrected stays the same resource, and one that is left out takes
no other's place. The id of a
resource comes of the record's, its role and that, and is the same whenever the record is projected.

Everything is compiled at the start. A number is as the record spells it.

Spec: mappings/EncounterRecord/README.md; https://hl7.org/fhir/R4/lifecycle.html
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from server.mappings import rows
from server.mappings.rows import Item, Row
from server.mappings.tables import WrongTableError
from server.mappings.values import Around, Facts
from server.terminology.service import Terminology

Json = Any
_BESIDE, _NUMBER = "\x1f", "\x1e"
"""What no text of a record can have, between what an item is known by."""
_NAMES = UUID("6f0f3c3a-5d0e-5b7a-9a6e-3f7a2c1d4e5b")
_KEYS = frozenset(
    (
        "type",
        "role",
        "each",
        "key",
        "within",
        "needs",
        "when",
        "profile",
        "row",
        "retracted",
        "withdrawn",
    )
)


@dataclass(frozen=True, slots=True)
class Projected:
    """One resource that a record comes to: its `role`, and the `path` that it is made of there."""

    type: str
    id: str
    role: str
    path: str
    resource: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of resource.

    An item that has none of what it `needs`, or of which not all holds `when` it is to come to
    something, comes to nothing.
    `profiles` are the canonical URLs that it may claim, the first whose test holds. A resource that
    vanished from the record gets what `retracted` says, and loses the elements `withdrawn`.
    """

    type: str
    role: str
    each: tuple[str, ...]
    keys: tuple[rows.Look, ...]
    within: tuple[rows.Look, ...]
    needs: tuple[rows.Look, ...]
    when: rows.Test
    profiles: tuple[tuple[str, rows.Test], ...]
    rows: tuple[Row, ...]
    retracted: Mapping[str, Any]
    withdrawn: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Place:
    """One resource to be made: its id, the item of the record, and where that stands."""

    id: str
    source: Item
    path: str


@dataclass(frozen=True, slots=True)
class Projection:
    """The tables for records of `type`, in order."""

    type: str
    tables: tuple[Table, ...]

    @property
    def types(self) -> frozenset[str]:
        """Return the types of resources that records come to."""
        return frozenset(one.type for one in self.tables)

    def project(self, record: Mapping[str, Any], source: str) -> list[Projected]:
        """Return what `record` comes to, whose id is set and whose numbers are fragments.

        `source` is what each resource names as the source that it comes from. A record that is
        valid by its model can always be projected.
        """
        places = {one.role: list(_places(one, record)) for one in self.tables}
        references = {one.role: _references(one.type, places[one.role]) for one in self.tables}
        contained = {f"#{one.get('id')}": one for one in record.get("contained", ())}
        around = Around(lambda role, value: _referred(references[role], value), contained.get)
        return [
            Projected(table.type, at.id, table.role, at.path, _made(table, at, around, source))
            for table in self.tables
            for at in places[table.role]
        ]

    def origin(self, made: Projected, expression: str) -> str:
        """Return where in the record stands what is at `expression` in the resource `made`.

        It is the item that the resource is made of, where no one element tells more.
        """
        table = next(one for one in self.tables if one.role == made.role)
        names = tuple(re.sub(r"\[[0-9]+\]", "", expression).split("."))[1:]
        found: dict[int, set[str]] = {}
        for row in table.rows:
            put = tuple(name for name, _ in row.put)
            if len(row.sources) == 1 and names[: len(put)] == put:
                found.setdefault(len(put), set()).add(row.sources[0])
        sources = found[max(found)] if found else set()
        source = sources.pop() if len(sources) == 1 else "."
        if source.startswith("record."):
            return f"{self.type}{source.removeprefix('record')}"
        is_of_item = source not in (".", "record") and not source.startswith("parent.")
        return f"{made.path}.{source}" if is_of_item else made.path

    def id(self, record: str, role: str) -> str:
        """Return the id of what the record with the id `record` comes to in a `role` once."""
        return _id(record, role, "")

    def retracted(self, type: str, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Return `resource`, which no longer comes of its record, as one entered in error."""
        table = next(one for one in self.tables if one.type == type)
        kept = {name: one for name, one in resource.items() if name not in table.withdrawn}
        return {**kept, **table.retracted}


def load(mappings: Path, type: str, terminology: Terminology) -> Projection:
    """Return the projection of records of `type`, which the folder of that name in `mappings` has.

    Raises WrongTableError if a table is at fault.
    """
    units = tomllib.loads((mappings / "units.toml").read_text("utf-8"))["unit"]
    facts = Facts(terminology, units)
    tables = [
        _table(tomllib.loads(file.read_text("utf-8")), facts, file.name)
        for file in sorted((mappings / type).glob("*.toml"))
    ]
    twice = [role for role, count in Counter(one.role for one in tables).items() if count > 1]
    if twice:
        raise WrongTableError(f"{type} has {twice} more than once.")
    return Projection(type, tuple(tables))


def _table(said: Mapping[str, Any], facts: Facts, file: str) -> Table:
    unknown = said.keys() - _KEYS
    if unknown:
        raise WrongTableError(f"{file} has {sorted(unknown)}.")
    return Table(
        type=said["type"],
        role=said["role"],
        each=tuple(said["each"].split(".")) if "each" in said else (),
        keys=tuple(rows.first(path) for path in said.get("key", ())),
        within=tuple(rows.first(path) for path in said.get("within", ())),
        needs=tuple(rows.first(path) for path in said.get("needs", ())),
        when=rows.condition(said.get("when", {})),
        profiles=tuple(
            (one["url"], rows.condition(one.get("when", {}))) for one in said.get("profile", ())
        ),
        rows=tuple(rows.row(one, facts) for one in said["row"]),
        retracted=said.get("retracted", {}),
        withdrawn=frozenset(said.get("withdrawn", ())),
    )


def _places(table: Table, record: Mapping[str, Any]) -> Iterator[_Place]:
    seen = Counter[str]()
    root = Item(record, record, None)
    for source, path in _items(root, table.each, record["resourceType"]):
        if not table.when(source):
            continue
        if table.needs and all(look(source) is None for look in table.needs):
            continue
        key = _key(table, source)
        seen[key] += 1
        # Of several that are alike, each is one: the same order makes them the same again.
        told = key if seen[key] == 1 else f"{key}{_NUMBER}{seen[key]}"
        yield _Place(_id(record["id"], table.role, told), source, path)


def _items(source: Item, names: Sequence[str], path: str) -> Iterator[tuple[Item, str]]:
    if not names:
        yield source, path
        return
    found = source.item.get(names[0])
    if found is None:
        return
    for place, one in enumerate(found if isinstance(found, list) else (found,)):
        where = f"{path}.{names[0]}[{place}]"
        parent = None if source.item is source.record else source.item
        inner = Item(source.record, one, source.item if len(names) == 1 else parent)
        yield from _items(inner, names[1:], where)


def _key(table: Table, source: Item) -> str:
    if not table.each:
        return ""
    own = source.item.get("id") if isinstance(source.item, dict) else None
    if own is not None:
        return f"id {own}"
    found = (look(source) for look in table.keys)
    first = next((str(one) for one in found if one is not None), "")
    return _BESIDE.join([first, *(str(look(source) or "") for look in table.within)])


def _id(record: str, role: str, key: str) -> str:
    return str(uuid5(_NAMES, f"{record}/{role}/{key}"))


def _references(type: str, places: Iterable[_Place]) -> Mapping[int, Json]:
    """Return a reference to each of what is to be made, by the identity of the item it is of."""
    return {id(one.source.item): {"reference": f"{type}/{one.id}"} for one in places}


def _referred(known: Mapping[int, Json], value: Json) -> Json:
    """Return the reference to what the item `value` comes to; of a list of items, those that do."""
    if isinstance(value, list):
        return [known[id(one)] for one in value if id(one) in known] or None
    return known.get(id(value))


def _made(table: Table, at: _Place, around: Around, source: str) -> dict[str, Any]:
    claimed = next((url for url, holds in table.profiles if holds(at.source)), None)
    meta = {"source": source, **({"profile": [claimed]} if claimed else {})}
    made = rows.filled(table.rows, at.source, around)
    return {"resourceType": table.type, "id": at.id, "meta": meta, **made}
