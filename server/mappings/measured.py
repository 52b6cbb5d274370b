"""The elements of a logical model of which it is told how often records have them.

Spec: https://hl7.org/fhir/R4/structuredefinition.html#logical
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

_SERVERS_OWN = frozenset(("contained", "organization", "resident", "status"))


@dataclass(frozen=True, slots=True)
class Measured:
    """One element: its `path` in a record, its Chinese name, and the model that has it."""

    path: str
    title: str
    system: str


def load(folder: Path) -> tuple[Measured, ...]:
    """Return the elements of records of visits that institutions tell; `folder` is ``profiles``."""
    file = folder / "StructureDefinition" / "encounter-record.json"
    return measured(orjson.loads(file.read_bytes()))


def measured(definition: Mapping[str, Any]) -> tuple[Measured, ...]:
    """Return the elements of the model `definition` that institutions tell."""
    type, *rest = (one["path"] for one in definition["differential"]["element"])
    titles = {one["path"]: one.get("short", "") for one in definition["differential"]["element"]}
    found = []
    for path in rest:
        bare = path.removeprefix(f"{type}.").removesuffix("[x]")
        if bare.partition(".")[0] not in _SERVERS_OWN and not path.endswith("[x]"):
            found.append(Measured(bare, titles[path], definition["url"]))
    return tuple(found)
