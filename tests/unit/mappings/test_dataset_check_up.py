"""A check-up: body mass index, both arms, and what laboratories write.

Spec: https://hl7.org/fhir/R4/observation.html
"""

import pytest

from server.fhir.json import dumps, spelled

RIGHT = {
    "姓名": "测试甲",
    "性别代码": "1",
    "出生日期": "19900115",
    "身份证件号码": "350600199001151016",
    "体检日期": "20240506",
}


@pytest.fixture
def read(datasets):
    return lambda **cells: datasets.find("健康体检").read({**RIGHT, **cells})


def observations(read, loinc):
    stored = [spelled(dumps(one)) for one in read.resources]
    found = [one for one in stored if one["resourceType"] == "Observation"]
    return [one for one in found if one["code"]["coding"][0]["code"] == loinc]


def test_a_body_mass_index_is_calculated_from_height_and_weight(read):
    (index,) = observations(read(**{"身高（cm）": "170.0", "体重（kg）": "65.50"}), "39156-5")
    assert index["valueQuantity"]["value"] == "22.66"
    assert len(index["derivedFrom"]) == 2


def test_a_calculated_one_does_not_come_back(datasets, read):
    resources = [
        spelled(dumps(one)) for one in read(**{"身高（cm）": "170", "体重（kg）": "65"}).resources
    ]
    restored = datasets.find("健康体检").restore(resources)
    assert "体质指数" not in restored.row
    assert "体质指数（计算）" in restored.without_inverse


@pytest.mark.parametrize(
    ("given", "rules"), [("22.66", []), ("22.2", []), ("26.00", ["body-mass-index"])]
)
def test_a_given_one_is_checked(read, given, rules):
    found = read(**{"身高（cm）": "170.0", "体重（kg）": "65.50", "体质指数": given})
    assert [one.rule for one in found.faults] == rules
    (index,) = observations(found, "39156-5")
    assert index["valueQuantity"]["value"] == given


def test_nobody_is_of_no_height(read):
    assert observations(read(**{"身高（cm）": "0", "体重（kg）": "65"}), "39156-5") == []


def test_each_arm_has_a_blood_pressure_of_its_own(read):
    found = read(**{"左侧收缩压（mmHg）": "128", "左侧舒张压（mmHg）": "82",
                    "右侧收缩压（mmHg）": "126", "右侧舒张压（mmHg）": "80"})  # fmt: skip
    pressures = observations(found, "85354-9")
    values = {
        one["bodySite"]["text"]: [part["valueQuantity"]["value"] for part in one["component"]]
        for one in pressures
    }
    assert values == {"左上臂": ["128", "82"], "右上臂": ["126", "80"]}


def test_a_systolic_pressure_is_above_the_diastolic(read):
    (fault,) = read(**{"左侧收缩压（mmHg）": "80", "左侧舒张压（mmHg）": "80"}).faults
    assert (fault.rule, fault.element) == ("order", "左侧收缩压（mmHg）")


def test_half_a_blood_pressure_is_told(read):
    (fault,) = read(**{"左侧收缩压（mmHg）": "128"}).faults
    assert (fault.rule, fault.arguments["needed"]) == ("needs", "左侧舒张压（mmHg）")


@pytest.mark.parametrize(
    ("written", "code"), [("01", "01"), ("1", "01"), ("１", "01"), ("03", "03")]
)
def test_a_urine_strip_has_one_digit_or_two(read, written, code):
    (found,) = observations(read(尿蛋白定性检测结果代码=written), "20454-5")
    assert found["valueCodeableConcept"]["coding"][0]["code"] == code


def test_the_report_has_all_items(read):
    found = read(**{"体温（℃）": "36.5", "脉率（次/min）": "70"})
    (report,) = [one for one in found.resources if one["resourceType"] == "DiagnosticReport"]
    items = {one.full_url for one in found.entries if one.role.startswith("Observation")}
    assert {one["reference"] for one in report["result"]} == items


@pytest.mark.parametrize(
    ("written", "unit", "value"),
    [
        ("5.60", "mmol/L", {"value": "5.60", "unit": "mmol/L", "code": "mmol/L"}),
        ("6.0", "10^9/L", {"value": "6.0", "unit": "10^9/L", "code": "10*9/L"}),
        ("<0.50", "mg/L", {"value": "0.50", "comparator": "<", "unit": "mg/L", "code": "mg/L"}),
        ("3", "箱", {"value": "3", "unit": "箱"}),
        ("-2.3", "mmol/L", {"value": "-2.3", "unit": "mmol/L", "code": "mmol/L"}),
        ("-2.30", "mmol/L", {"value": "-2.30", "unit": "mmol/L", "code": "mmol/L"}),
        ("-12", "mmol/L", {"value": "-12", "unit": "mmol/L", "code": "mmol/L"}),
        ("<-0.5", "mg/L", {"value": "-0.5", "comparator": "<", "unit": "mg/L", "code": "mg/L"}),
    ],
)
def test_a_measured_number_keeps_its_digits_and_gets_the_unit_of_ucum(
    datasets, written, unit, value
):
    row = {"检验项目名称": "项目", "检验定量结果": written, "检验计量单位": unit}
    (result,) = spelled(dumps(datasets.find("检验报告").read(row).record))["result"]
    assert {**value, **({"system": "http://unitsofmeasure.org"} if "code" in value else {})} == (
        result["valueQuantity"]
    )


@pytest.mark.parametrize(
    "written", ["-2.3", "-2.30", "-12", "<-0.5", ">=-1.0", "+2.3", "-0", "-阴性"]
)
def test_what_was_measured_comes_back_sign_for_sign(datasets, there_and_back, written):
    row = {"检验项目名称": "项目", "检验定量结果": written, "检验计量单位": "mmol/L"}
    back, _ = there_and_back(datasets.find("检验报告"), row)
    assert back["检验定量结果"] == written


@pytest.mark.parametrize(
    "written", ["阴性", "1:80", "+", "007", "1.2.3", "+2.3", "-007", "-0", "--2", "2-3"]
)
def test_what_is_no_number_stays_a_text(datasets, written):
    row = {"检验项目名称": "项目", "检验定量结果": written}
    (result,) = datasets.find("检验报告").read(row).record["result"]
    assert result["valueString"] == written


@pytest.mark.parametrize(
    ("name", "written", "made"),
    [
        ("齿列类别代码", "2", ("valueCodeableConcept", "2")),
        ("齿列类别代码", "缺齿，右上第一磨牙", ("valueString", "缺齿，右上第一磨牙")),
        ("肛门指诊检查结果代码", "5", ("valueCodeableConcept", "5")),
        ("肛门指诊检查结果代码", "未及异常；指套无血染", ("valueString", "未及异常；指套无血染")),
        ("足背动脉搏动代码", "1", ("valueCodeableConcept", "1")),
        ("足背动脉搏动代码", "T", ("valueBoolean", True)),
        ("足背动脉搏动代码", "F", ("valueBoolean", False)),
    ],
)
def test_a_text_or_flag_is_taken_beside_the_codes_of_the_form(datasets, read, name, written, made):
    found = read(**{name: written})
    assert found.faults == ()
    stored = [spelled(dumps(one)) for one in found.resources]
    element, value = made
    (said,) = [one[element] for one in stored if element in one]
    assert (said["coding"][0]["code"] if isinstance(said, dict) else said) == value
    assert datasets.find("健康体检").restore(stored).row[name] == written


@pytest.mark.parametrize(
    ("name", "written", "rules"),
    [
        ("足背动脉搏动代码", "0", ["flag"]),
        ("齿列类别代码", "02", ["code-width"]),
        ("症状代码", "26", ["domain"]),
        ("症状代码", "K21", ["domain"]),
        ("疫苗名称代码", "43", ["domain", "needs"]),
    ],
)
def test_a_digit_is_a_code_there_and_other_codes_are_wrong(read, name, written, rules):
    beside = {"接种日期": "20200101"} if name == "疫苗名称代码" else {}
    assert [one.rule for one in read(**{name: written, **beside}).faults] == rules


@pytest.mark.parametrize(
    ("name", "written"), [("症状代码", "R51"), ("症状代码", "02|R10.4"), ("疫苗名称代码", "0101")]
)
def test_codes_of_other_lists_come_back_as_they_were(datasets, there_and_back, name, written):
    beside = {"接种日期": "20200101"} if name == "疫苗名称代码" else {}
    back, faults = there_and_back(
        datasets.find("健康体检"), {**RIGHT, "身份证件类别代码": "01", name: written, **beside}
    )
    assert faults == ()
    assert back[name] == written


def test_what_has_no_place_is_checked_and_told_as_not_kept(datasets):
    card = datasets.find("居民健康卡")
    row = {"居民健康卡号": "350600199001151016", "姓名": "测试甲", "性别代码": "1",
           "出生日期": "19900115", "安全码": "123"}  # fmt: skip
    read = card.read(row)
    assert [(one.element, one.rule, one.severity) for one in read.faults] == [
        ("安全码", "not-kept", "warning")
    ]
    assert "安全码" not in card.restore([spelled(dumps(one)) for one in read.resources]).row
    assert [one.rule for one in card.read({**row, "安全码": "1234"}).faults] == ["length"]


def test_a_picture_that_is_no_base64_is_refused(datasets):
    row = {"居民健康卡号": "350600199001151016", "姓名": "测试甲", "性别代码": "1",
           "出生日期": "19900115", "照片": "不是图片"}  # fmt: skip
    faults = datasets.find("居民健康卡").read(row).faults
    assert [(one.element, one.rule) for one in faults] == [("照片", "base64")]
