"""What the standards write for a format means what WS 363.1 says.

Spec: WS 363.1-2011 卫生信息数据元目录 第1部分：总则, 5.1.6
"""

import pytest

from server.mappings.formats import Format, WrongFormatError, parsed


@pytest.mark.parametrize(
    ("type", "format", "meaning"),
    [
        ("S1", "AN..50", Format("text", 0, 50, 0, "AN")),
        ("S1", "A..50", Format("text", 0, 50, 0, "A")),
        ("S1", "AN..18", Format("marks", 0, 18, 0, "AN")),
        ("S1", "AN18", Format("marks", 18, 18, 0, "AN")),
        ("S1", "N17", Format("digits", 17, 17, 0, "N")),
        ("S1", "N..30", Format("digits", 0, 30, 0, "N")),
        ("S3", "N2", Format("code", 2, 2, 0, "N")),
        ("S2", "N1", Format("code", 1, 1, 0, "N")),
        ("N", "N3", Format("number", 0, 3, 0, "N")),
        ("N", "N2..3", Format("number", 0, 3, 0, "N")),
        ("N", "N4,1", Format("number", 0, 4, 1, "N")),
        ("N", "N..10,2", Format("number", 0, 10, 2, "N")),
        ("N", "N4..5,1", Format("number", 0, 5, 1, "N")),
        ("D", "D8", Format("date", 8, 8, 0, "D")),
        ("DT", "DT15", Format("dateTime", 15, 15, 0, "DT")),
        ("L", "T/F", Format("flag", 1, 1)),
    ],
)
def test_a_format_is_read(type, format, meaning):
    assert parsed(type, format) == meaning


@pytest.mark.parametrize(
    ("type", "format"), [("S1", "X..50"), ("S9", "AN..5"), ("N", ""), ("L", "N1x")]
)
def test_what_the_standard_does_not_know_is_refused(type, format):
    with pytest.raises(WrongFormatError):
        parsed(type, format)
