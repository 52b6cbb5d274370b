"""The value domains of WS 364, of the forms, of older series and of the shared documents.

Spec: WS 364-2011 and WS/T 364-2023 卫生健康信息数据元值域代码; WS/T 500 for those of documents.
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from china.source import Row, rows
from china.systems import Concept, System
from china.tables import PUBLISHERS, STATUS

# How the edition of a table is called, and what it stands in.
EDITIONS = {
    "2011": ("2011", "WS 364-2011"),
    "2014sup": ("2014", "WS 364-2011 的 2014 年增补（用于 WS 445、WS/T 500）"),
    "2023": ("2023", "WS/T 364-2023"),
    "phs3": ("phs3", "《国家基本公共卫生服务规范（第三版）》表单的选项号，并非 WS 364 的代码"),
    "legacy": ("legacy", "早期数据集标准的 CV51、CV53、CV55 系列，各地仍在使用"),
}
_NOTE = re.compile(r"\((规范第三版表单选项|S2|\d{4}版编号|节选).*\)$")
# Rows were lost where the pages of the standard break; the index tells which tables miss some.
_PARTIAL = "节选：来源有缺行，未收全。"
_HERE = Path(__file__).parent
_TITLES = tomllib.loads((_HERE / "titles.toml").read_text("utf-8"))
_NAMES = tomllib.loads((_HERE / "english.toml").read_text("utf-8"))
# Where what stands above others is not a more general one: two schemes, and sums of money.
_MEANINGS = {"CV04.50.011": "grouped-by", "CV07.00.002": "part-of"}
# What the remarks of the tables for documents hold after the values.
_ASIDE = re.compile(r"\s*(\.\.\.)?\s*\(.*\)$")


def systems(codes: Path) -> Iterator[System]:
    """Yield every edition of every table of which the folder `codes` has values."""
    values: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows(codes / "cv_values.csv"):
        values[row["table_id"], row["edition"]].append(row)
    for table in rows(codes / "cv_tables.csv"):
        found = values.get((table["table_id"], table["edition"]))
        if found:
            yield _edition(table, found)


def _edition(table: Row, found: list[Row]) -> System:
    version, standard = EDITIONS[table["edition"]]
    verified = all(row["status"].startswith("found") for row in found)
    partial = table["completeness"] == "partial"
    forms = table["edition"] == "phs3"
    id = f"{table['table_id'].lower()}-{version}"
    names = _NAMES.get(id) or _NAMES.get(table["table_id"].lower(), {})
    return System(
        id=id,
        # The options of a form are other codes than those of the table, whatever they are about.
        oid=None if forms else table["oid"],
        version=version,
        title=_NOTE.sub("", table["table_name"]),
        english=_TITLES.get(id) or _TITLES[table["table_id"].lower()],
        description=f"{standard} {table['table_id']} {table['table_name']}。"
        f"{STATUS[verified]}{_PARTIAL if partial else ''}",
        publisher=PUBLISHERS["health"],
        content="fragment" if partial else "complete",
        verified=verified,
        meaning=_MEANINGS.get(table["table_id"], "is-a"),
        concepts=[
            Concept(
                row["code"],
                row["name"],
                row["parent_code"] or None,
                names.get(row["code"]),
                properties=[("comment", remark)] if (remark := _remark(row)) else (),
            )
            for row in found
        ],
    )


def _remark(row: Row) -> str:
    """Return what the table remarks about a value, without where it points to other files."""
    return row["remark"].removesuffix("，见 sources.md")


def of_documents(codes: Path) -> Iterator[System]:
    """Yield the small tables that stand inside the standard of shared documents."""
    for row in rows(codes / "cda_local_tables_2_3_2.csv"):
        oid = row["code"]
        # Two tables have a file of their own.
        if not row["remark"][:1].isdigit() or oid.endswith((".38", ".62")):
            continue
        verified = "recalled" not in row["remark"]
        partial = "..." in row["remark"]
        id = f"cda-{oid.removeprefix('2.16.156.10011.')}"
        yield System(
            id=id,
            oid=oid,
            version="2016",
            title=row["name"],
            english=_TITLES[id],
            description=f"共享文档规范（WS/T 500）内部值域表 {oid}。"
            f"标识符和表名：公开资料。代码{STATUS[verified]}{_PARTIAL if partial else ''}",
            publisher=PUBLISHERS["health"],
            content="fragment" if partial else "complete",
            verified=verified,
            concepts=[Concept(*one.split(" ", 1)) for one in _values(row["remark"])],
        )


def _values(remark: str) -> list[str]:
    return re.split(r"\s+(?=\d )", _ASIDE.sub("", remark))
