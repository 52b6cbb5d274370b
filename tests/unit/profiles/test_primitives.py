"""Values of primitive types: https://hl7.org/fhir/R4/datatypes.html#primitive."""

import base64
import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import content
from server.profiles.definitions import load
from server.profiles.primitives import checks, is_clean

PRIMITIVES = load(content.PROFILES / "r4").primitives
CHECKS = checks(PRIMITIVES)
UUID = "c757873d-ec9a-4326-a141-556f43239520"

GOOD = {
    "base64Binary": ["AA==", "QUJD", "QU\r\nJD", " QUJD ", "+/+/"],
    "boolean": [True, False],
    "canonical": ["http://hl7.org/fhir/ValueSet/x|4.0", "#a", "urn:oid:1.2.3"],
    "code": ["a", "a b", "8480-6", "男", "a\tb", "<="],
    "date": ["2024", "2024-02", "2024-02-29", "1900-02-28", "2000-02-29", "0001-01-01"],
    "dateTime": [
        "2024",
        "2024-02",
        "2024-02-29",
        "2024-02-29T23:59:59Z",
        "2024-02-29T23:59:60+08:00",
        "2024-02-29T00:00:00.123456789-14:00",
    ],
    "decimal": [0, -1, 1.5, 1e-9, 2**70, -0.0],
    "id": ["a", "A-1.b", "a" * 64],
    "instant": ["2015-02-07T13:28:17.239+02:00", "2017-01-01T00:00:00Z", "2016-12-31T23:59:60Z"],
    "integer": [0, -1, 2**31 - 1, -(2**31)],
    "markdown": ["# 标题\n\n内容", " "],
    "oid": ["urn:oid:1.2.3.4.5", "urn:oid:2.16.156.10011.1.3"],
    "positiveInt": [1, 2**31 - 1],
    "string": ["a", " ", "王\u3000伟", "a\tb\r\nc", "\U00020000", "\u00a0", "x" * 2**20],
    "time": ["00:00:00", "23:59:60", "12:34:56.789"],
    "unsignedInt": [0, 2**31 - 1],
    "uri": ["http://a", "urn:x", "#a", "居民"],
    "url": ["mailto:a@example.org", "http://example.org/a?b=c"],
    "uuid": [f"urn:uuid:{UUID}"],
}
BAD = {
    "base64Binary": ["", " ", "A", "QUJ", "QUJ=D", "QU-_", "QUJD=", "＝", 1, None],
    "boolean": ["true", "false", 0, 1, None, [True]],
    "canonical": ["", "a b", " a", "a\x00", 1],
    "code": ["", " a", "a ", "a  b", "\t", "a\x00", "a\x7f\x1f", 1, True, None],
    "date": [
        "2023-02-29",
        "2023-02-30",
        "1900-02-29",
        "2023-04-31",
        "2023-13",
        "2023-00",
        "2023-1-1",
        "2023-01-00",
        "23-01-01",
        "0000-01-01",
        "2023-01-01T00:00:00Z",
        "2023-01-01\n",
        "2023-W05-1",
        "20230101",
        "２０２３",
        "",
        2023,
    ],
    "dateTime": [
        "2024-02-29T23:59:59",
        "2024-02-29T24:00:00Z",
        "2024-02-29T23:59Z",
        "2023-02-29T10:00:00Z",
        "2024-02-29 10:00:00Z",
        "2024-02-29T10:00:00+15:00",
        "2024-02-29T10:00:00.Z",
        "2024-02-29T10:00:00z",
        "2024-02-29T10:60:00Z",
        20240229,
    ],
    "decimal": ["1.5", "1", True, None, [1], {}],
    "id": ["", "a_b", "a/b", "a" * 65, "..\\", "王", "a ", 1],
    "instant": ["2015-02-07", "2015-02-07T13:28:17", "2015-02-30T13:28:17Z", ""],
    "integer": [2**31, -(2**31) - 1, 1.0, 1.5, "1", True, None],
    "markdown": ["", "a\x0b", 1],
    "oid": ["1.2.3", "urn:oid:3.1", "urn:oid:1.02", "urn:oid:1", ""],
    "positiveInt": [0, -1, 2**31, 1.0, "1", True],
    "string": ["", "\x00", "a\x1fb", "\ud800", "x" * (2**20 + 1), 1, True, None, ["a"]],
    "time": ["24:00:00", "12:34", "12:34:56Z", "1:02:03", ""],
    "unsignedInt": [-1, 2**31, 0.0, "0", False],
    "uri": ["", "a b", "a\x01", "http://a\n", 1],
    "url": ["", "http://example.org/ a"],
    "uuid": [UUID, f"urn:uuid:{UUID.upper()}", "urn:uuid:1", ""],
}


def pairs(table):
    return [(name, value) for name, values in table.items() for value in values]


def short(value):
    return repr(value)[:40] if not isinstance(value, str) or len(value) > 60 else None


@pytest.mark.parametrize(("name", "value"), pairs(GOOD), ids=short)
def test_a_good_value_is_accepted(name, value):
    assert CHECKS[name](value)


@pytest.mark.parametrize(("name", "value"), pairs(BAD), ids=short)
def test_a_bad_value_is_refused(name, value):
    assert not CHECKS[name](value)


def test_every_primitive_type_is_in_the_tables():
    assert set(GOOD) == set(BAD) == set(CHECKS) - {"xhtml"}


@given(st.dates(min_value=date(1, 1, 1)))
def test_every_day_of_the_calendar_is_a_date(day):
    assert CHECKS["date"](day.isoformat())
    assert CHECKS["dateTime"](day.isoformat())


@given(st.integers(1, 9999), st.integers(1, 12), st.integers(1, 31))
def test_only_days_of_the_calendar_are_dates(year, month, day):
    following = date(year, month, 1) + timedelta(days=day - 1) if year < 9999 else None
    text = f"{year:04}-{month:02}-{day:02}"
    if following is not None:
        assert CHECKS["date"](text) == (following.month == month)


@given(st.text(max_size=20))
def test_tokens_are_what_their_regexes_say(text):
    """https://hl7.org/fhir/R4/datatypes.html#code ; white space is that of XML Schema."""
    for name in ("code", "uri"):
        matches = re.fullmatch(PRIMITIVES[name].regex, text, re.ASCII) is not None
        assert CHECKS[name](text) == (matches and text != "" and is_clean(text))


@given(st.text())
def test_a_string_is_anything_but_empty_and_control_characters(text):
    allowed = all(char in "\t\r\n" or ord(char) >= 0x20 for char in text)
    assert CHECKS["string"](text) == (allowed and text != "")


@given(st.binary(min_size=1))
def test_all_base64_is_base64(data):
    assert CHECKS["base64Binary"](base64.b64encode(data).decode())


@pytest.mark.parametrize("count", [10, 1000, 100_000])
def test_white_space_does_not_make_base64_slow(count):
    assert not CHECKS["base64Binary"](" " * count + "!")
