"""Values of documents of WS/T 500 that go together, or cannot be told to.

Spec: docs/cda.md
"""

import pytest

from tests.unit.mappings.papers_written import ENTRY, changed, sample

FIRST = ENTRY.search(sample("C0004"))[0]
NAME = (
    '<observation><code code="DE05.01.025.00" displayName="诊断名称"/>'
    "<value>{}</value></observation>"
)
CODE = (
    '<observation><code code="DE05.01.024.00" displayName="诊断代码"/>'
    '<value code="{}" codeSystem="2.16.156.10011.2.3.3.11"/></observation>'
)


def diagnoses(*said, around="<entry>{}</entry>"):
    """Return C0004 with diagnoses: codes have a point, and `None` is one that is unknown."""
    written = "".join(around.format(_observation(one)) for one in said)
    return changed("C0004", (FIRST, written))


def _observation(said):
    if said is None:
        return CODE.format("").replace('code="" ', 'nullFlavor="UNK" ')
    return (CODE if "." in said else NAME).format(said)


@pytest.mark.parametrize(
    ("said", "names", "codes"),
    [
        (["甲", "A00.0", "乙", "B00.0"], "甲|乙", "A00.0|B00.0"),
        (["A00.0", "甲", "B00.0", "乙"], "甲|乙", "A00.0|B00.0"),
        (["A00.0", "甲"], "甲", "A00.0"),
        (["甲", "乙", "B00.0", "丙"], "甲|乙|丙", "|B00.0"),
        (["A00.0", "甲", None, "乙", "C00.0", "丙"], "甲|乙|丙", "A00.0||C00.0"),
        (["甲", "乙"], "甲|乙", None),
    ],
)
def test_pairs_in_one_order_belong_together(read, said, names, codes):
    row, told = read(diagnoses(*said))
    assert (row["诊断名称"], row.get("诊断代码")) == (names, codes)
    assert not [one for one in told if "cda-apart" in one]


@pytest.mark.parametrize(
    "said",
    [
        ["J20.900", "急性支气管炎", "手指扭伤", "I10.x00", "高血压"],
        ["A00.0", "甲", "B00.0"],
        ["A00.0", "B00.0", "乙"],
        ["甲", "A00.0", "B00.0", "乙"],
        ["A00.0", "甲", "乙"],
    ],
)
def test_what_may_belong_to_another_diagnosis_is_refused(read, said):
    _, told = read(diagnoses(*said))
    assert any(one.startswith("error cda-apart 诊断") for one in told), told


def test_entries_with_what_goes_together_need_no_order(read):
    pairs = [("A00.0", "甲"), ("乙",), ("丙", "C00.0")]
    inner = "<entryRelationship>{}</entryRelationship>"
    entries = "".join(
        "<entry><act>" + "".join(inner.format(_observation(one)) for one in pair) + "</act></entry>"
        for pair in pairs
    )
    row, told = read(changed("C0004", (FIRST, entries)))
    assert (row["诊断名称"], row["诊断代码"]) == ("甲|乙|丙", "A00.0||C00.0")
    assert told == ["warning cda-not-kept 处方药品金额"]


FIVE = '<value xsi:type="REAL" value="5.60"/>'


@pytest.mark.parametrize(
    ("old", "element"),
    [(FIVE, "检验定量结果"), ('<value xsi:type="ST">GLU</value>', "检验项目代码")],
)
def test_a_second_value_is_nobody_elses(read, old, element):
    second = old.replace("5.60", "6.10").replace("GLU", "ALT")
    row, told = read(changed("C0007", (old, old + second)))
    assert f"error cda-apart {element}" in told
    assert row["检验项目代码"] == "GLU|HBsAg|CRP"
    assert row["检验定量结果"] == "5.60||0.50"


def test_the_group_of_a_medicine_is_its_own(read):
    group = (
        '<entry><observation><code code="DE08.50.056.00" displayName="处方药品组号"/>'
        "{}</observation></entry>"
    )
    value = '<value xsi:type="INT" value="{}"/>'
    flat = group.format(value.format(1))
    inner = flat.replace("entry>", "entryRelationship>")
    end = "</entryRelationship></substanceAdministration>"
    text = changed("C0004", (flat, "")).replace(end, end.replace("</sub", f"{inner}</sub"))
    first, dot, rest = text.rpartition(value.format(1))
    row, told = read(first + value.format(2) + rest)
    assert dot
    assert row["处方药品组号"] == "1|2"
    assert told == ["warning cda-not-kept 处方药品金额"]
    _, told = read(changed("C0004", (flat, flat + group.format(value.format(2)))))
    assert "error cda-apart 处方药品组号" in told
