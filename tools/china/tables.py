"""The tables that have a file of their own under ``codes/``: GB/T, WS 218, departments and others.

``tables.toml`` tells what each is; ``english.toml`` gives English names.
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from china.source import Row, rows
from china.systems import Concept, System

_HERE = Path(__file__).parent
PUBLISHERS = {
    "standards": "国家标准化管理委员会",
    "health": "国家卫生健康委员会",
    "own": "通康 Tongkang",
}
STATUS = {True: "来源：公开资料。", False: "来源：未经核实。"}


def systems(folder: Path) -> Iterator[System]:
    """Yield the systems of ``tables.toml``, their values read from `folder`."""
    tables = tomllib.loads((_HERE / "tables.toml").read_text("utf-8"))["table"]
    english = tomllib.loads((_HERE / "english.toml").read_text("utf-8"))
    for table in tables:
        yield _system(table, rows(folder / table["file"]), english.get(table["id"], {}))


def _system(table: dict[str, Any], found: list[Row], english: dict[str, str]) -> System:
    if "only" in table:
        found = [row for row in found if row["remark"].startswith(table["only"])]
    verified = table.get("verified", True)
    year = re.search(r"-(\d{4})$", table["id"])
    return System(
        id=table["id"],
        oid=table.get("oid"),
        version=table.get("version", year and year[1]),
        title=table["title"],
        english=table["english"],
        description=f"{table['standard']}。{STATUS[verified]}{table.get('note', '')}",
        publisher=PUBLISHERS[table.get("publisher", "standards")],
        content=table.get("content", "complete"),
        verified=verified,
        meaning=table.get("meaning", "is-a"),
        concepts=_concepts(table, found, english),
    )


def _concepts(table: dict[str, Any], found: list[Row], english: dict[str, str]) -> list[Concept]:
    column = table.get("code", "code")
    parent_of = _parents(table, [row[column] for row in found])
    return [
        Concept(
            row[column],
            row[table.get("display", "name")],
            parent_of.get(row[column]),
            english.get(row[column]) or row.get(table.get("designation", "")),
            properties=list(_properties(table, row, row[column])),
        )
        for row in found
    ]


def _properties(table: dict[str, Any], row: Row, code: str) -> Iterator[tuple[str, Any]]:
    if code in table.get("inactive", ()):
        yield "inactive", True
    for name in table.get("properties", ()):
        if row[name]:
            yield name, row[name]
    remark = table.get("remarks", {}).get(row["remark"], row["remark"])
    if remark:
        yield "comment", remark


def _parents(table: dict[str, Any], codes: list[str]) -> dict[str, str]:
    """Return the group of each code that has one."""
    codes = [code for code in codes if re.search(table.get("shape", ""), code)]
    groups = set(table.get("groups", codes))
    by_rule = {
        "prefix": lambda code: _first(groups, (code[:end] for end in range(len(code) - 1, 0, -1))),
        "dots": lambda code: _first(groups, [code.rpartition(".")[0]]),
        "zeros": lambda code: _first(groups - {code}, _with_zeros(code)),
    }.get(table.get("nesting", ""), lambda _: None)
    found = {code: by_rule(code) for code in codes} | table.get("under", {})
    return {code: parent for code, parent in found.items() if parent is not None}


def _with_zeros(code: str) -> Iterator[str]:
    for end in range(len(code) - 1, 0, -1):
        yield code[:end] + "0" * (len(code) - end)


def _first(groups: Collection[str], candidates: Iterable[str]) -> str | None:
    return next((one for one in candidates if one in groups), None)
