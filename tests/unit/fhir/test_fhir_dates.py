"""https://hl7.org/fhir/R4/datatypes.html#dateTime."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.date import interval, microseconds

SHANGHAI = ZoneInfo("Asia/Shanghai")
FIRST, LAST = datetime.fromisoformat("0001-01-02"), datetime.fromisoformat("9999-12-30")


def span(text, zone=SHANGHAI):
    start, end = interval(text, zone)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return tuple((epoch + timedelta(microseconds=x)).isoformat() for x in (start, end))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2024", "2023-12-31T16:00:00+00:00", "2024-12-31T16:00:00+00:00"),
        ("2024-02", "2024-01-31T16:00:00+00:00", "2024-02-29T16:00:00+00:00"),
        ("2024-12", "2024-11-30T16:00:00+00:00", "2024-12-31T16:00:00+00:00"),
        ("2024-02-29", "2024-02-28T16:00:00+00:00", "2024-02-29T16:00:00+00:00"),
        ("2024-05-01T08:30", "2024-05-01T00:30:00+00:00", "2024-05-01T00:31:00+00:00"),
        ("2024-05-01T08:30:15", "2024-05-01T00:30:15+00:00", "2024-05-01T00:30:16+00:00"),
        ("2024-05-01T08:30:15Z", "2024-05-01T08:30:15+00:00", "2024-05-01T08:30:16+00:00"),
        ("2024-05-01T08:30:15+08:00", "2024-05-01T00:30:15+00:00", "2024-05-01T00:30:16+00:00"),
        ("2024-05-01T08:30:15-05:30", "2024-05-01T14:00:15+00:00", "2024-05-01T14:00:16+00:00"),
        ("2024-05-01T08:30Z", "2024-05-01T08:30:00+00:00", "2024-05-01T08:31:00+00:00"),
        (
            "2024-05-01T08:30:15.12Z",
            "2024-05-01T08:30:15.120000+00:00",
            "2024-05-01T08:30:15.130000+00:00",
        ),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00", "2017-01-01T00:00:01+00:00"),
        # China had summer time then, an hour ahead.
        ("1988-07-01", "1988-06-30T15:00:00+00:00", "1988-07-01T15:00:00+00:00"),
    ],
)
def test_a_date_is_as_long_as_it_is_imprecise(text, start, end):
    assert span(text) == (start, end)


@pytest.mark.parametrize(
    "text",
    [
        "", "24", "2024-13", "2023-02-29", "2023-02-30", "0000", "2024-1-1", "2024-05-01T25:00:00Z",
        "2024-05-01T10:61:00Z", "2024-05-01T10:00:61Z", "2024-05-01T10:00:00+15:00",
        "2024-05-01T10:00:00 08:00", "2024-05-01 10:00:00", "2024-05-01T10", "yesterday",
        "2024-W01-1T10:00:00Z", "２０２４", "2024-05-01\n", "-2024",
    ],
)  # fmt: skip
def test_what_no_calendar_has_is_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        interval(text, SHANGHAI)


def test_the_last_day_that_can_be_written_has_an_end():
    start, end = interval("9999-12-31", UTC)
    assert end - start == 86_400_000_000


@given(st.datetimes(FIRST, LAST), st.integers(-14, 14))
def test_what_python_writes_reads_as_the_same_moment(moment, hours):
    aware = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    start, end = interval(aware.isoformat(timespec="microseconds"), SHANGHAI)
    assert (start, end) == (microseconds(aware), microseconds(aware) + 1)


@given(st.dates())
def test_days_months_and_years_are_nested(day):
    year, month, date = (interval(day.isoformat()[:length], SHANGHAI) for length in (4, 7, 10))
    assert year.start <= month.start <= date.start < date.end <= month.end <= year.end


@given(st.text(max_size=30))
def test_any_text_is_a_date_or_refused(text):
    try:
        start, end = interval(text, SHANGHAI)
    except ValueError:
        return
    assert start < end
