"""What stands in documents of WS/T 500 under a strange code or section, or is taken back by them.

Spec: docs/cda.md
"""

import re

import pytest

from tests.unit.mappings.papers_written import changed, sample

COMPLAINT = '<code code="DE04.01.119.00" codeSystem="2.16.156.10011.2.2.1" displayName="主诉"/>'


@pytest.mark.parametrize("code", ["de04.01.119.00", " DE04.01.119.00 ", "\nDe04.01.119.00"])
def test_case_and_spaces_around_a_code_are_put_right(read, code):
    row, told = read(changed("C0002", ('"DE04.01.119.00"', f'"{code}"')))
    assert (row["主诉"], told) == ("头晕三天", [])


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ('<code code="8661-1" displayName="主诉"/>', "主诉"),
        ('<code code="8661-1"/>', "8661-1"),
        ('<code nullFlavor="UNK" displayName="主诉"/>', "主诉"),
        ("<code/>", "observation"),
        ("", "observation"),
    ],
)
def test_a_value_that_is_not_recognised_is_told(read, code, named):
    row, told = read(changed("C0002", (COMPLAINT, code)))
    assert "主诉" not in row
    assert told == [f"warning cda-element-unknown {named}"]


SURGERY = '<code code="47519-4" codeSystem="2.16.840.1.113883.6.1"/>'


@pytest.mark.parametrize("code", ["", "<code/>", '<code code="99999-9"/>', '<code code="8648-8"/>'])
@pytest.mark.parametrize("type", ["C0032", "C0053"])
def test_a_procedure_is_one_in_whatever_section(read, type, code):
    assert read(changed(type, (SURGERY, code))) == read(sample(type))


def test_what_may_be_meant_by_its_section_only_is_told(read):
    row, told = read(changed("C0032", ('<code code="42349-1"', '<code code="99999-9"')))
    assert "转科科别" not in row
    assert "warning cda-section-differs 转科科别" in told


@pytest.mark.parametrize(("section", "sides"), [("46241-6", "出院"), ("11535-2", "入院")])
def test_a_diagnosis_of_an_unknown_section_is_neither_of_admission_nor_of_discharge(
    read, section, sides
):
    text = changed("C0053", (f'<code code="{section}" codeSystem="2.16.840.1.113883.6.1"/>', ""))
    row, told = read(text)
    assert {name for name in row if name.endswith("院诊断编码")} == {f"{sides}诊断编码"}
    assert [one for one in told if one.startswith("error cda-element-ambiguous")]


@pytest.mark.parametrize(
    "place",
    [
        ("C0002", "observation", "主诉"),
        ("C0004", "substanceAdministration", "药物名称"),
        ("C0032", "act", "药物过敏标志"),
        ("C0053", "procedure", "手术及操作编码"),
    ],
)
@pytest.mark.parametrize(
    ("begin", "message"),
    [
        ('{} negationInd="true">', "cda-negated"),
        ('{}><statusCode code="nullified"/>', "cda-undone"),
        ('{}><statusCode code="cancelled"/>', "cda-undone"),
        ('{}><statusCode code="aborted"/>', "cda-undone"),
    ],
)
def test_what_the_document_takes_back_is_refused(read, place, begin, message):
    code, act, element = place
    _, told = read(re.sub(f"<{act}>", f"<{begin.format(act)}", sample(code)))
    assert f"error {message} {element}" in told


@pytest.mark.parametrize("place", ["<entry>", "<entry><observation>"])
def test_what_is_done_or_not_negated_is_kept(read, place):
    text = changed("C0032", (place, f'{place}<statusCode code="completed"/>'))
    text = text.replace("<observation>", '<observation negationInd="false">')
    assert read(text) == read(sample("C0032"))
