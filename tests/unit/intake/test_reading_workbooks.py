"""Workbooks that hold more, or other things, than a spreadsheet program would write.

Spec: ECMA-376 part 1, 18.3 (worksheets), 18.4 (shared strings), 18.8 (styles)
"""

import io
import time
import tracemalloc
from datetime import datetime
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pytest
from openpyxl.worksheet.formula import ArrayFormula

from server.fhir.outcome import Unprocessable
from server.intake import xlsx_rows
from server.intake.rows import rule

HEADER = (
    '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1" t="str"><v>b</v></c></row>'
)
LINKS = "xl/_rels/workbook.xml.rels"
TEXTS = b'<Relationship Id="t" Type="x/sharedStrings" Target="texts.xml"/></Relationships>'


def workbook(rows="", *, header=HEADER, texts=None, change=None):
    """Return a workbook whose sheet has these `rows` of XML, behind a header with a and b."""
    book = openpyxl.Workbook()
    if change is not None:
        change(book)
    made, content = io.BytesIO(), io.BytesIO()
    book.save(made)
    sheet = f'<worksheet xmlns="x"><sheetData>{header}{rows}</sheetData></worksheet>'.encode()
    with ZipFile(made) as old, ZipFile(content, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = old.read(name)
            if name == LINKS and texts is not None:
                part = part.replace(b"</Relationships>", TEXTS)
            is_sheet = name == "xl/worksheets/sheet1.xml" and change is None
            new.writestr(name, sheet if is_sheet else part)
        if texts is not None:
            new.writestr("xl/texts.xml", b'<sst xmlns="x">' + texts + b"</sst>")
    return content


def told(content):
    rows = xlsx_rows.read(content).rows
    return [(row.number, [rule(fault) for fault in row.faults] or row.cells) for row in rows]


def refusal(content):
    with pytest.raises(Unprocessable) as refused:
        xlsx_rows.read(content)
    return refused.value.issues[0].message


def row(number, a="1", b="<v>2</v>", type="", style=""):
    cell = f'<c r="B{number}"{type}{style}>{b}</c>'
    return f'<row r="{number}"><c r="A{number}"><v>{a}</v></c>{cell}</row>'


@pytest.mark.parametrize(
    "wrong",
    [
        '<row r="99999999999"/>',
        '<row r="1048577"/>',
        row(3) + row(2),
        row(2) + row(2),
        '<row r="x"/>',
        "<row/>" * 1_048_576,
        '<row r="2"><c r="XFE2"><v>1</v></c></row>',
        '<row r="2"><c r="ZZZZZ2"><v>1</v></c></row>',
        "<row r='2'><c s='1' r='7'/></row>",
        '<!-- x --><row r="2"><c r="XFE2"/></row>',
        '<!-- x --><row r="1"/>',
    ],
)
def test_a_row_or_cell_where_a_sheet_has_no_place_refuses_it(wrong):
    assert refusal(workbook(wrong)) == "intake-workbook-place"


def test_rows_and_cells_that_are_missing_cost_nothing():
    begun = time.monotonic()
    assert told(workbook(row(2) + row(1_048_576))) == [(2, ("1", "2")), (1_048_576, ("1", "2"))]
    assert time.monotonic() - begun < 1


def test_a_cell_before_its_predecessor_costs_its_row():
    wrong = '<row r="2"><c r="B2"><v>1</v></c><c r="A2"><v>1</v></c></row>'
    assert told(workbook(wrong + row(3))) == [(2, ["cell-place"]), (3, ("1", "2"))]


@pytest.mark.parametrize(
    ("type", "content", "broken"),
    [
        ("n", "<v>abc</v>", "cell-value"),
        ("n", "<v>nan</v>", "cell-value"),
        ("n", f"<v>{'9' * 5000}</v>", "digits-lost"),
        ("n", "<v>1E999</v>", "digits-lost"),
        ("s", "<v>999999</v>", "cell-value"),
        ("s", "<v>x</v>", "cell-value"),
        ("d", "<v>2024-13-45</v>", "cell-value"),
        ("b", "<v>maybe</v>", "cell-value"),
        ("zz", "<v>1</v>", "cell-value"),
        ("e", "<v>#N/A</v>", "cell-error"),
        ("e", "<f>1/0</f><v>#DIV/0!</v>", "cell-error"),
        ("n", '<f t="array" ref="B3">1+6</f>', "formula"),
        ("n", '<f t="shared" si="0"/><v/>', "formula"),
    ],
)
def test_a_cell_that_cannot_be_read_costs_its_row_and_no_other(type, content, broken):
    rows = row(2) + row(3, b=content, type=f' t="{type}"') + row(4)
    expected = [(2, ("1", "2")), (3, [broken]), (4, ("1", "2"))]
    assert told(workbook(rows)) == expected


def test_a_style_that_is_not_there_costs_its_row():
    assert told(workbook(row(2, style=' s="777"'))) == [(2, ["cell-value"])]


def test_a_formula_may_have_an_empty_text_for_a_result():
    rows = row(2, b="<f>IF(A2,&quot;&quot;)</f><v></v>", type=' t="str"')
    assert told(workbook(rows)) == [(2, ("1", ""))]


def test_an_array_formula_without_a_result_is_named():
    def change(book):
        book.active.append(["a", "b"])
        book.active.append([1])
        book.active["B2"] = ArrayFormula("B2", "=1+6")

    assert told(workbook(change=change)) == [(2, ["formula"])]


@pytest.mark.parametrize(
    ("value", "format", "text"),
    [
        (403, "00000000", "00000403"),
        (403, "0", "403"),
        (403, "#,##0", "403"),
        (36.5, "00", "36.5"),
        (datetime(2024, 5, 1), "yyyy-mm-dd hh:mm:ss", "20240501T000000"),  # noqa: DTZ001
        (datetime(2024, 5, 1), "yyyy-mm-dd", "20240501"),  # noqa: DTZ001
        (45413, 'yyyy"年"m"月"d"日"', "20240501"),
        (45413.5, "yyyy-mm-dd", "20240501T120000"),
        (0.5, "h:mm", "120000"),
    ],
)
def test_a_number_is_what_its_format_shows(value, format, text):
    def change(book):
        book.active.append(["a"])
        book.active.append([value])
        book.active["A2"].number_format = format

    assert told(workbook(change=change)) == [(2, (text,))]


def test_a_date_that_a_number_cannot_be_costs_its_row():
    def change(book):
        book.active.append(["a"])
        book.active.append([99_999_999])
        book.active["A2"].number_format = "yyyy-mm-dd"

    assert told(workbook(change=change)) == [(2, ["cell-value"])]


def test_shared_texts_are_read_without_how_they_are_spoken():
    texts = "<si><t>甲</t><rPh><t>jia</t></rPh></si><si><r><t>x_x000A_</t></r><r><t>y</t></r></si>"
    rows = '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>'
    assert told(workbook(rows, texts=texts.encode())) == [(2, ("甲", "x\ny"))]


@pytest.mark.parametrize("texts", [b"<si/>" * 2_000_001, b"<si><t>" + b"x" * (64 << 20)])
def test_more_texts_than_a_workbook_may_share_are_refused(texts):
    assert refusal(workbook(texts=texts)) == "intake-workbook-too-large"


def test_shared_texts_take_little_more_memory_than_their_bytes():
    content = workbook(row(2), texts=b"<si><t>%013d</t></si>" % 1 * 500_000)
    tracemalloc.start()
    assert told(content) == [(2, ("1", "2"))]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_a_workbook_of_too_many_parts_is_refused():
    content = workbook()
    with ZipFile(content, "a") as parts:
        for number in range(30_000):
            parts.writestr(f"{number:05}{'x' * 60}", b"")
    assert refusal(content) == "intake-workbook-too-large"


def test_an_error_for_a_header_is_named():
    header = '<row r="1"><c r="A1" t="e"><v>#REF!</v></c></row>'
    assert refusal(workbook(header=header)) == "intake-cell-error"


def test_a_text_that_stands_in_many_cells_is_kept_once_or_refused():
    longest, longer = b"x" * 131_072, "测".encode() * 131_073
    texts = b"<si><t>%b</t></si><si><t>%b</t></si>" % (longest, longer)
    cells = '<c t="s"><v>0</v></c>' * 16_384
    rows = row(2, a="1", b="<v>0</v>", type=' t="s"') + row(3, b="<v>1</v>", type=' t="s"')
    read = told(workbook(f"{rows}<row>{cells}</row>", texts=texts))
    assert [(number, cells) for number, cells in read if number > 2] == [
        (3, ["cell-too-long"]),
        (4, ["row-too-long"]),
    ]
    assert read[0] == (2, ("1", longest.decode()))


def test_a_format_that_is_longer_than_any_is_none():
    def change(book):
        book.active.append(["a"])
        book.active.append([1])
        book.active["A2"].number_format = "0" * 256

    assert told(workbook(change=change)) == [(2, ("1",))]
