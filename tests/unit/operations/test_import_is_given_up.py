"""Who gives up an import is heard also where there is much to read and no row to write."""

import io
from types import SimpleNamespace
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pytest

from server.context import AT_ONCE
from server.intake.formats import XLSX, content_type
from server.interactions.call import Call
from server.jobs.following import Stopped
from server.operations import importing
from server.operations.arguments import Arguments
from server.services import Interpreters
from server.settings import Settings

SHEET = "xl/worksheets/sheet1.xml"


def workbook(rows):
    book, content = io.BytesIO(), io.BytesIO()
    made = openpyxl.Workbook()
    made.active.append(["姓名"])
    made.save(book)
    with ZipFile(book) as old, ZipFile(content, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = old.read(name)
            end = b"</sheetData>"
            new.writestr(name, part.replace(end, rows + end) if name == SHEET else part)
    return content.getvalue()


@pytest.mark.parametrize(
    ("type", "content"),
    [
        ("text/csv", "姓名\n".encode() + b"\n" * 1000),
        (
            content_type(XLSX),
            workbook(b"".join(b'<row r="%d"/>' % row for row in range(2, 100_000))),
        ),
    ],
)
def test_an_import_without_rows_hears_that_it_must_not_go_on(type, content):
    reasons = []

    class Work:
        def check(self):
            if reasons:
                raise Stopped(reasons[0])

    context = SimpleNamespace(work=Work(), interpreters=Interpreters.of(Settings()))
    call = Call(interaction="$import", method="POST", body=content, raw_type=type)
    asked = Arguments({"dataset": ("InpatientFrontPage",)})
    source = importing.check(context, call, asked)
    reasons.append("lost")
    with pytest.raises(Stopped):
        next(source.sheet.rows)
    context.work = AT_ONCE
    assert list(importing.check(context, call, asked).sheet.rows) == []
