"""A place in what a row came to is a data element of the row, with the value that stands there.

Spec: https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.expression
"""

import json
from pathlib import Path

import pytest

from server.fhir.json import dumps, spelled
from server.mappings.tracing import traced

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def trace(datasets):
    """Return a function that traces a place in what a golden row comes to."""

    def done(name, role, expression, **cells):
        dataset = datasets.find(name)
        row = {**json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))["row"], **cells}
        (entry,) = [one for one in dataset.read(row).entries if one.role == role]
        found = traced(dataset, row, role, spelled(dumps(entry.resource)), expression)
        return found and (found.element.name, found.value)

    return done


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("diagnosis[0].code", ("门（急）诊诊断疾病编码", "K35.900")),
        ("diagnosis[1].code.coding[0].system", ("出院主要诊断疾病编码", "K35.900x002")),
        ("diagnosis[3].code", ("出院其他诊断疾病编码", "E11.900")),
        ("diagnosis[2].name", ("出院其他诊断名称", "高血压病")),
        ("contained[0].gender", ("性别代码", "1")),
        ("contained[0].identifier[0].value", ("患者身份证件号码", "350600199001151016")),
        ("contained[0].name[0].text", ("姓名", "测试甲")),
        ("admissionRoute.coding[0].code", ("入院途径代码", "1")),
        ("lengthOfStay", ("实际住院天数", "7")),
        ("qualityControlled", ("质控日期", "")),
        ("diagnosis[0]", None),
        ("diagnosis[9].code", None),
        ("", None),
        ("resident", None),
    ],
)
def test_a_place_in_a_record_is_an_element_of_the_row(trace, place, told):
    expression = f"EncounterRecord.{place}".rstrip(".")
    row = {"质控日期": "", "入院途径代码": "1"}
    assert trace("InpatientFrontPage", "EncounterRecord", expression, **row) == told


@pytest.mark.parametrize(
    ("role", "place", "told"),
    [
        ("Observation[体温（℃）]", "Observation.valueQuantity.value", ("体温（℃）", "36.5")),
        ("Observation[体温（℃）]", "Observation", ("体温（℃）", "36.5")),
        ("Observation[体温（℃）]", "Observation.code.coding[0]", ("体温（℃）", "36.5")),
        ("Observation[左侧血压]", "Observation.component[1].valueQuantity",
         ("左侧舒张压（mmHg）", "82")),
        ("Observation[左侧血压]", "Observation", None),
        ("Encounter", "Encounter.period.start", ("体检日期", "20240506")),
    ],
)  # fmt: skip
def test_a_place_in_one_of_several_resources_is_an_element_too(trace, role, place, told):
    cells = {"体温（℃）": "36.5", "左侧收缩压（mmHg）": "128", "左侧舒张压（mmHg）": "82",
             "体检日期": "20240506"}  # fmt: skip
    assert trace("HealthCheck", role, place, **cells) == told


def test_an_address_is_told_by_its_code(trace):
    role, place = "Patient", "Patient.address[0].state"
    assert trace("Population", role, place) == ("户籍地区划代码", "350602001001")


def test_what_an_earlier_row_told_has_no_value_in_this_one(datasets):
    dataset = datasets.find("InpatientFrontPage")
    row = json.loads((GOLDEN / "InpatientFrontPage.json").read_text("utf-8"))["row"]
    record = spelled(dumps(dataset.read(row).record))
    later = {**row, "出院其他诊断名称": "头晕", "出院其他诊断疾病编码": "R42"}
    found = traced(dataset, later, "EncounterRecord", record, "EncounterRecord.diagnosis[3].code")
    assert (found.element.name, found.value) == ("出院其他诊断疾病编码", "")
