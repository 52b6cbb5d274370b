"""The sections of a patient summary, read from ``profiles/summary/sections.toml``.

Spec: http://hl7.org/fhir/uv/ips/STU1.1/StructureDefinition-Composition-uv-ips.html
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class Choice:
    """What of one type goes into a section: what `search` finds, the latest `of_each_code`."""

    type: str
    search: tuple[tuple[str, str], ...]
    of_each_code: bool


@dataclass(frozen=True, slots=True)
class Section:
    """One section: its LOINC code with its display, its titles, and what goes in.

    `absent` is the resource that says that nothing is known, None if the section is then left out.
    """

    code: str
    display: str
    zh: str
    en: str
    choices: tuple[Choice, ...]
    absent: Mapping[str, Any] | None

    @property
    def title(self) -> str:
        """The title in both languages."""
        return f"{self.zh} {self.en}"


def load(folder: Path) -> tuple[Section, ...]:
    """Return the sections in ``summary/sections.toml`` of `folder`, in order."""
    found = tomllib.loads((folder / "summary" / "sections.toml").read_text("utf-8"))
    return tuple(
        Section(
            code=one["code"],
            display=one["display"],
            zh=one["zh"],
            en=one["en"],
            choices=tuple(map(_choice, one["choice"])),
            absent=one.get("absent"),
        )
        for one in found["section"]
    )


def _choice(row: Mapping[str, Any]) -> Choice:
    return Choice(row["type"], tuple(parse_qsl(row["search"])), row.get("each-code", False))
