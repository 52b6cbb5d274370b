"""The shipped terminology is what its sources say, no row more and no row less.

Spec: https://hl7.org/fhir/R4/codesystem.html
"""

import csv
import gzip
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from server import content
from tests.conformance import terms

SCRIPT = content.ROOT / "tools" / "distil_cn.py"
TYPES = ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem")
DOCUMENTS = ("terminology.md", "terminology.zh-CN.md")
# The year that the edition of a table is called by, where that is not its name.
EDITIONS = {"2014sup": "2014"}


def rows(file: Path):
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def test_the_script_makes_the_same_bytes_again(chinese_facts, tmp_path):
    (tmp_path / "docs").mkdir()
    for name in DOCUMENTS:
        shutil.copy(content.ROOT / "docs" / name, tmp_path / "docs")
    command = [sys.executable, str(SCRIPT), str(chinese_facts), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    assert made(tmp_path) == made(content.ROOT)


def made(root: Path):
    """Return what the script writes below `root`; a compressed file as what it holds."""
    found = {
        (type, file.name): file.read_bytes()
        for type in TYPES
        for file in (root / "terminology" / type).glob("*.json")
        if not file.name.startswith("cn-")
    }
    for name in DOCUMENTS:
        found["docs", name] = (root / "docs" / name).read_bytes()
    packed = root / "terminology" / "large" / "gbt-10114.csv.gz"
    found["large", packed.name] = gzip.decompress(packed.read_bytes())
    return found


def test_every_edition_of_a_value_domain_has_all_its_rows(chinese_facts, terminology):
    counts = Counter(
        f"{row['table_id'].lower()}-{EDITIONS.get(row['edition'], row['edition'])}"
        for row in rows(chinese_facts / "codes" / "cv_values.csv")
    )
    systems = terminology("CodeSystem")
    assert len(counts) == 224
    assert counts == {id: systems[id]["count"] for id in counts}


@pytest.mark.parametrize(
    ("file", "ids"),
    [
        ("codes/abnormal_flag.csv", ["abnormal-flag"]),
        ("codes/departments_nhsi.csv", ["departments"]),
        ("codes/gbt12404_affiliation.csv", ["gbt-12404"]),
        ("codes/gbt20091_org_type_excerpt.csv", ["gbt-20091-2021"]),
        ("codes/gbt2261_1_sex.csv", ["gbt-2261.1-2003"]),
        ("codes/gbt2261_2_marital.csv", ["gbt-2261.2-2003"]),
        ("codes/gbt2261_3_health_status.csv", ["gbt-2261.3-2003"]),
        ("codes/gbt2261_4_employment.csv", ["gbt-2261.4-2003"]),
        ("codes/gbt2659_country.csv", ["gbt-2659"]),
        ("codes/gbt3304_ethnic.csv", ["gbt-3304-1991"]),
        ("codes/gbt4658_education.csv", ["gbt-4658-2006"]),
        ("codes/gbt4761_family_relation.csv", ["gbt-4761-2008"]),
        ("codes/gbt6565_occupation.csv", ["gbt-6565-2015", "gbt-6565-2009"]),
        ("codes/gbt8561_health_titles.csv", ["gbt-8561"]),
        ("codes/hospital_grade.csv", ["hospital-grade"]),
        ("codes/hospital_management_type.csv", ["hospital-management-type"]),
        ("codes/id_type_emr_front_page.csv", ["identity-document-type-front-page"]),
        ("codes/specimen_types.csv", ["specimen-types"]),
        ("codes/ws218_institution_type.csv", ["ws-218-2002"]),
        ("datasets/de_ws363_2011.csv", ["data-elements-2011"]),
        ("datasets/de_wst363_2023.csv", ["data-elements-2023"]),
        ("divisions/townships_current.csv", ["gbt-10114"]),
        ("terms/icd10_cn_extensions_examples.csv", ["icd-10-clinical-2.0-examples"]),
        ("terms/icd9cm3_common.csv", ["icd-9-cm-3"]),
        ("terms/loinc_lab_vitals.csv", ["loinc-zh"]),
    ],
)
def test_a_table_has_all_rows_of_its_file(chinese_facts, terminology, file, ids):
    systems = terminology("CodeSystem")
    assert sum(systems[id]["count"] for id in ids) == len(rows(chinese_facts / file))


def test_every_file_of_codes_is_shipped(chinese_facts):
    (of_tables,) = (
        mark.args[1]
        for mark in test_a_table_has_all_rows_of_its_file.pytestmark
        if mark.name == "parametrize"
    )
    told = {Path(file).name for file, _ in of_tables if file.startswith("codes/")}
    # Value domains are counted edition by edition, those of documents value by value.
    others = {"cv_tables.csv", "cv_values.csv", "cda_local_tables_2_3_2.csv"}
    assert {file.name for file in (chinese_facts / "codes").glob("*.csv")} == told | others


def test_icd_10_has_its_chapters_and_common_codes(chinese_facts, terminology):
    files = ("icd10_chapters.csv", "icd10_common.csv")
    count = sum(len(rows(chinese_facts / "terms" / file)) for file in files)
    assert terminology("CodeSystem")["gbt-14396-2016"]["count"] == count


def test_divisions_are_those_of_today_and_of_the_past(chinese_facts, terminology):
    system = terminology("CodeSystem")["gbt-2260"]
    folder = chinese_facts / "divisions"
    today = {row["code6"]: row["name"] for row in rows(folder / "gbt2260_current.csv")}
    ever = {row["code6"] for row in rows(folder / "idcard_region_timeline.csv")}
    names = terms.codes(system)
    assert set(names) == {*today, *ever}
    assert today.items() <= names.items()
    told = terms.properties(system)
    active = {code for code in names if ("inactive", True) not in told[code]}
    assert active == {*today, "830000"}


def test_every_oid_of_the_registry_has_a_naming_system(chinese_facts, terminology):
    oids = {row["oid"].removesuffix(".N") for row in rows(chinese_facts / "oids/oid_registry.csv")}
    assert {f"oid-{oid}" for oid in oids} == set(terminology("NamingSystem"))


def test_a_value_domain_has_the_oid_of_the_registry(chinese_facts, terminology):
    systems = terminology("CodeSystem")
    for row in rows(chinese_facts / "codes" / "cv_tables.csv"):
        edition = EDITIONS.get(row["edition"], row["edition"])
        system = systems.get(f"{row['table_id'].lower()}-{edition}")
        if system and row["oid"] and edition != "phs3":
            assert system["url"] == f"urn:oid:{row['oid']}"
