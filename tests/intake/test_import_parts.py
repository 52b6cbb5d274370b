"""Rows of several data sets about one visit: each tells what it has, whichever comes first.

Spec: docs/import.md
"""

import csv
import io

import orjson
import pytest

from tests.builders import fresh
from tests.intake import files
from tests.intake.test_import_operation import CSV, sent
from tests.processes import ROOT
from tests.visits import id_number

GOLDEN = ROOT / "tests" / "unit" / "mappings" / "golden"
STAY = "住院号"


def golden(name, **cells):
    """Return the golden row of a data set, with other cells."""
    row = orjson.loads((GOLDEN / f"{name}.json").read_bytes())["row"]
    known = {key: value for key, value in cells.items() if key in row or key == STAY}
    return {**row, **known}


def taken(caller, dataset, row):
    """Import one row; return what became of it, and the text of the rejects."""
    told = sent(caller, f"EncounterRecord/$import?dataset={dataset}", files.csv_of([row]), **CSV)
    text = caller.send("GET", told["rejects"]).text if told["rejected"] else ""
    return told, text


def record(caller, number):
    (entry,) = caller.send("GET", f"EncounterRecord?identifier={number}").json()["entry"]
    return entry["resource"]


def back(caller, id, dataset):
    """Return the row that a record comes to."""
    answer = caller.send("GET", f"EncounterRecord/{id}/$to-dataset?dataset={dataset}")
    assert answer.status_code == 200, answer.text
    row = {}
    for one in answer.json()["parameter"]:
        if one["name"] == "element":
            parts = {each["name"]: each["valueString"] for each in one["part"]}
            row[parts["name"]] = parts["value"]
    return row


STAYS = ("InpatientFrontPage", "DischargeSummary")


@pytest.mark.parametrize("order", [STAYS, STAYS[::-1]], ids="-".join)
def test_a_front_page_and_a_discharge_summary_both_come_back_whole(caller, order):
    number, card = fresh()[:18], id_number(21, "19660203")
    person = {
        "患者身份证件号码": card,
        "身份证件号码": card,
        "出生日期": "19660203",
        "年龄（岁）": "58",
    }
    rows = {name: golden(name, 住院号=number, **person) for name in STAYS}
    for name in (*order, *order):
        told, text = taken(caller, name, rows[name])
        assert told["rejected"] == 0, text
    stored = record(caller, number)
    # The second time nobody had anything new to tell.
    assert stored["meta"]["versionId"] == "2"
    for name, row in rows.items():
        found = back(caller, stored["id"], name)
        missing = {
            key: (value, found.get(key))
            for key, value in row.items()
            if not {*value.split("|")} <= {*found.get(key, "").split("|")}
        }
        # The summary tells the operation by its code, the front page by its name as well.
        missing.pop("手术及操作名称", None)
        assert missing == {}, name


VISIT = {
    "组织机构代码": files.INSTITUTION,
    "医疗机构名称": "示例医院",
    "患者类型代码": "1",
    "姓名": "测试甲",
    "性别代码": "1",
    "出生日期": "19700301",
    "身份证件类别代码": "01",
}
REPORT = {"检验报告单编号": "R1", "检验项目名称": "乙肝表面抗原", "检验定量结果": "阳性"}


@pytest.fixture
def visit():
    """The beginning of a row about a visit of its own."""
    return {**VISIT, "门（急）诊号": fresh()[:18], "身份证件号码": id_number(31, "19700301")}


def report(visit, **other):
    return {**golden("LaboratoryReport"), **visit, **other}


OTHERS = [
    {"姓名": "测试乙", "身份证件号码": id_number(33, "19700301")},
    {"姓名": "测试乙"},
    {"身份证件号码": id_number(33, "19700301")},
]


@pytest.mark.parametrize("other", OTHERS, ids=["both", "name", "number"])
def test_a_part_that_names_another_person_is_not_put_into_the_record(caller, visit, other):
    outpatient = visit | {"就诊日期时间": "20240501T090000"}
    assert taken(caller, "OutpatientRecord", outpatient)[0]["rejected"] == 0
    before = record(caller, visit["门（急）诊号"])
    told, text = taken(caller, "LaboratoryReport", report(visit, **other))
    assert (told["taken"], told["rejected"]) == (0, 1)
    assert "visit-of-another" in text
    assert record(caller, visit["门（急）诊号"]) == before
    told, text = taken(caller, "LaboratoryReport", report(visit))
    assert told["rejected"] == 0, text


def test_a_part_is_held_against_the_resident_also_where_the_record_says_less(caller, visit):
    told = {"就诊日期时间": "20240501T090000", "城乡居民健康档案编号": "35060200100100031"}
    known = visit | told | {"门（急）诊号": fresh()[:18], "身份证件号码": id_number(41, "19700301")}
    first = {name: one for name, one in visit.items() if not name.startswith("身份证件")} | told
    for row in (known, first):
        assert taken(caller, "OutpatientRecord", row)[0]["rejected"] == 0
    other = report(visit, 身份证件号码=id_number(35, "19700301"))
    assert "visit-of-another" in taken(caller, "LaboratoryReport", other)[1]


def test_a_whole_visit_of_another_person_takes_nobody_elses_results(caller, visit):
    outpatient = visit | {"就诊日期时间": "20240501T090000"}
    assert taken(caller, "LaboratoryReport", report(visit))[0]["rejected"] == 0
    told, text = taken(caller, "OutpatientRecord", outpatient | OTHERS[0])
    assert "visit-of-another" in text
    # One of both may be put right.
    told, text = taken(caller, "OutpatientRecord", outpatient | OTHERS[1])
    assert told["rejected"] == 0, text


def test_a_whole_visit_that_nobody_else_told_of_may_become_another_persons(caller, visit):
    outpatient = visit | {"就诊日期时间": "20240501T090000"}
    for other in ({}, OTHERS[0]):
        told, text = taken(caller, "OutpatientRecord", outpatient | other)
        assert told["rejected"] == 0, text


def rows_of(caller, id, dataset, query=""):
    """Return the rows that a record comes to, as CSV has them."""
    url = f"EncounterRecord/{id}/$to-dataset?dataset={dataset}{query}"
    answer = caller.send("GET", url, Accept="text/csv")
    assert answer.status_code == 200, answer.text
    table = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    return [{name: text for name, text in one.items() if text} for one in table]


PARTS = {
    "Prescription": "处方编号",
    "LaboratoryReport": "检验报告单编号",
    "ExaminationReport": "检查报告单编号",
}
DIFFERENT = [
    {"处方开立日期": "20240501", "药物名称": "阿莫西林胶囊|布洛芬片"},
    {"处方开立日期": "20240502", "药物名称": "头孢克肟|维生素C", "检验日期时间": "20240502T110000",
     "处方开立医师姓名": "测试戊", "检验定量结果": "7.10|阳性|3.2", "检查定量结果": "双肺纹理增粗"},
]  # fmt: skip


@pytest.fixture
def sent_parts(caller, visit):
    """Rows of two prescriptions and two reports of each kind, by data set; all are in a record."""
    taken(caller, "OutpatientRecord", visit | {"就诊日期时间": "20240430T080000"})
    sent = {}
    for name, number in PARTS.items():
        first = golden(name)
        sent[name] = []
        for at, other in enumerate(DIFFERENT):
            own = {key: value for key, value in other.items() if key in first}
            row = first | {key: one for key, one in visit.items() if key in first}
            sent[name].append(row | own | {number: f"{len(sent)}000{at}"})
            told, text = taken(caller, name, sent[name][-1])
            assert told["rejected"] == 0, text
    return sent


def test_each_prescription_and_each_report_comes_back_as_a_row_of_its_own(
    caller, visit, sent_parts
):
    stored = record(caller, visit["门（急）诊号"])
    for name, rows in sent_parts.items():
        found = rows_of(caller, stored["id"], name)
        assert [
            {key: one.get(key) for key in row} for one, row in zip(found, rows, strict=True)
        ] == rows
        (second,) = rows_of(caller, stored["id"], name, f"&number={rows[1][PARTS[name]]}")
        assert second == found[1]
    answer = caller.send("GET", f"EncounterRecord/{stored['id']}/$to-dataset?dataset=Prescription")
    numbers = [
        {part["name"]: next(v for k, v in part.items() if k.startswith("value"))
         for part in one["part"]}
        for one in answer.json()["parameter"] if one["name"] == "element"
    ]  # fmt: skip
    assert {one["row"]: one["value"] for one in numbers if one["name"] == "处方编号"} == {
        1: "10000",
        2: "10001",
    }
    url = f"EncounterRecord/{stored['id']}/$to-dataset?dataset=Prescription&number=10007"
    assert caller.send("GET", url).status_code == 404


def test_each_prescription_names_who_prescribed_it(caller, visit, sent_parts):
    who = record(caller, visit["门（急）诊号"])["resident"]["reference"]
    found = caller.send("GET", f"MedicationRequest?patient={who}").json()["entry"]
    resources = [one["resource"] for one in found]
    doctors = {
        one["groupIdentifier"]["value"]: one["requester"]["display"]
        for one in resources
        if one["medicationCodeableConcept"]["text"] in ("布洛芬片", "头孢克肟")
    }
    assert {*doctors.values()} == {"测试乙", "测试戊"}


def test_what_came_back_can_be_imported_and_changes_nothing(caller, visit, sent_parts):
    before = record(caller, visit["门（急）诊号"])
    for name in sent_parts:
        url = f"EncounterRecord/{before['id']}/$to-dataset?dataset={name}"
        content = caller.send("GET", url, Accept="text/csv").content
        told = sent(caller, f"EncounterRecord/$import?dataset={name}", content, **CSV)
        assert (told["rows"], told["rejected"]) == (2, 0), content.decode()
    assert record(caller, visit["门（急）诊号"]) == before
