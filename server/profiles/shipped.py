"""What comes with the server, read once in a process: nobody changes it there."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from server.profiles import definitions, guides, publications
from server.profiles.definitions import Definitions
from server.profiles.guide import Guide
from server.profiles.masking import Masking
from server.profiles.publications import Publications
from server.profiles.structure import StructureValidator, structure_validator


@dataclass(frozen=True, slots=True)
class Shipped:
    """R4's facts, what is worked out from them alone, and our own definitions with snapshots."""

    definitions: Definitions
    masking: Masking
    structure: StructureValidator
    guide: Guide
    publications: Publications


@cache
def shipped(profiles: Path, terminology: Path, zone: ZoneInfo) -> Shipped:
    """Return what lies in `profiles` and `terminology`; nobody is born after today in `zone`.

    Raises ValueError, with the file and what is wrong in it, if some of it is at fault.
    """
    facts = definitions.load(profiles / "r4")
    bare = publications.load((profiles, terminology), facts.resource_types)
    guide = guides.national(facts, bare, profiles, zone)
    whole = guides.with_snapshots(bare, guide)
    return Shipped(facts, Masking.of(facts), structure_validator(facts), guide, whole)
