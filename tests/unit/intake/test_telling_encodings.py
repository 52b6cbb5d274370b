"""Files whose encoding has to be told, some of which could be read in the other one.

Spec: https://encoding.spec.whatwg.org/#gb18030-decoder
"""

import io

import pytest

from server.fhir.outcome import Unprocessable
from server.intake import csv_rows, ndjson_rows
from server.intake.rows import rule

GGT = "γ-谷氨酰转移酶升高"


def told(content, reader=csv_rows.read, encoding=None):
    rows = reader(io.BytesIO(content), encoding).rows
    return [[rule(fault) for fault in row.faults] or row.cells[-1] for row in rows]


@pytest.mark.parametrize(
    "text",
    [GGT, "Ⅱ期肺癌", "Ⅰ型糖尿病", "①", "5±3", "37°C", "β受体", "γ", "肝损害γ", "李雷", "𠮷", "３"],
)
def test_utf_8_is_never_taken_for_gb18030(text):
    assert told(f"DE1,DE2\n1,{text}\n".encode()) == [text]
    assert told(f"DE1,DE2\n1,{text}\n2,测试甲\n".encode()) == [text, "测试甲"]


@pytest.mark.parametrize("text", ["联通", "王芳", "卤味", "魏", "纬度", "测试甲"])
def test_gb18030_is_not_taken_for_utf_8(text):
    assert told(f"DE1,DE2\n1,{text}\n".encode("gb18030")) == [text]


@pytest.mark.parametrize("text", [GGT, "Ⅱ型胶原", "李雷", "①"])
def test_a_line_of_utf_8_among_gb18030_is_named(text):
    content = "姓名\n测试甲\n".encode("gb18030") + f"{text}\n测试乙\n".encode()
    assert told(content) == ["测试甲", ["encoding-mixed"], ["encoding-mixed"]]


@pytest.mark.parametrize("text", ["头痛", "胃痛", "住院", "医学", "小学", "测试"])
def test_a_line_of_gb18030_among_utf_8_is_named(text):
    content = "姓名\n测试甲\n".encode() + f"{text}\n".encode("gb18030")
    assert told(content) == ["测试甲", ["encoding-mixed"]]


@pytest.mark.parametrize(
    "text", ["±", "γ-α", "37°", "Müller", "β", "Сергей", "µg×2", "naïve é", "lǚ", "ΔΕ"]
)
def test_what_people_write_of_two_bytes_stands_among_utf_8(text):
    assert told(f"姓名\n测试甲\n{text}\n".encode()) == ["测试甲", text]


def test_most_lines_tell_the_encoding_of_a_file_and_not_the_first():
    content = b"DE1\n" + "测试甲\n".encode("gb18030") + "测试乙\n测试丙\n".encode()
    assert told(content) == [["encoding-mixed"], "测试乙", "测试丙"]


def test_ndjson_is_utf_8_unless_it_cannot_be():
    assert told('{"a":"κμ"}\n'.encode(), ndjson_rows.read) == ["κμ"]
    assert told('{"a":"测试"}\n'.encode("gb18030"), ndjson_rows.read) == ["测试"]
    assert told('{"a":"魏"}\n'.encode("gb18030"), ndjson_rows.read, "gb18030") == ["魏"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_refused_by_its_name(encoding):
    with pytest.raises(Unprocessable) as refusal:
        told("姓名,出生日期\r\n测试甲,1\r\n".encode(encoding))
    assert refusal.value.issues[0].message == "intake-utf-16"
