"""HL7's facts about R4, read from the data files alone."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "profiles" / "r4"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """`elements` by path and name, `parameters` by type and code."""

    types: frozenset[str]
    elements: dict[str, dict[str, Row]]
    parameters: dict[str, dict[str, Row]]
    by_url: dict[str, Row]
    value_sets: dict[str, dict[str, list[str]]]
    compartments: dict[str, dict[str, list[str]]]
    bases: dict[str, str]

    def children(self, path: str) -> dict[str, Row]:
        """Return the elements below `path`, those of the types it is derived from included."""
        found: dict[str, Row] = {}
        while path:
            found = self.elements.get(path, {}) | found
            path = self.bases.get(path, "")
        return found


def _rows(name: str) -> list[Row]:
    return json.loads((FOLDER / f"{name}.json").read_text())


@cache
def facts() -> Facts:
    """Return the facts, read once."""
    kinds = _rows("types")
    types = frozenset(
        row["name"] for row in kinds if row.get("kind") == "resource" and not row.get("abstract")
    ) - {"Resource", "DomainResource"}
    elements: dict[str, dict[str, Row]] = {}
    for row in _rows("elements"):
        parent, _, name = row["path"].rpartition(".")
        elements.setdefault(parent, {})[name] = row
    bases = {row["name"]: row["base"] for row in kinds if "base" in row}
    parameters: dict[str, dict[str, Row]] = {type: {} for type in types}
    rows = _rows("search-parameters")
    for row in rows:
        for base in row["base"]:
            for type in types if base in ("Resource", "DomainResource") else [base]:
                if base != "DomainResource" or bases.get(type) == "DomainResource":
                    parameters[type][row["code"]] = row
    value_sets = {row["url"]: row["systems"] for row in _rows("value-sets")}
    compartments = {row["code"]: row["members"] for row in _rows("compartments")}
    by_url = {row["url"]: row for row in rows}
    return Facts(types, elements, parameters, by_url, value_sets, compartments, bases)
