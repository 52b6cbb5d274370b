"""Files of rows as hospitals send them: what can be read, and what is wrong with the rest."""

import io
import tracemalloc
from datetime import date, datetime
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.outcome import Unprocessable, UnsupportedMediaType
from server.intake import csv_rows, formats, ndjson_rows, xlsx_rows
from server.intake.batches import batches
from server.intake.rows import Row, rule

HEADER = "姓名,出生日期"


def read(content, encoding=None):
    return list(csv_rows.read(io.BytesIO(content), encoding).rows)


def told(rows):
    return [(row.number, [rule(fault) for fault in row.faults] or row.cells) for row in rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_file_is_read_in_the_encoding_that_its_chinese_tells(encoding):
    rows = read(f"{HEADER}\n测试甲,19900101\n".encode(encoding))
    assert rows[0].header == ("姓名", "出生日期")
    assert told(rows) == [(2, ("测试甲", "19900101"))]


def test_two_characters_that_could_be_either_encoding_are_taken_for_chinese():
    assert told(read("XM\n联通\n".encode("gb18030"))) == [(2, ("联通",))]


@pytest.mark.parametrize(("whole", "line"), [("utf-8", "gb18030"), ("gb18030", "utf-8")])
def test_a_line_in_another_encoding_is_named_and_the_others_are_read(whole, line):
    content = b"\n".join(
        (HEADER.encode(whole), "测试甲,1".encode(whole), "测试乙二,2".encode(line), b"c,3")
    )
    rows = read(content)
    assert told(rows) == [(2, ("测试甲", "1")), (3, ["encoding-mixed"]), (4, ("c", "3"))]
    assert rows[1].cells == ("测试乙二", "2")
    assert rows[1].faults[0].arguments["line"] == 3


def test_bytes_of_no_encoding_are_named():
    assert told(read(HEADER.encode() + b"\n\xff\xff,1\n")) == [(2, ["encoding-unknown"])]


def test_a_charset_that_was_said_is_believed():
    assert told(read("XM\n联通\n".encode("gb18030"), "gb18030")) == [(2, ("联通",))]


@pytest.mark.parametrize("divider", [",", "\t", ";", "|"])
def test_the_headers_tell_what_divides_cells(divider):
    rows = read(f"a{divider}b\n1{divider}2\n".encode())
    assert told(rows) == [(2, ("1", "2"))]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("1", [(2, ["cells"])]),
        ("1,2,3", [(2, ["cells"])]),
        ("1,2,,", [(2, ("1", "2"))]),
        ("1\0,2", [(2, ["nul"])]),
        ('"1"x,2\n3,4', [(2, ["quote-broken"]), (3, ("3", "4"))]),
        ('1,"2\n3,4\n5,6', [(2, ["quote-open"]), (3, ("3", "4")), (4, ("5", "6"))]),
        ('1,"2\n3"\n4,5', [(2, ("1", "2\n3")), (4, ("4", "5"))]),
        ("\n,\n1,2\n\n", [(4, ("1", "2"))]),
        ('1,5" tube\n3,4', [(2, ("1", '5" tube')), (3, ("3", "4"))]),
    ],
)
def test_a_row_that_is_broken_does_not_take_others_with_it(lines, expected):
    assert told(read(f"a,b\n{lines}".encode())) == expected


def test_a_cell_of_100000_characters_is_read_and_a_larger_one_is_named():
    rows = read(f"a\n{'测' * 100_000}\n{'x' * 140_000}\ny\n".encode())
    assert told(rows)[0] == (2, ("测" * 100_000,))
    assert told(rows)[1:] == [(3, ["cell-too-long"]), (4, ("y",))]


def test_a_line_that_never_ends_is_not_kept():
    rows = read(b"a\n" + b"x" * (5 * 1024 * 1024) + b"\nb\n")
    assert told(rows) == [(2, ["line-too-long"]), (3, ("b",))]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b",,\n"])
def test_a_file_without_anything_is_refused(content):
    with pytest.raises(Unprocessable) as refusal:
        read(content)
    assert refusal.value.issues[0].message == "intake-empty"


def test_a_file_of_headers_alone_has_no_rows():
    assert read(HEADER.encode()) == []


def test_utf_16_is_refused_by_its_name():
    with pytest.raises(Unprocessable) as refusal:
        read(HEADER.encode("utf-16"))
    assert refusal.value.issues[0].message == "intake-utf-16"


def test_columns_of_a_file_of_rejects_have_no_header():
    rows = read(b"a,_row,_rule\n1,17,domain\n")
    assert rows[0].header == ("a", "", "")


@given(st.binary(max_size=300))
def test_no_bytes_are_too_strange_to_be_told_about(content):
    try:
        rows = read(b"a,b\n" + content)
    except Unprocessable:
        return
    assert all(row.faults or len(row.cells) == 2 for row in rows)


def test_reading_takes_no_more_memory_for_more_rows():
    class Endless(io.RawIOBase):
        left = 80_000

        def readable(self):
            return True

        def readinto(self, buffer):
            size = min(len(buffer), self.left)
            buffer[:size] = (b"a,b\n" * (size // 4 + 1))[:size]
            self.left -= size
            return size

    # What is made once for all files is not what this is about.
    list(read(b"a,b\n1,2\n"))
    tracemalloc.start()
    count = sum(1 for _ in csv_rows.read(io.BufferedReader(Endless(), 8192)).rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000 - 1
    assert peak < 100_000


def test_ndjson_has_rows_by_header_and_resources():
    content = '{"姓名":"测试甲","体重":61.50}\n\n{"resourceType":"EncounterRecord"}\n'
    rows = list(ndjson_rows.read(io.BytesIO(content.encode())).rows)
    assert rows[0].header == ("姓名", "体重")
    assert rows[0].cells == ("测试甲", "61.50")
    assert rows[1].resource == b'{"resourceType":"EncounterRecord"}'
    assert rows[1].number == 3


@pytest.mark.parametrize(
    ("line", "broken"),
    [("{", "json"), ("[1]", "json"), ('{"a":[1]}', "json-cell"), ("NaN", "json")],
)
def test_a_line_that_is_no_object_of_cells_is_named(line, broken):
    (row,) = ndjson_rows.read(io.BytesIO(line.encode())).rows
    assert [rule(fault) for fault in row.faults] == [broken]


def test_what_a_file_of_rejects_says_of_a_resource_is_no_part_of_it():
    line = b'{"resourceType":"EncounterRecord","n":1.50,"_row":3,"_rule":"domain"}'
    (row,) = ndjson_rows.read(io.BytesIO(line)).rows
    assert row.resource == b'{"resourceType":"EncounterRecord","n":1.50}'


def workbook(*rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content


def test_a_workbook_is_read_as_national_data_sets_spell_things():
    # A workbook knows no zones.
    day, moment = date(2023, 2, 3), datetime(2023, 2, 3, 4, 5, 6)  # noqa: DTZ001
    rows = xlsx_rows.read(
        workbook(
            ("姓名", "日期", "时间", "数", "是", "空"),
            (None, None, None, None, None, None),
            ("测试甲", day, moment, 10.0, True, None),
        )
    ).rows
    assert told(rows) == [(3, ("测试甲", "20230203", "20230203T040506", "10", "T", ""))]


def test_a_number_that_a_spreadsheet_has_cut_is_named():
    rows = xlsx_rows.read(workbook(("a",), (110101199001011234,))).rows
    assert told(rows) == [(2, ["digits-lost"])]


def test_a_formula_without_a_result_is_named():
    rows = xlsx_rows.read(workbook(("a", "b"), (1, "=A2*2"), (2, 3))).rows
    assert told(rows) == [(2, ["formula"]), (3, ("2", "3"))]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"a,b\n1,2\n"])
def test_what_is_no_workbook_is_refused(content):
    with pytest.raises(Unprocessable) as refusal:
        xlsx_rows.read(io.BytesIO(content))
    assert refusal.value.issues[0].message == "intake-not-a-workbook"


def test_a_media_type_tells_the_format_and_the_encoding():
    assert formats.of_type("text/csv; charset=GB2312") == ("csv", "gb18030")
    assert formats.of_type("application/fhir+ndjson") == ("ndjson", None)
    with pytest.raises(UnsupportedMediaType):
        formats.of_type("text/plain")
    with pytest.raises(UnsupportedMediaType):
        formats.of_type("text/csv; charset=big5")


@pytest.mark.parametrize(
    ("name", "format"), [("a.CSV", "csv"), ("a.xlsx", "xlsx"), ("a.ndjson", "ndjson"), ("a", "csv")]
)
def test_the_name_of_a_file_tells_its_format(name, format):
    assert formats.of_name(name) == format


def test_lines_that_end_in_cr_alone_are_named():
    with pytest.raises(Unprocessable) as refusal:
        csv_rows.read(io.BytesIO(b"a,b\r1,2\r3,4\r"))
    assert refusal.value.issues[0].message == "intake-line-end"
    right, wrong = csv_rows.read(io.BytesIO(b"a,b\r\n1,2\r\n3,4\r5,6\r\n")).rows
    assert (right.faults, wrong.faults[0].message) == ((), "intake-line-end")


def test_more_headers_than_elements_are_refused_before_each_is_looked_up():
    with pytest.raises(Unprocessable) as refusal:
        csv_rows.read(io.BytesIO(b",".join([b"a"] * 200_000) + b"\n1\n"))
    assert [one.message for one in refusal.value.issues] == ["intake-headers-too-many"]


def test_a_batch_of_long_rows_has_fewer():
    rows = [Row(number, ("a",), ("x" * 300_000,)) for number in range(10)]
    assert [len(one) for one in batches(rows, 100)] == [4, 4, 2]
    assert [len(one) for one in batches([Row(1, ("a",), ("x",))] * 250, 100)] == [100, 100, 50]


SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'


@pytest.mark.parametrize(
    ("part", "content", "message"),
    [
        ("xl/worksheets/sheet1.xml",
         SHEET + b'<row r="1">' + b'<c t="n"><v>1</v></c>' * 600_000 + b"</row>",
         "intake-workbook-too-large"),
        ("xl/worksheets/sheet1.xml",
         SHEET + b'<row r="1"><c t="inlineStr"><is><t><![CDATA[' + b"<row>" * 2_000_000,
         "intake-workbook-too-large"),
        ("xl/worksheets/sheet1.xml", b"<!DOCTYPE a [<!ENTITY b 'b'>]>" + SHEET,
         "intake-not-a-workbook"),
        ("xl/worksheets/sheet1.xml", SHEET + b"<row", "intake-not-a-workbook"),
        ("xl/styles.xml", b" " * 9_000_000, "intake-workbook-too-large"),
    ],
    ids=["cells", "cell", "doctype", "half", "styles"],
)  # fmt: skip
def test_a_workbook_that_is_more_than_it_seems_is_refused(part, content, message):
    there = workbook(["a"], ["1"])
    changed = io.BytesIO()
    with ZipFile(there) as old, ZipFile(changed, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
    with pytest.raises(Unprocessable) as refusal:
        list(xlsx_rows.read(changed).rows)
    assert refusal.value.issues[0].message == message
