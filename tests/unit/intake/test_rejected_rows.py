"""A file of rejects has rows as they were, and is read as if nothing had been added."""

import io

import pytest

from server.intake import csv_rows, ndjson_rows, rejects
from server.intake.made import Made
from server.intake.rows import Row, unreadable


def again(content, reader):
    return list(reader(io.BytesIO(content)).rows)


@pytest.mark.parametrize("cells", [("测试甲", '5" , \n x'), ("=1+1", ""), (" a", "b ")])
def test_a_rejected_row_of_a_table_is_read_again_as_it_was(cells):
    row = Row(7, ("a", "b"), cells, (unreadable("intake-nul"),))
    content = rejects.header(("a", "b")) + rejects.written([Made(row, faults=row.faults)], "en")
    (found,) = again(content, csv_rows.read)
    assert found.cells[:2] == cells
    assert found.cells[2] == "7"
    assert found.header[2:] == ("",) * 6


@pytest.mark.parametrize("cells", [("1",), ("1", "2", "3")])
def test_a_row_of_another_length_still_fits_under_its_headers(cells):
    row = Row(2, ("a", "b"), cells, (unreadable("intake-cells", count=1, expected=2),))
    content = rejects.header(("a", "b")) + rejects.written([Made(row, faults=row.faults)], "en")
    (found,) = again(content, csv_rows.read)
    assert not found.faults


@pytest.mark.parametrize(
    "line", [b'{"a":"1"}', b"{}", b'{"resourceType":"EncounterRecord","n":1.50}']
)
def test_a_rejected_line_of_json_is_read_again_as_it_was(line):
    (row,) = again(line, ndjson_rows.read)
    content = rejects.written([Made(row, faults=(unreadable("intake-json"),))], "zh")
    assert b'"_row":"1"' in content
    (found,) = again(content, ndjson_rows.read)
    assert (found.header, found.cells, found.resource) == (row.header, row.cells, row.resource)


def test_a_line_that_is_no_json_stands_in_a_text():
    (row,) = again(b'{"a":', ndjson_rows.read)
    content = rejects.written([Made(row, faults=row.faults)], "zh")
    assert content.startswith(b'{"_text":"{\\"a\\":"')
    (found,) = again(content.replace(b'\\"a\\":', b'\\"a\\":1}'), ndjson_rows.read)
    assert found.cells == ("1",)


def test_the_content_tells_what_the_file_is_called():
    assert rejects.file_name(rejects.header(("a",))) == "rejects.csv"
    assert rejects.file_name(b"{}") == "rejects.ndjson"
