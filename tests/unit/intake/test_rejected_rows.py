"""A file of rejects has rows as they were, and is read as if nothing had been added."""

import io

import pytest

from server.intake import csv_rows, ndjson_rows, rejects
from server.intake.made import Made
from server.intake.rows import Row, rule, unreadable


def again(content, reader):
    return list(reader(io.BytesIO(content)).rows)


@pytest.mark.parametrize("cells", [("测试甲", '5" , \n x'), ("=1+1", ""), (" a", "b ")])
def test_a_rejected_row_of_a_table_is_read_again_as_it_was(cells):
    row = Row(7, ("a", "b"), cells, (unreadable("intake-nul"),))
    content = rejects.header(("a", "b")) + rejects.written([Made(row, faults=row.faults)], "en")
    (found,) = again(content, csv_rows.read)
    assert found.cells[:2] == cells
    assert found.cells[2] == "7"
    assert found.header[2:] == ("",) * 7


def refused(row, language="zh"):
    """Return the file of rejects that has `row`, which could not be read."""
    told = rejects.written([Made(row, faults=row.faults)], language)
    if row.line is not None:
        return told
    return rejects.header([name for name in row.header if name]) + told


def rules(rows):
    return [rule(fault) for row in rows for fault in row.faults]


@pytest.mark.parametrize("cells", [("1",), ("1", "2", "3")])
def test_a_row_of_another_length_fits_under_its_headers_and_has_to_be_changed(cells):
    row = Row(2, ("a", "b"), cells, (unreadable("intake-cells", count=1, expected=2),))
    content = refused(row)
    (found,) = again(content, csv_rows.read)
    assert rules([found]) == ["as-it-was"]
    assert found.faults[0].arguments["rule"] == "cells"
    (changed,) = again(content.replace(b"1,", b"4,", 1), csv_rows.read)
    assert not changed.faults
    assert changed.cells[:2] == ("4", *found.cells[1:2])


@pytest.mark.parametrize(
    ("content", "broken"),
    [
        (b"a,b\n1\n", "cells"),
        (b"a,b\n1,2,3\n", "cells"),
        (b'a,b\n"1"x,2\n', "quote-broken"),
        (b'a,b\n1,"2\n', "quote-open"),
        (b"a,b\n1,2\0\n", "nul"),
        ("甲,b\n1,2\n".encode() + "测试,2\n".encode("gb18030"), "encoding-mixed"),
        (b"a,b,\n1,2,3\n", "header-missing"),
    ],
)
def test_a_row_that_could_not_be_read_is_refused_until_it_is_changed(content, broken):
    wrong = [row for row in again(content, csv_rows.read) if row.faults]
    assert rules(wrong) == [broken]
    for _ in range(3):
        content = refused(wrong[0])
        wrong = again(content, csv_rows.read)
        assert rules(wrong) == ["as-it-was"]
        assert wrong[0].faults[0].value == broken
    emptied = content.replace(content[content.index(b"sha256:") :].split(b"\r")[0], b"")
    assert "as-it-was" not in rules(again(emptied, csv_rows.read))


def test_a_character_that_was_lost_is_refused_whatever_else_is_changed():
    wrong = again("甲,b\n".encode() + b"\xff\xff,2\n", csv_rows.read)
    assert rules(wrong) == ["encoding-unknown"]
    content = refused(wrong[0]).replace(b",2,", b",3,", 1)
    assert rules(again(content, csv_rows.read)) == ["character-lost"]
    line = again('{"a":"\ufffd"}\n{"resourceType":"X","a":"\\uFFFD"}'.encode(), ndjson_rows.read)
    assert rules(line) == ["character-lost", "character-lost"]


def test_a_row_that_was_read_is_not_held_back():
    row = Row(2, ("a",), ("1",))
    made = Made(row, faults=(unreadable("intake-json"),))
    content = rejects.header(("a",)) + rejects.written([made], "zh")
    assert rules(again(content, csv_rows.read)) == []


def test_a_line_of_json_in_another_encoding_is_refused_until_it_is_changed():
    content = '{"a":"测试甲乙"}\n{"a":"测试"}\n'.encode() + '{"a":"测试"}\n'.encode("gb18030")
    wrong = [row for row in again(content, ndjson_rows.read) if row.faults]
    assert rules(wrong) == ["encoding-mixed"]
    content = refused(wrong[0])
    wrong = again(content, ndjson_rows.read)
    assert rules(wrong) == ["as-it-was"]
    assert refused(wrong[0]).count(b'"_as_it_was":') == 1
    assert rules(again(content.replace("测试".encode(), "测".encode()), ndjson_rows.read)) == []


def test_a_reject_of_a_reject_is_told_of_once():
    line = (
        b'{"a": 1.50, "b": "\\",_row", "c":{"d":1,"_row":2},"_row":"7","_element":"x","_rule":"y"}'
    )
    (row,) = again(line, ndjson_rows.read)
    content = rejects.written([Made(row, faults=(unreadable("intake-json"),))], "zh")
    assert content.startswith(line[: line.index(b',"_row":"7"')] + b',"_row":"1"')
    assert [content.count(name) for name in (b',"_row":"', b"_element", b"_rule")] == [1, 1, 1]


def test_what_is_told_of_a_line_is_no_part_of_it_wherever_it_stands():
    line = b'{"_row":"7","resourceType":"X", "a":1.50,"_rule":"y"}'
    (row,) = again(line, ndjson_rows.read)
    assert row.resource == b'{"resourceType":"X","a":1.50}'


def test_two_properties_of_one_name_are_refused_and_given_back():
    line = '{"姓名":"甲","姓名":"乙"}'.encode()
    (row,) = again(line, ndjson_rows.read)
    assert rules([row]) == ["json-duplicate-property"]
    assert row.faults[0].value == "姓名"
    (found,) = again(refused(row), ndjson_rows.read)
    assert found.line == line
    assert rules([found]) == ["json-duplicate-property"]


def test_a_line_of_more_properties_than_elements_costs_no_other():
    many = ",".join(f'"x{number}":1' for number in range(5001))
    rows = again(f'{{"a":"1"}}\n{{{many}}}\n{{"a":"2"}}'.encode(), ndjson_rows.read)
    assert [rules([row]) for row in rows] == [[], ["headers-too-many"], []]


def test_a_value_without_a_header_is_in_the_rejects_and_can_be_emptied():
    wrong = again(b"a,,b\n1,x,2\n3,,4\n", csv_rows.read)
    assert rules(wrong) == ["header-missing"]
    assert wrong[0].faults[0].arguments == {"value": "x", "column": 2}
    content = refused(wrong[0])
    assert b"a, ,b,_row" in content
    assert b"1,x,2,2," in content
    (right,) = again(content.replace(b"1,x,2", b"1,,2"), csv_rows.read)
    assert not right.faults


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
