"""NamingSystem for the identifiers and code systems of the national health-information arc.

Spec: https://hl7.org/fhir/R4/namingsystem.html
"""

import re
from pathlib import Path

from china.source import Row, rows
from china.systems import CHINA, name
from china.tables import PUBLISHERS
from china.writing import Json

# The day on which the registry was put together; NamingSystem wants one.
_DATE = "2026-09-11"
_ARC = "2.16.156.10011"
# Where the registry points to other tables of its own.
_ELSEWHERE = re.compile(r" \(see .*\)")


def naming_systems(oids: Path) -> list[Json]:
    """Return a NamingSystem for each row of the registry in the folder `oids`."""
    return [_naming_system(row) for row in rows(oids / "oid_registry.csv")]


def _naming_system(row: Row) -> Json:
    oid = row["oid"].removesuffix(".N")
    kind = _kind(row)
    unique = [{"type": "oid", "value": oid}]
    if kind != "root":
        unique.append({"type": "uri", "value": f"urn:oid:{oid}", "preferred": True})
    return {
        "resourceType": "NamingSystem",
        "id": f"oid-{oid}",
        "language": "zh-CN",
        "name": name(f"oid-{oid}"),
        "status": "active" if row["status"].startswith("found") else "draft",
        "kind": kind,
        "date": _DATE,
        "publisher": PUBLISHERS["own"],
        "responsible": PUBLISHERS["health"],
        "description": re.sub(r"\?$", "（待核实）", _ELSEWHERE.sub("", row["meaning"])),
        "jurisdiction": CHINA,
        **({} if row["fhir_target"] == "-" else {"usage": row["fhir_target"]}),
        "uniqueId": unique,
    }


def _kind(row: Row) -> str:
    """Return what the identifiers below this OID are: of things, codes, or further OIDs."""
    if row["oid"].endswith(".N") or row["oid"].startswith(f"{_ARC}.2.2.4"):
        return "root"
    return "identifier" if row["oid"].startswith(f"{_ARC}.1.") else "codesystem"
