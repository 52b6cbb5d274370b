"""Moments in words, also those at the ends of the calendar."""

from zoneinfo import ZoneInfo

import pytest

from server.portal import words

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2025-03-01T01:10:30Z", "2025-03-01 09:10"),
        ("2025-03", "2025-03"),
        ("0001-06-01T00:00:00Z", "0001-06-01 08:05"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:60Z"),
        (None, ""),
    ],
)
def test_a_moment_is_told_in_the_zone_if_a_calendar_has_it_there(text, told):
    assert words.moment(text, ZONE) == told
