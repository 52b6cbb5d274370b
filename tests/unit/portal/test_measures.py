"""Results put together as trends, whatever numbers and dates somebody sent."""

from zoneinfo import ZoneInfo

import pytest

from server.portal import measures
from tests.builders import observation

ZONE = ZoneInfo("Asia/Shanghai")


def told(*observations):
    return measures.measures(observations, "en", ZONE)


@pytest.mark.parametrize("value", [1e308, -1e308, 10**18, 1e12])
def test_a_number_beyond_all_measure_is_told_and_not_drawn(value):
    (one,) = told(*[observation(valueQuantity={"value": each}) for each in (value, 36.5, 37)])
    assert len(one.rows) == 3
    assert "inf" not in one.picture("a", "en")
    assert one.picture("a", "en").count("<circle") == 2


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_result_at_the_end_of_the_calendar_is_told(when):
    (one,) = told(observation(effectiveDateTime=when), observation())
    assert [row.when for row in one.rows] == [when, "2025-03-01 08:30"]
