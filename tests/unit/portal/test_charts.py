"""Trends as pictures: what they say, and that no data makes them break or run."""

import math
import re

import pytest

from server.portal.charts import Point, chart

PROBE = '<script>alert("1")</script>'


def points(*values):
    return [
        Point(86400.0 * day, value, f"2025-01-{day + 1:02}") for day, value in enumerate(values)
    ]


def numbers(picture):
    return [
        float(one) for one in re.findall(r' (?:[xy][12]?|c[xy]|width|height)="([^"]+)"', picture)
    ]


def test_nothing_is_drawn_of_nothing():
    assert chart("c", "t", "d", []) == ""
    assert chart("c", "t", "d", [[]]) == ""


@pytest.mark.parametrize(
    "values", [(5,), (5, 5, 5), (0, 0), (-1, 1), (1e-9, 2e-9), (1e12, 1), (36.5, 36.6)]
)
@pytest.mark.parametrize("usual", [None, (3.0, 6.0), (None, 6.0), (3.0, None)])
def test_every_place_is_on_the_picture(values, usual):
    picture = chart("c", "t", "d", [points(*values)], usual)
    assert all(math.isfinite(one) and -1 <= one <= 641 for one in numbers(picture))
    assert picture.count("<circle") == len(values)


def test_a_higher_value_is_drawn_higher():
    picture = chart("c", "t", "d", [points(1, 2)])
    first, second = (float(one) for one in re.findall(r'cy="([^"]+)"', picture))
    assert second < first


def test_it_is_named_for_who_cannot_see_it():
    picture = chart("c1", "血压", "两次结果", [points(1, 2)])
    assert 'role="img"' in picture
    assert 'aria-labelledby="c1-t c1-d"' in picture
    assert '<title id="c1-t">血压</title><desc id="c1-d">两次结果</desc>' in picture


def test_texts_stay_texts():
    picture = chart("c", PROBE, PROBE, [[Point(0.0, 1.0, PROBE), Point(1.0, 2.0, "b")]])
    assert "<script" not in picture
