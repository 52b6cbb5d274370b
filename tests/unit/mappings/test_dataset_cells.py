"""A cell is read as the standards write it; what is only spelling is put right and told.

Spec: WS 363.1-2011 卫生信息数据元目录 第1部分：总则, 5.1.6
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.records.cells import Column, Known, WrongCellError, read
from server.records.datasets import Shape, divided, joined
from server.records.right_cells import is_right

TABLE = {
    "01": Known("01"),
    "1": Known("01", "dataset-code-width"),
    "08": Known("08", "dataset-edition", "2023"),
}
COLUMNS = [
    Column("text", "text", most=100),
    Column("short", "text", most=20),
    Column("name", "text", most=50, letters="A"),
    Column("marks", "marks", most=18),
    Column("digits", "digits", least=3, most=6),
    Column("code", "code", codes=TABLE),
    Column("number", "number", most=5, decimals=1),
    Column("whole", "number", most=3),
    Column("flag", "flag"),
    Column("date", "date"),
    Column("dateTime", "dateTime"),
]
BY_NAME = {column.name: column for column in COLUMNS}


def told(column, text):
    value, found = read(BY_NAME[column], text)
    return value, [one.message.removeprefix("dataset-") for one in found]


@pytest.mark.parametrize(
    ("column", "text", "value", "rules"),
    [
        ("text", "测试甲", "测试甲", []),
        ("text", "\u3000测试甲 ", "测试甲", ["spaces"]),
        ("text", "体温３６℃", "体温３６℃", []),
        ("short", "ＡＢ１２", "AB12", ["full-width"]),
        ("marks", "３５０Ｘ", "350X", ["full-width"]),
        ("marks", "35060019900115101x", "35060019900115101X", ["small-x"]),
        ("marks", "350600 19900115", "35060019900115", ["spaces"]),
        ("code", "01", "01", []),
        ("code", "１", "01", ["full-width", "code-width"]),
        ("code", "08", "08", ["edition"]),
        ("number", "36.5", "36.5", []),
        ("number", "36.0", "36.0", []),
        ("number", "036.5", "36.5", ["zeros"]),
        ("number", "３６．５", "36.5", ["full-width"]),
        ("flag", "T", "T", []),
        ("flag", "是", "T", ["flag-written"]),
        ("flag", "0", "F", ["flag-written"]),
        ("date", "20240229", "20240229", []),
        ("date", "2024-2-9", "20240209", ["date-written"]),
        ("date", "2024年2月9日", "20240209", ["date-written"]),
        ("date", "2024-02-09 00:00:00", "20240209", ["date-written"]),
        ("dateTime", "20240229T081500", "20240229T081500", []),
        ("dateTime", "2024-02-29 8:15:00", "20240229T081500", ["date-written"]),
        ("dateTime", "20240229081500", "20240229T081500", ["date-written"]),
        ("dateTime", "2024-02-29T08:15:00+08:00", "20240229T081500", ["date-written"]),
        ("dateTime", "20240229", "20240229", ["time-missing"]),
        ("number", "-", "", ["empty"]),
        ("text", "", "", []),
    ],
)
def test_a_cell_is_read(column, text, value, rules):
    assert told(column, text) == (value, rules)


@pytest.mark.parametrize(
    ("column", "text", "rule"),
    [
        ("date", "20230230", "date"),
        ("date", "2023", "date-format"),
        ("date", "202302301", "date-format"),
        ("dateTime", "20230230T101010", "date"),
        ("dateTime", "20230228T251010", "time"),
        ("dateTime", "20230228Tabc", "time-format"),
        ("dateTime", "2023-02-28T10:10:10Z", "zone"),
        ("number", "12,5", "number"),
        ("number", "36.55", "decimals"),
        ("number", "12345", "length"),
        ("number", "-1", "number"),
        ("whole", "1.5", "decimals"),
        ("flag", "也许", "flag"),
        ("code", "77", "domain"),
        ("digits", "12a", "digits"),
        ("digits", "1234567", "length"),
        ("marks", "A\x01", "letters-and-digits"),
        ("marks", "A" * 19, "length"),
        ("name", "350600199001151016", "letters"),
        ("name", "12", "letters"),
    ],
)
def test_a_wrong_cell_is_refused_by_its_rule(column, text, rule):
    with pytest.raises(WrongCellError) as refused:
        read(BY_NAME[column], text)
    assert refused.value.message == f"dataset-{rule}"


@given(st.sampled_from(COLUMNS), st.text(max_size=20))
def test_no_text_whatever_is_anything_but_read_or_refused(column, text):
    try:
        value, _ = read(column, text)
    except WrongCellError:
        return
    again, more = read(column, value)
    assert again == value
    # A time that is missing stays missing, and a code of another edition stays one.
    assert {one.message for one in more} <= {"dataset-time-missing", "dataset-edition"}


@given(
    st.sampled_from(COLUMNS),
    st.text(max_size=20)
    | st.text("0123456789.T", max_size=16)
    | st.dates().map(lambda day: day.strftime("%Y%m%d"))
    | st.sampled_from(["01", "1", "08", "T", "F", "-", "NULL", "36.5", "测试甲", "Ｔ"]),
)
def test_what_is_told_to_be_right_is_read_as_it_stands(column, text):
    if text and is_right(column)(text):
        assert read(column, text) == (text, [])


LISTED = st.lists(
    st.text("甲乙\\|｜；;,，、 ", max_size=6) | st.text(max_size=5), min_size=1, max_size=4
)


@pytest.mark.parametrize("kind", ["text", "marks", "digits", "code"])
@given(values=LISTED)
def test_values_are_divided_as_they_were_joined(kind, values):
    column = Column("each", kind, repeats=True)
    assert divided(column, joined(values, kind)) == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("甲|乙｜丙", ["甲", "乙", "丙"]),
        ("甲\\|乙", ["甲|乙"]),
        ("甲\\｜乙", ["甲｜乙"]),
        ("甲\\\\|乙", ["甲\\", "乙"]),
        ("甲\\\\\\|乙", ["甲\\|乙"]),
        ("\\\\server\\甲|乙\\", ["\\\\server\\甲", "乙\\"]),
        ("甲；乙", ["甲；乙"]),
    ],
)
def test_a_backslash_means_something_before_a_divider_alone(text, values):
    assert divided(Column("each", "text", repeats=True), text) == values


def test_codes_are_divided_by_what_is_usual():
    shape = Shape.of([Column("each", "code", codes=TABLE, repeats=True)])
    assert shape.load({"each": "01；08、01"}).cells["each"].values == ("01", "08", "01")


def test_what_is_required_and_empty_is_told():
    shape = Shape.of([Column("needed", "text", is_required=True), Column("other", "text")])
    for row in ({}, {"needed": ""}, {"needed": " "}, {"needed": "-"}):
        faults = shape.load(row).faults["needed"]
        errors = [one.message for one in faults if one.severity == "error"]
        assert errors == ["dataset-required"]
