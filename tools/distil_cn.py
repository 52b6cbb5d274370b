#!/usr/bin/env python3
"""Distil tables of Chinese facts into the resources under ``terminology/``.

Usage: ``python tools/distil_cn.py FOLDER [terminology]``. FOLDER holds codes, divisions, oids and
terms as CSV, each beginning with comments that tell its standard and its source. The same folder
always gives the same bytes. What the script makes is told by modules and tables in ``china/``.

Spec: https://hl7.org/fhir/R4/terminology-module.html
"""

import sys
from pathlib import Path

from china import divisions, systems, tables, value_domains, writing

TYPES = ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem")


def main() -> None:
    """Write all resources; those that the script wrote before and does not know now are removed."""
    source = Path(sys.argv[1])
    out = Path(sys.argv[2] if len(sys.argv) > 2 else "terminology")
    found = [
        *tables.systems(source / "codes"),
        *value_domains.systems(source / "codes"),
        *value_domains.of_documents(source / "codes"),
        divisions.counties(source / "divisions"),
        divisions.townships(source / "divisions"),
    ]
    for type in TYPES:
        for file in (out / type).glob("*.json"):
            file.unlink()
    writing.write(out, systems.resources(found))
    divisions.write_townships(source / "divisions", out / "large" / f"{divisions.TOWNSHIPS}.csv.gz")


if __name__ == "__main__":
    main()
