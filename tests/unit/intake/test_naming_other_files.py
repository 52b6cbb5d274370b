"""What is no table is refused by what it is, so that whoever sent it knows what to do."""

import gzip
import io
from zipfile import ZipFile

import openpyxl
import pytest

from server.fhir.outcome import FhirError
from server.intake import csv_rows, formats


def zipped(content):
    packed = io.BytesIO()
    with ZipFile(packed, "w") as parts:
        parts.writestr("a.csv", content)
    return packed.getvalue()


@pytest.mark.parametrize("format", [formats.CSV, formats.NDJSON, formats.XLSX])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "intake-old-workbook"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "intake-packed"),
    ],
)
def test_an_old_workbook_and_a_packed_file_are_named(format, content, message):
    with pytest.raises(FhirError) as refusal:
        formats.sheet(io.BytesIO(content), format)
    assert refusal.value.issues[0].message == message


def test_a_zip_file_is_named_where_a_table_is_expected():
    for format, message in (("csv", "intake-packed"), ("xlsx", "intake-not-a-workbook")):
        with pytest.raises(FhirError) as refusal:
            formats.sheet(io.BytesIO(zipped(b"a,b\n")), format)
        assert refusal.value.issues[0].message == message


@pytest.mark.parametrize("type", ["", "  ", "; charset=utf-8"])
def test_a_type_that_is_not_said_is_asked_for(type):
    with pytest.raises(FhirError) as refusal:
        formats.of_type(type)
    assert refusal.value.issues[0].message == "intake-type-missing"


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\n', "SEP=;\n", "\ufeffsep=;\n"])
def test_the_line_that_excel_writes_names_what_divides_cells(first):
    sheet = csv_rows.read(io.BytesIO(f"{first}a,a;b\n1,5;2\n".encode()))
    assert sheet.header == ("a,a", "b")
    assert [(row.number, row.cells) for row in sheet.rows] == [(3, ("1,5", "2"))]


def test_the_sheet_that_is_read_is_named_if_it_is_empty():
    book, content = openpyxl.Workbook(), io.BytesIO()
    book.active.title = "说明"
    book.create_sheet("数据").append(["a"])
    book.save(content)
    with pytest.raises(FhirError) as refusal:
        formats.sheet(content, formats.XLSX)
    (issue,) = refusal.value.issues
    assert (issue.message, issue.arguments) == ("intake-sheet-empty", {"sheet": "说明"})
