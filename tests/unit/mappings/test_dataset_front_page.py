"""The front page of an inpatient record: who, which stay, diagnoses in their order, costs.

Spec: 卫医政发〔2011〕84号 住院病案首页; WS 445.10-2014
"""

import pytest

from server.fhir.json import dumps, spelled

RIGHT = {
    "组织机构代码": "12350600000000000G",
    "住院次数": "2",
    "病案号": "00123",
    "姓名": "测试甲",
    "入院日期时间": "20240501T090000",
}


@pytest.fixture
def record(datasets):
    """Return a function that gives the record of a front page, which is right."""

    def made(**cells):
        read = datasets.find("住院病案首页").read({**RIGHT, **cells})
        assert read.faults == ()
        return spelled(dumps(read.record))

    return made


def test_a_stay_without_a_number_is_numbered_by_its_record_and_count(record):
    assert record()["visitNumber"] == "00123-2"
    assert record(住院号="Z9")["visitNumber"] == "Z9"


def test_such_a_number_does_not_come_back(datasets, record):
    front_page = datasets.find("住院病案首页")
    assert "住院号" not in front_page.restore([record()]).row
    assert front_page.restore([record(住院号="Z9")]).row["住院号"] == "Z9"


@pytest.mark.parametrize(
    ("cells", "system", "value"),
    [
        ({"患者身份证件号码": "350600199001151016", "居民健康卡号": "X1"},
         "urn:oid:2.16.156.10011.1.3", "350600199001151016"),
        ({"居民健康卡号": "X1"}, "urn:oid:2.16.156.10011.1.19", "X1"),
        ({"患者身份证件类别代码": "03", "患者身份证件号码": "E12345678"},
         "https://tongkang.example/fhir/sid/passport", "E12345678"),
    ],
)  # fmt: skip
def test_the_patient_is_referred_to_by_the_best_identifier(record, cells, system, value):
    found = record(**cells)
    identifier = found["patient"]["identifier"]
    assert (identifier["system"], identifier["value"]) == (system, value)
    assert found["patient"]["display"] == "测试甲"
    assert found["contained"][0]["id"] == "patient"


def test_without_an_identifier_the_patient_has_a_name_and_no_more(record):
    assert record()["patient"] == {"reference": "#patient", "display": "测试甲"}


def test_diagnoses_keep_their_order_and_role(record):
    found = record(
        出院主要诊断名称="急性阑尾炎",
        出院其他诊断名称="高血压病|糖尿病",
        **{"门（急）诊诊断名称": "腹痛"},
    )
    told = [
        (one["use"]["coding"][0]["code"], one["rank"], one["name"]) for one in found["diagnosis"]
    ]
    assert sorted(told) == [
        ("AD", "1", "腹痛"),
        ("DD", "1", "急性阑尾炎"),
        ("DD", "2", "高血压病"),
        ("DD", "3", "糖尿病"),
    ]


def test_restoring_goes_by_what_is_said_and_not_by_the_order_in_lists(datasets, record):
    cells = {"出院主要诊断名称": "急性阑尾炎", "出院其他诊断名称": "高血压病|糖尿病|贫血",
             "住院总费用": "100.00", "西药类费用": "10.50"}  # fmt: skip
    found = record(**cells)
    for name in ("diagnosis", "cost"):
        found[name].reverse()
    assert datasets.find("住院病案首页").restore([found]).row == {**RIGHT, **cells}


def test_the_first_stay_is_the_first(datasets):
    read = datasets.find("InpatientFrontPage").read({**RIGHT, "住院次数": "0"})
    assert [(one.element, one.rule) for one in read.faults] == [("住院次数", "positive")]


def test_a_discharge_before_the_admission_is_told(datasets):
    read = datasets.find("住院病案首页").read({**RIGHT, "出院日期时间": "20240430T090000"})
    assert [(one.element, one.rule) for one in read.faults] == [("出院日期时间", "order")]


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("12350600000000000G", None),
        ("12350600000000000A", "number-check"),
        ("123", "institution-code"),
    ],
)
def test_the_code_of_an_institution_is_checked(datasets, code, rule):
    read = datasets.find("住院病案首页").read({**RIGHT, "组织机构代码": code})
    assert [one.rule for one in read.faults] == ([rule] if rule else [])
