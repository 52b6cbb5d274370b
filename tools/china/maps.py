"""ConceptMap, from rows that say how one code stands to another.

``maps.toml`` has the rows and tells how to write them, ``hl7.toml`` the codes of others.

Spec: https://hl7.org/fhir/R4/conceptmap.html
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from china.systems import CHINA, Concept, System, name
from china.tables import PUBLISHERS, STATUS
from china.writing import BASE, Json

_HERE = Path(__file__).parent
EQUIVALENCES = {"=": "equivalent", "<": "wider", ">": "narrower", "~": "inexact", "-": "unmatched"}
_ROW = re.compile(r"(?P<code>\S+) (?P<sign>[=<>~-])(?: (?P<other>\S+))?(?: ; (?P<why>.+))?")


@dataclass(frozen=True, slots=True)
class End:
    """A system on one side of a map: its codes with their names, and those above others."""

    id: str
    system: str
    version: str | None
    value_set: str | None
    names: Mapping[str, str]
    parents: Mapping[str, str]

    @classmethod
    def of(cls, system: System) -> "End":
        """Return `system`, which is ours."""
        concepts: Sequence[Concept] = system.concepts
        return cls(
            system.id,
            system.url,
            system.version,
            f"{BASE}/ValueSet/{system.id}",
            {concept.code: concept.display for concept in concepts},
            {concept.code: concept.parent for concept in concepts if concept.parent},
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a map: `equivalence` is FHIR's word; `other` is None if it is unmatched."""

    code: str
    equivalence: str
    other: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class About:
    """What a map is; one that was not `verified` is a draft."""

    id: str
    title: str
    description: str
    verified: bool


def load(systems: Sequence[System]) -> tuple[dict[str, Any], dict[str, End]]:
    """Return what ``maps.toml`` says, and the ends that maps may have by their ids."""
    others = tomllib.loads((_HERE / "hl7.toml").read_text("utf-8"))
    ends = {system.id: End.of(system) for system in systems}
    for id, other in others.items():
        version, value_set = other.get("version"), other.get("value_set")
        ends[id] = End(id, other["system"], version, value_set, other["codes"], {})
    return tomllib.loads((_HERE / "maps.toml").read_text("utf-8")), ends


def concept_maps(said: Mapping[str, Any], ends: Mapping[str, End]) -> Iterator[Json]:
    """Yield the maps that ``maps.toml`` has all rows of.

    Raises ValueError for a row that is none, and for a code that its system lacks.
    """
    for one in said["map"]:
        rows = [row_of(text) for text in one["rows"]]
        sources = [ends[id] for id in one["sources"]]
        known = set(chain.from_iterable(source.names for source in sources))
        if lost := {row.code for row in rows} - known:
            message = f"No source of {one['title']} has {lost}."
            raise ValueError(message)
        targets = [ends[id] for id in one["targets"]]
        groups = [
            group
            for source in sources
            for group in _groups(source, targets, _of(source, rows, inherit="inherit" in one))
        ]
        # A map of several editions is called by the table alone.
        first = re.sub(r"-\d{4}$", "", sources[0].id) if len(sources) > 1 else sources[0].id
        verified = one.get("verified", True)
        about = About(
            f"{first}-to-{targets[0].id}",
            one["title"],
            f"{one['title']}。" + ("" if verified else STATUS[False]),
            verified,
        )
        yield concept_map(about, sources[-1], targets[0], groups)


def row_of(text: str) -> Row:
    """Return the row that `text` says, as ``maps.toml`` explains. Raises ValueError if none."""
    found = _ROW.fullmatch(text)
    if found is None or (found["sign"] == "-") != (found["other"] is None):
        message = f"This is no row of a map: {text}"
        raise ValueError(message)
    return Row(found["code"], EQUIVALENCES[found["sign"]], found["other"], found["why"])


def concept_map(about: About, source: End, target: End, groups: list[Json]) -> Json:
    """Return the ConceptMap that `about` names, from `source` to `target`."""
    found = {
        "resourceType": "ConceptMap",
        "id": about.id,
        "language": "zh-CN",
        "url": f"{BASE}/ConceptMap/{about.id}",
        "name": name(about.id),
        "title": about.title,
        "status": "active" if about.verified else "draft",
        "experimental": False,
        "publisher": PUBLISHERS["own"],
        "description": about.description,
        "jurisdiction": CHINA,
        "sourceCanonical": source.value_set,
        "targetCanonical": target.value_set,
        "group": groups,
    }
    return {key: value for key, value in found.items() if value is not None}


def group(source: End, target: End, rows: Sequence[Row]) -> Json:
    """Return the group of `rows` that lead from `source` to `target`.

    Raises ValueError for a code that `target` lacks.
    """
    if lost := {row.other for row in rows if row.other is not None} - set(target.names):
        message = f"{target.id} lacks {lost}, which {source.id} is mapped to."
        raise ValueError(message)
    found = {
        "source": source.system,
        "sourceVersion": source.version,
        "target": target.system,
        "targetVersion": target.version,
        "element": [_element(source, target, row) for row in rows],
    }
    return {key: value for key, value in found.items() if value is not None}


def _groups(source: End, targets: Sequence[End], rows: Sequence[Row]) -> Iterator[Json]:
    """Yield a group for each of `targets`; what is unmatched stands in the first."""
    for target in targets:
        own = [
            row
            for row in rows
            if row.other in target.names or (not row.other and target is targets[0])
        ]
        if own:
            yield group(source, target, own)


def _of(source: End, rows: Sequence[Row], *, inherit: bool) -> list[Row]:
    """Return the row of each code of `source`, in its order. Raises ValueError if one has none."""
    said = {row.code: row for row in rows}
    found = []
    for code in source.names:
        above = said.get(source.parents.get(code, ""))
        if code in said:
            found.append(said[code])
        elif inherit and above is not None and above.other is not None:
            found.append(Row(code, "wider", above.other, None))
        else:
            message = f"Nothing says what {code} of {source.id} maps to."
            raise ValueError(message)
    return found


def _element(source: End, target: End, row: Row) -> Json:
    to: Json = {}
    if row.other is not None:
        to = {"code": row.other, "display": target.names[row.other]}
    to["equivalence"] = row.equivalence
    if row.why:
        to["comment"] = row.why
    return {"code": row.code, "display": source.names[row.code], "target": [to]}
