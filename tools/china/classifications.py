"""What we may ship of international classifications: excerpts, and Chinese names for LOINC.

The official Chinese lists are loaded by whoever runs the server; their URL is the same as that of
the excerpts, their version another one.

Spec: GB/T 14396-2016 (ICD-10), ICD-9-CM-3, https://loinc.org,
https://hl7.org/fhir/R4/codesystem.html#supplements
"""

from collections.abc import Sequence
from pathlib import Path

from china.source import Row, rows
from china.systems import Concept, System, code_system, head
from china.tables import PUBLISHERS, STATUS
from china.writing import BASE, Json

_ICD_10 = "2.16.156.10011.2.3.3.11"
_ICD_9 = "2.16.156.10011.2.3.3.12"
_LOINC = "http://loinc.org"
_WHO = "疾病和有关健康问题的国际统计分类（ICD-10）© World Health Organization。"
_REGENSTRIEF = (
    "This material contains content from LOINC (http://loinc.org). LOINC is copyright © "
    "Regenstrief Institute, Inc. and the Logical Observation Identifiers Names and Codes (LOINC) "
    "Committee and is available at no cost under the license at http://loinc.org/license. "
    "LOINC® is a registered United States trademark of Regenstrief Institute, Inc."
)
_LOINC_TITLES = {
    "": ("loinc-lab-vitals", "常用检验检查项目（LOINC）", "Common observations (LOINC)"),
    "vital-signs": ("loinc-vital-signs", "常用生命体征项目（LOINC）", "Vital signs (LOINC)"),
    "laboratory": ("loinc-laboratory", "常用检验项目（LOINC）", "Laboratory tests (LOINC)"),
}


def systems(terms: Path) -> list[System]:
    """Return the excerpts of ICD-10 and ICD-9-CM-3 in the folder `terms`."""
    return [_icd_10(terms), _icd_10_clinical(terms), _icd_9(terms)]


def _icd_10(terms: Path) -> System:
    chapters = rows(terms / "icd10_chapters.csv")
    codes = [
        Concept(row["icd10_4char"], row["name_cn"], _group(row["icd10_4char"][:3], chapters))
        for row in rows(terms / "icd10_common.csv")
    ]
    return System(
        id="gbt-14396-2016",
        oid=_ICD_10,
        version="2016",
        title="疾病分类与代码（常用）",
        english="ICD-10, frequent diagnoses",
        description="GB/T 14396-2016《疾病分类与代码》的章和常用亚目，并非全文。" + STATUS[False],
        publisher=PUBLISHERS["standards"],
        copyright=_WHO,
        content="fragment",
        verified=False,
        concepts=[
            *(
                Concept(
                    row["range"], row["name_cn"], properties=[("comment", f"第{row['chapter']}章")]
                )
                for row in chapters
            ),
            *codes,
        ],
    )


def _icd_10_clinical(terms: Path) -> System:
    return System(
        id="icd-10-clinical-2.0-examples",
        oid=_ICD_10,
        version="clinical-2.0-examples",
        title="疾病分类与代码国家临床版2.0（示例）",
        english="ICD-10, national clinical edition 2.0, examples",
        description=(
            "国家临床版2.0扩展码的几个示例，只说明代码的样子；正式版由使用单位自行载入。"
            "部分来自公开资料，部分凭记忆整理。"
        ),
        publisher=PUBLISHERS["health"],
        copyright=_WHO,
        content="example",
        verified=False,
        concepts=[
            Concept(row["code"], row["name_cn"])
            for row in rows(terms / "icd10_cn_extensions_examples.csv")
        ],
    )


def _icd_9(terms: Path) -> System:
    found = rows(terms / "icd9cm3_common.csv")
    chapters = [{"range": row["code"]} for row in found if row["kind"] == "chapter"]
    return System(
        id="icd-9-cm-3",
        oid=_ICD_9,
        title="手术操作分类与代码（常用）",
        english="ICD-9-CM-3, frequent procedures",
        description=(
            "ICD-9-CM-3 的章和常用手术操作，并非全文；国家临床版3.0和医保版2.0由使用单位自行载入。"
            + STATUS[False]
        ),
        publisher=PUBLISHERS["health"],
        content="fragment",
        verified=False,
        concepts=[
            Concept(
                row["code"],
                row["name_cn"],
                None if row["kind"] == "chapter" else _group(row["code"][:2], chapters),
            )
            for row in found
        ],
    )


def _group(category: str, chapters: Sequence[Row]) -> str:
    """Return the range of the chapter that `category` lies in."""
    return next(
        row["range"]
        for row in chapters
        if row["range"].partition("-")[0] <= category <= row["range"].rpartition("-")[2]
    )


def loinc(terms: Path) -> list[Json]:
    """Return the supplement with Chinese names for LOINC codes, and the value sets of them."""
    found = rows(terms / "loinc_lab_vitals.csv")
    supplement = {
        **code_system(_supplement(found)),
        "supplements": _LOINC,
        "content": "supplement",
    }
    del supplement["valueSet"]
    for concept in supplement["concept"]:
        # The name is LOINC's; a supplement only adds to it.
        chinese = {"language": "zh-CN", "value": concept.pop("display")}
        concept["designation"] = [chinese, *concept.get("designation", ())]
    wanted = {
        category: [row for row in found if category in ("", row["category"])]
        for category in _LOINC_TITLES
    }
    return [supplement, *(_loinc_set(*_LOINC_TITLES[key], wanted[key]) for key in wanted)]


def _supplement(found: list[Row]) -> System:
    return System(
        id="loinc-zh",
        title="LOINC 常用项目的中文名称",
        english="Chinese names for common LOINC codes",
        description="为 LOINC 代码补充中文名称、常用单位和数据元；LOINC 本身不随附。"
        + STATUS[False],
        publisher=PUBLISHERS["own"],
        copyright=_REGENSTRIEF,
        verified=False,
        concepts=[
            Concept(
                row["loinc"],
                row["name_cn"],
                english=row["name_en"],
                properties=[
                    *((("unit", row["ucum"]),) if row["ucum"] not in ("", "-") else ()),
                    *((("dataElement", row["de_id"]),) if row["de_id"].endswith("0") else ()),
                    *((("comment", row["note"]),) if row["note"] else ()),
                ],
            )
            for row in found
        ],
    )


def _loinc_set(id: str, title: str, english: str, found: list[Row]) -> Json:
    about = System(
        id=id,
        title=title,
        english=english,
        description=(
            "中文名称见代码系统补充 loinc-zh。代码凭记忆整理，校验位均正确，未与 LOINC 发布版核对。"
        ),
        publisher=PUBLISHERS["own"],
        copyright=_REGENSTRIEF,
        verified=False,
        concepts=(),
    )
    concepts = [
        {
            "code": row["loinc"],
            "display": row["name_cn"],
            "designation": [{"language": "en", "value": row["name_en"]}],
        }
        for row in found
    ]
    return {
        **head("ValueSet", id, f"{BASE}/ValueSet/{id}", about),
        "compose": {"include": [{"system": _LOINC, "concept": concepts}]},
    }
