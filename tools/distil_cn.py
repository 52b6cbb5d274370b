#!/usr/bin/env python3
"""Distil tables of Chinese facts into the resources under ``terminology/``.

Usage: ``python tools/distil_cn.py FOLDER [ROOT]``. FOLDER holds codes, datasets, divisions, oids
and terms as CSV, each beginning with comments that tell its standard and its source; ROOT is the
project, whose ``docs/terminology*.md`` get the table of what there is. The same folder always gives
the same bytes. What the script makes is told by modules and tables in ``china/``.

Spec: https://hl7.org/fhir/R4/terminology-module.html
"""

import sys
from pathlib import Path

from china import (
    classifications,
    data_elements,
    divisions,
    editions,
    enumerations,
    maps,
    naming,
    overview,
    systems,
    tables,
    value_domains,
    writing,
)
from china.systems import System
from china.writing import Json

TYPES = ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem")


def code_systems(source: Path) -> list[System]:
    """Return every system that the folder `source` has values of."""
    return [
        systems.designation_use(),
        *tables.systems(source / "codes"),
        *value_domains.systems(source / "codes"),
        *value_domains.of_documents(source / "codes"),
        *data_elements.systems(source / "datasets"),
        *enumerations.systems(source / "datasets"),
        *classifications.systems(source / "terms"),
        divisions.counties(source / "divisions"),
        divisions.townships(source / "divisions"),
    ]


def concept_maps(known: list[System]) -> list[Json]:
    """Return every map between `known` systems, and from and to those of others."""
    said, ends = maps.load(known)
    fragments = {system.id for system in known if system.content != "complete"}
    return [*maps.concept_maps(said, ends), *editions.concept_maps(said, ends, fragments)]


def main() -> None:
    """Write all resources in place of those that the script wrote before."""
    source = Path(sys.argv[1])
    root = Path(sys.argv[2] if len(sys.argv) > 2 else ".")
    out = root / "terminology"
    known = code_systems(source)
    made = [
        *systems.resources(known),
        *classifications.loinc(source / "terms"),
        *concept_maps(known),
        *naming.naming_systems(source / "oids"),
    ]
    for type in TYPES:
        for file in (out / type).glob("*.json"):
            # Value sets made for a profile are written by hand.
            if not file.name.startswith("cn-"):
                file.unlink()
    writing.write(out, made)
    divisions.write_townships(source / "divisions", out / "large" / f"{divisions.TOWNSHIPS}.csv.gz")
    overview.write(root / "docs", made)


if __name__ == "__main__":
    main()
