"""Rows that a profile refuses are told by their data elements, and not by places in resources.

Spec: docs/import.md
"""

import csv
import io

import pytest

from tests.builders import fresh
from tests.intake import files
from tests.intake.test_import_operation import CSV, sent
from tests.intake.test_import_parts import golden
from tests.visits import id_number


def rejected(caller, type, dataset, row):
    """Return the one reject of a row that is not taken."""
    told = sent(caller, f"{type}/$import?dataset={dataset}", files.csv_of([row]), **CSV)
    assert told["rejected"] == 1
    text = caller.send("GET", told["rejects"]).text
    (reject,) = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    return reject["_element"], reject["_de"], reject["_value"]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (
            {"出院主要诊断疾病编码": "ABC"},
            ("出院主要诊断疾病编码", "DE05.01.024.03", "ABC"),
        ),
        (
            {
                "出院其他诊断名称": "糖尿病|头晕",
                "出院其他诊断疾病编码": "E11.900|XYZ",
                "出院其他诊断入院病情代码": "1|1",
            },
            ("出院其他诊断疾病编码", "DE05.01.024.04", "XYZ"),
        ),
        (
            {"手术及操作编码": "ABC"},
            ("手术及操作编码", "DE06.00.093.00", "ABC"),
        ),
    ],
)
def test_a_code_that_a_profile_refuses_is_told_by_its_element(caller, cells, told):
    row = golden(
        "InpatientFrontPage", 病案号=fresh()[:12], 患者身份证件号码=id_number(31, "19660203")
    )
    row |= {"出生日期": "19660203", "性别代码": "1", **cells}
    assert rejected(caller, "EncounterRecord", "InpatientFrontPage", row) == told
