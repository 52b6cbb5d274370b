"""What comes with the server, read once in a process: nobody changes it there."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from server.profiles import definitions, guides, models, own_parameters, publications
from server.profiles.definitions import Definitions, SearchParameter
from server.profiles.guide import Guide
from server.profiles.masking import Masking
from server.profiles.publications import Publications
from server.profiles.structure import StructureValidator, structure_validator


@dataclass(frozen=True, slots=True)
class Shipped:
    """R4's facts and our own types, what is worked out from them, our definitions with snapshots.

    `parameters` are the search parameters of ours that are in use.
    """

    definitions: Definitions
    parameters: tuple[SearchParameter, ...]
    masking: Masking
    structure: StructureValidator
    guide: Guide
    publications: Publications


@cache
def shipped(profiles: Path, terminology: Path, zone: ZoneInfo) -> Shipped:
    """Return what lies in `profiles` and `terminology`; nobody is born after today in `zone`.

    Raises ValueError, with the file and what is wrong in it, if some of it is at fault.
    """
    parameters = own_parameters.load(profiles / "SearchParameter")
    facts = models.added(definitions.load(profiles / "r4"), models.load(profiles), parameters)
    bare = publications.load((profiles, terminology), facts.resource_types)
    guide = guides.national(facts, bare, profiles, zone)
    whole = guides.with_snapshots(bare, guide)
    structure = structure_validator(facts)
    return Shipped(facts, parameters, Masking.of(facts), structure, guide, whole)
