"""The catalogues of data elements, whose identifiers code what a Chinese document observes.

One identifier may mean another thing, or count in another unit, in the other edition.

Spec: WS 363-2011 and WS/T 363-2023 卫生健康信息数据元目录
"""

import re
from pathlib import Path

from china.source import Row, rows
from china.systems import Concept, System
from china.tables import PUBLISHERS, STATUS

_OID = "2.16.156.10011.2.2.1"
_EDITIONS = {
    "2011": ("de_ws363_2011.csv", "WS 363-2011《卫生信息数据元目录》"),
    "2023": ("de_wst363_2023.csv", "WS/T 363-2023《卫生健康信息数据元目录》"),
}
_PROPERTIES = {
    "data_type": "dataType",
    "format": "format",
    "value_domain": "valueDomain",
    "allowed_values": "allowedValues",
    "unit": "unitOfMeasure",
}
# The name of a number ends in its unit.
_UNIT = re.compile(r"[(（][^()（）]*[)）]$")


def systems(datasets: Path) -> list[System]:
    """Return both editions of the catalogue."""
    return [
        System(
            id=f"data-elements-{edition}",
            oid=_OID,
            version=edition,
            title="卫生健康信息数据元目录",
            english="Catalogue of health data elements",
            description=(
                f"{standard}，接近完整，由机器提取，可能有个别错字。{STATUS[True]}"
                "同一标识符在两版中可能含义或单位不同，不可脱离版本使用。"
            ),
            publisher=PUBLISHERS["health"],
            content="fragment",
            concepts=[_element(row) for row in rows(datasets / file)],
        )
        for edition, (file, standard) in _EDITIONS.items()
    ]


def _element(row: Row) -> Concept:
    return Concept(
        row["de_id"],
        row["name"],
        short=_without_unit(row),
        properties=[(name, row[column]) for column, name in _PROPERTIES.items() if row.get(column)],
    )


def _without_unit(row: Row) -> str | None:
    short = _UNIT.sub("", row["name"]) if row["data_type"] == "N" else row["name"]
    return short if short != row["name"] else None
