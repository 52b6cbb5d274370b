"""Documents of WS/T 500 that are written in a strange way: read right, told, or refused.

Spec: docs/cda.md
"""

import re

import pytest

from tests.unit.mappings.papers_written import ENTRY, changed, sample

FIVE = '<value xsi:type="REAL" value="5.60"/>'
UNIT = (
    "<entryRelationship><observation>"
    '<code code="DE04.30.016.00" displayName="检查定量结果计量单位"/>'
    '<value xsi:type="ST">mmol/L</value></observation></entryRelationship>'
)
ADDRESS = re.search("<addr.*?</addr>", sample("C0032"))[0]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("<streetAddressLine>福建省某路1号</streetAddressLine>", "福建省某路1号"),
        ("<streetAddressLine>某路1号</streetAddressLine>\n<state>福建省</state>", "福建省某路1号"),
        ("福建省某路<houseNumber>1号</houseNumber>楼上", "福建省某路1号楼上"),
        ("<state>福建省</state><unitID>2室</unitID><houseNumber>1号</houseNumber>",
         "福建省1号2室"),
        ("<precinct>某区</precinct><city>某市</city><country>中国</country>", "中国某市某区"),
    ],
)  # fmt: skip
def test_all_of_an_address_is_kept(read, written, text):
    row, _ = read(changed("C0032", (ADDRESS, f"<addr>\n{written}\n</addr>")))
    assert row["现住址"] == text


@pytest.mark.parametrize("text", ["头晕|恶心", "头晕\\", "头晕、恶心,呕吐；乏力"])
def test_what_divides_values_in_a_row_divides_none_in_a_document(interpreters, text):
    changed_text = changed("C0002", ("头晕三天", text))
    papers = interpreters.documents.read(changed_text.encode())
    assert papers.read.record["chiefComplaint"] == text


def test_a_code_of_a_document_is_one_code(interpreters):
    text = changed("C0002", ('code="I10.x00"', 'code="I10.x00,E11.900"'))
    papers = interpreters.documents.read(text.encode())
    told = [one for one in papers.read.faults if one.element == "诊断代码"]
    coded = [one.get("code") for one in papers.read.record["diagnosis"]]
    codes = [each["code"] for one in coded if one for each in one["coding"]]
    assert told or "I10.x00,E11.900" in codes
    assert "I10.x00" not in codes


def test_a_postal_code_that_no_element_is_for_is_told(read):
    address = "<addr><state>福建省</state><postalCode>363000</postalCode></addr>"
    text = changed("C0053", ("</patient>", f"</patient>{address}"))
    row, told = read(text)
    assert row["现住址"] == "福建省"
    assert "warning cda-not-kept 现住址" in told


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('<value xsi:type="CD" code="260385009" displayName="阴性"/>', "阴性"),
        ('<value xsi:type="ST">&lt;0.05</value>', "<0.05"),
    ],
)
def test_a_result_may_be_a_text(read, value, text):
    row, told = read(changed("C0007", (FIVE, value), (UNIT, "")))
    assert row["检验定量结果"] == f"{text}||0.50"
    assert told == ["warning cda-name-untold 诊断名称"]


def test_a_value_of_another_type_is_told(read):
    value = '<value xsi:type="IVL_PQ"><low value="3"/><high value="5"/></value>'
    _, told = read(changed("C0007", (FIVE, value), (UNIT, "")))
    assert "warning cda-value-unread 检验定量结果" in told


@pytest.mark.parametrize(
    ("unit", "row_unit", "is_refused"),
    [("mg/dL", UNIT, True), ("mmol/L", UNIT, False), ("mmol/L", "", False), ("1", UNIT, False)],
)
def test_two_units_of_one_value_contradict_each_other(read, unit, row_unit, is_refused):
    value = f'<value xsi:type="PQ" value="5.60" unit="{unit}"/>'
    row, told = read(changed("C0007", (FIVE, value), (UNIT, row_unit)))
    assert row["检验计量单位"] == "mmol/L||mg/L"
    assert ("error cda-unit 检验定量结果" in told) is is_refused


STANDING = '<value xsi:type="ST">头晕三天</value>'
NARRATIVE = '<text><item><content ID="t1">头晕三天，<br/>\n  伴 BP\n  升高</content></item></text>'


def referring(to, narrative=NARRATIVE):
    value = f'<value xsi:type="ED"><reference value="{to}"/></value>'
    code = '<code code="10154-3" codeSystem="2.16.840.1.113883.6.1"/>'
    return changed("C0002", (STANDING, value), (code, code + narrative))


def test_a_value_may_stand_in_the_text_of_its_section(read):
    row, told = read(referring("#t1"))
    assert (row["主诉"], told) == ("头晕三天，伴 BP 升高", [])


@pytest.mark.parametrize(("to", "narrative"), [("#t2", NARRATIVE), ("#t1", NARRATIVE * 2)])
def test_a_reference_to_nothing_or_to_either_is_told(read, to, narrative):
    row, told = read(referring(to, narrative))
    assert "主诉" not in row
    assert told == ["warning cda-value-unread 主诉"]


def test_a_long_text_is_not_referred_to_again_and_again(read):
    text = f'<text><content ID="t1">{"长" * 600_000}</content></text>'
    entry = ENTRY.findall(referring("#t1"))[1]
    _, told = read(referring("#t1", text).replace(entry, entry * 3))
    assert told.count("warning cda-value-unread 主诉") == 2


@pytest.mark.parametrize(
    ("display", "code", "told"),
    [("男性", "1", []), ("女性", "2", []), ("汉子", None, ["warning cda-value-unread 性别代码"])],
)
def test_a_gender_is_known_by_its_name(read, display, code, told):
    gender = '<administrativeGenderCode code="2" codeSystem="2.16.156.10011.2.3.3.4"/>'
    written = f'<administrativeGenderCode displayName="{display}"/>'
    row, found = read(changed("C0002", (gender, written)))
    assert row.get("性别代码") == code
    assert [one for one in found if "cda-" in one] == told


def test_the_code_of_a_diagnosis_is_not_made_of_its_name(read):
    old = 'code="J20.900" codeSystem="2.16.156.10011.2.3.3.11.3" displayName'
    row, told = read(changed("C0004", (old, "displayName")))
    assert "诊断代码" not in row
    assert "warning cda-value-unread 诊断代码" in told


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("\n  <family>欧阳</family>\n  <given>娜</given>\n", "欧阳娜"),
        ("<given>John</given>\n  <family>Smith</family>", "John Smith"),
        ("\n  买买提·\n  艾力\n", "买买提·艾力"),
    ],
)
def test_a_name_is_not_divided_by_its_layout(read, written, name):
    row, told = read(changed("C0004", ("<name>测试甲</name>", f"<name>{written}</name>")))
    assert (row["姓名"], told) == (name, ["warning cda-not-kept 处方药品金额"])


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("\n  头晕\n    三天  ", "头晕三天"),
        ("头晕。\r\n\t伴恶心", "头晕。伴恶心"),
        ("服药 5 mg\n  bid", "服药 5 mg bid"),
        ("血压\n  180/100", "血压 180/100"),
        ("头晕　三天", "头晕　三天"),
    ],
)
def test_a_text_is_not_divided_by_its_layout(read, written, text):
    row, _ = read(changed("C0002", ("头晕三天", written)))
    assert row["主诉"] == text


@pytest.mark.parametrize(
    ("moment", "is_right"),
    [
        ("202405010900", True),
        ("20240501090000.123+0800", True),
        ("202405010900+0800", True),
        ("2024050110003", False),
        ("20240501100", False),
        ("2024050110", False),
        ("202405011000300", False),
        ("2024050", False),
    ],
)
def test_a_moment_has_as_many_digits_as_there_are(read, moment, is_right):
    row, told = read(changed("C0032", ("20240501090000", moment)))
    assert (row["入院日期时间"] == "20240501T090000") is is_right
    assert ("error date-format 入院日期时间" in told) is not is_right
