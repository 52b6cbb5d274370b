"""The operations that there are: OperationDefinitions, read as facts.

They lie in ``profiles/OperationDefinition/``, one file each, and are what the server offers: a
request is checked against them, and the CapabilityStatement lists them.

Spec: https://hl7.org/fhir/R4/operationdefinition.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

Level = Literal["system", "type", "instance"]
_ANY = "Resource"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One input. `max` None means ``*``; `type` is a FHIR type, ``Resource`` or ``Any`` too."""

    name: str
    min: int
    max: int | None
    type: str


@dataclass(frozen=True, slots=True)
class OperationDefinition:
    """One operation: where it is had, and what goes in. No `types` means all of them.

    If it `searches`, whatever else is named is a search parameter, and a text.
    """

    id: str
    url: str
    code: str
    levels: frozenset[str]
    types: frozenset[str]
    affects_state: bool
    parameters: Mapping[str, Parameter]
    searches: bool = False

    def parameter(self, name: str) -> Parameter | None:
        """Return the input `name`, None if it has none of that name."""
        found = self.parameters.get(name)
        if found is None and self.searches:
            return Parameter(name, 0, None, "string")
        return found

    def is_had(self, level: Level, type: str | None) -> bool:
        """Tell whether it is had at `level`, of `type` where that is not the system."""
        return level in self.levels and (level == "system" or not self.types or type in self.types)


@dataclass(frozen=True, slots=True)
class Operations:
    """All operations."""

    all: tuple[OperationDefinition, ...]

    def find(self, code: str, type: str | None, id: str | None) -> OperationDefinition | None:
        """Return the operation `code` on what a URL with `type` and `id` names, None if none."""
        level: Level = "system" if type is None else "type" if id is None else "instance"
        found = (one for one in self.all if one.code == code and one.is_had(level, type))
        return next(found, None)

    def on_system(self) -> Iterator[OperationDefinition]:
        """Yield those that the system as a whole has."""
        return (one for one in self.all if "system" in one.levels)

    def on_type(self, type: str) -> Iterator[OperationDefinition]:
        """Yield those that `type`, or one resource of it, has."""
        levels: tuple[Level, ...] = ("type", "instance")
        return (one for one in self.all if any(one.is_had(level, type) for level in levels))


def load(folder: Path) -> Operations:
    """Return the operations in `folder`. Raises ValueError if a file is no OperationDefinition."""
    found = []
    for file in sorted(folder.glob("*.json")):
        resource = orjson.loads(file.read_bytes())
        if resource.get("resourceType") != "OperationDefinition" or resource["id"] != file.stem:
            message = f"{file.name} is not the OperationDefinition that its name says."
            raise ValueError(message)
        found.append(_read(resource))
    return Operations(tuple(found))


def _read(resource: Mapping[str, Any]) -> OperationDefinition:
    levels: tuple[Level, ...] = ("system", "type", "instance")
    inputs = (one for one in resource.get("parameter", ()) if one["use"] == "in")
    return OperationDefinition(
        id=resource["id"],
        url=resource["url"],
        code=resource["code"],
        levels=frozenset(level for level in levels if resource[level]),
        types=frozenset(resource.get("resource", ())) - {_ANY},
        affects_state=resource.get("affectsState", False),
        parameters={one["name"]: _parameter(one) for one in inputs},
    )


def _parameter(row: Mapping[str, Any]) -> Parameter:
    most = None if row["max"] == "*" else int(row["max"])
    return Parameter(row["name"], row["min"], most, row["type"])
