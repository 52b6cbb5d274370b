"""Tables of codes as files: what is read of them, and what is wrong with a row."""

import gzip
import json
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.outcome import Unprocessable
from server.terminology import files, loading
from server.terminology.files import Columns

CSV = (
    "诊断编码,诊断名称,英文名称,备注\n"
    "I10,高血压病,Hypertension,a\nI10.x00,原发性高血压,,\nE11,2型糖尿病,,\n"
)
USUAL = Columns()


def read(file, columns=USUAL, **options):
    rows = files.rows(file, files.format_of(file), columns)
    return [row for row, _ in loading.concepts(rows, **options)]


def faults(file, columns=USUAL, **options):
    with pytest.raises(Unprocessable) as refusal:
        read(file, columns, **options)
    assert all(
        "{" not in one.text(tongue) for one in refusal.value.issues for tongue in ("zh", "en")
    )
    return [(one.message, one.arguments) for one in refusal.value.issues]


@pytest.fixture
def file(tmp_path):
    def file(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_in_any_usual_encoding(file, encoding):
    found = read(file(CSV.encode(encoding)))
    assert [one["code"] for one in found] == ["I10", "I10.x00", "E11"]
    assert found[0]["display"] == "高血压病"
    assert found[0]["designation"] == [{"language": "en", "value": "Hypertension"}]


@pytest.mark.parametrize("divider", [",", "\t", ";", "|"])
def test_any_usual_divider(file, divider):
    assert len(read(file(CSV.replace(",", divider)))) == 3


def test_comments_and_empty_lines_are_passed_over(file):
    assert len(read(file(CSV.replace("\nE11", "\n\n# a comment\n,,,\nE11")))) == 3


def test_a_packed_file(file):
    assert len(read(file(gzip.compress(CSV.encode()), "table.csv.gz"))) == 3
    assert faults(file(b"no gzip", "bad.csv.gz"))[0][0] == "load-not-of-format"


def test_columns_may_be_named(file):
    content = "a,b,c,d\n1,one,,x\n2,two,1,y\n"
    columns = Columns(code="a", display="b", parent="c", properties=("d",))
    one, two = read(file(content), columns)
    assert one["property"] == [{"code": "d", "valueString": "x"}]
    assert two["display"] == "two"


def test_a_hierarchy_by_prefix(file):
    rows = files.rows(file(CSV), "csv", Columns())
    known = {one.code: one for _, one in loading.concepts(rows, by_prefix=True)}
    assert known["I10.x00"].parents == ("I10",)
    assert known["I10"].has_children
    assert known["E11"].ancestors == {"E11"}


LOINC = (
    '"LOINC_NUM","COMPONENT","SCALE_TYP","LONG_COMMON_NAME","STATUS"\n'
    '"8480-6","BP","Qn","Systolic","ACTIVE"\n'
)


def test_the_columns_of_loinc_are_known(file):
    (row,) = read(file(LOINC, "Loinc.csv"))
    assert row["display"] == "Systolic"
    assert {"code": "SCALE_TYP", "valueString": "Qn"} in row["property"]


def workbook(path, rows):
    """Write a workbook of one sheet, with nothing in it that need not be there."""
    cells = "".join(f"<row>{''.join(_cell(value) for value in row)}</row>" for row in rows)
    space = "http://schemas.openxmlformats.org"
    main, office = f"{space}/spreadsheetml/2006/main", f"{space}/officeDocument/2006/relationships"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    links = f'<Relationships xmlns="{space}/package/2006/relationships"><Relationship Id="r1"'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{space}/package/2006/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        '<Override PartName="/xl/worksheets/sheet1.xml" '
        f'ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'{links} Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{links} Type="{office}/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}">'
        f"<sheetData>{cells}</sheetData></worksheet>",
    }
    with zipfile.ZipFile(path, "w") as book:
        for name, text in parts.items():
            book.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return path


def _cell(value):
    if isinstance(value, int | float):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t>{value}</t></is></c>'


def test_a_workbook(tmp_path):
    rows = [["诊断编码", "诊断名称"], ["I10", "高血压病"], [11, "数字编码"]]
    found = read(workbook(tmp_path / "table.xlsx", rows))
    assert [(one["code"], one["display"]) for one in found] == [
        ("I10", "高血压病"),
        ("11", "数字编码"),
    ]


def test_a_code_system(file):
    inner = {"code": "b", "property": [{"code": "weight", "valueDecimal": 1.5}]}
    resource = {"resourceType": "CodeSystem", "concept": [{"code": "a", "concept": [inner]}]}
    path = file(json.dumps(resource), "system.json")
    found = loading.concepts(files.rows(path, "fhir", Columns()))
    assert [(one.code, one.parents) for _, one in found] == [("a", ()), ("b", ("a",))]
    assert found[1][0]["property"][0]["valueDecimal"] == "1.5"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("code,display\na,b\n,c\n", ("load-code-missing", 3, "code")),
        ("code,display\na,b\na,c\n", ("load-code-repeated", 3, "code")),
        ("code,display\na  b,c\n", ("load-code-malformed", 2, "code")),
        ("编码,名称,上级编码\na,b,z\n", ("load-parent-unknown", 2, "上级编码")),
        ("code,display,parent\na,b,a\n", ("load-parent-unknown", 2, "parent")),
        (f"code,display\na,{'b' * 5000}\n", ("load-name-too-long", 2, "display")),
    ],
)
def test_a_bad_row_is_told_with_row_column_and_rule(file, content, told):
    ((message, arguments),) = faults(file(content))
    assert (message, arguments["row"], arguments["column"]) == told


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("", "a.csv", "load-column-missing"),
        ("x,y\n1,2\n", "a.csv", "load-column-missing"),
        ("code,display\n", "a.csv", "load-empty"),
        (b"code\n\xff\xff\xff", "a.csv", "load-not-text"),
        (b"no workbook", "a.xlsx", "load-not-of-format"),
        (b"PK\x03\x04", "a.xlsx", "load-not-of-format"),
        ("{", "a.json", "load-not-of-format"),
        ("[" * 100_000, "a.json", "load-not-of-format"),
        ('{"resourceType": "Patient"}', "a.json", "load-not-of-format"),
    ],
)
def test_what_is_no_table_is_refused(file, content, name, message):
    assert faults(file(content, name))[0][0] == message


def test_no_more_than_twenty_faults_are_told(file):
    assert len(faults(file("code,display\n" + "a,b\n" * 1000))) == 20


def test_a_column_that_is_named_has_to_be_there(file):
    assert faults(file(CSV), Columns(parent="none"))[0][0] == "load-column-missing"
    assert faults(file(CSV), Columns(properties=("none",)))[0][0] == "load-column-missing"


@given(st.binary(max_size=300))
def test_no_file_is_more_than_refused(tmp_path_factory, body):
    for name in ("a.csv", "a.xlsx", "a.json", "a.csv.gz"):
        path = tmp_path_factory.mktemp("files") / name
        path.write_bytes(body)
        with suppress(Unprocessable):
            read(path)
