"""Places near a point: https://hl7.org/fhir/R4/location.html#search."""

from math import asin, cos, radians, sin, sqrt

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from server.fhir.outcome import BadRequest
from server.search.near import RADIUS, parse
from tests.unit.search.asking import Kept, compared


def location(latitude, longitude):
    position = {"latitude": latitude, "longitude": longitude}
    return {"resourceType": "Location", "position": position}


FUZHOU, XIAMEN, BEIJING = (26.0745, 119.2965), (24.4798, 118.0894), (39.9042, 116.4074)
PLACES = [location(*FUZHOU), location(*XIAMEN), location(*BEIJING), {"resourceType": "Location"}]


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("26.0745|119.2965", [0]),
        ("26.0745|119.2965|", [0]),
        ("26.0745|119.2965||mi", [0]),
        ("26.15|119.2965", [0]),
        ("26.17|119.2965", []),
        ("26.0745|119.2965|214|km", [0]),
        ("26.0745|119.2965|216|km", [0, 1]),
        ("26.0745|119.2965|216", [0, 1]),
        ("26.0745|119.2965|216000|m", [0, 1]),
        ("26.0745|119.2965|133|[mi_i]", [0]),
        ("26.0745|119.2965|135|[mi_i]", [0, 1]),
        ("26.0745|119.2965|135|mi", [0, 1]),
        ("26.0745|119.2965|0|km", [0]),
        ("26.0745|119.2965|2000|km", [0, 1, 2]),
        ("-26.0745|-60.7035|20037|km", [1, 2]),
        ("-26.0745|-60.7035|20038|km", [0, 1, 2]),
        ("0|0|99999999999999999999|km", [0, 1, 2]),
    ],
)
def test_places_are_near_or_far(database, index, text, positions):
    assert Kept(database, index, PLACES).found("near", text) == positions


def metres(one, other):
    """The great circle between two points, by the haversine."""
    (north, east), (to_north, to_east) = (map(radians, point) for point in (one, other))
    square = sin((to_north - north) / 2) ** 2
    square += cos(north) * cos(to_north) * sin((to_east - east) / 2) ** 2
    return 2 * RADIUS * asin(min(1, sqrt(square)))


_POINTS = st.tuples(
    st.integers(-9000, 9000).map(lambda n: n / 100),
    st.integers(-18000, 18000).map(lambda n: n / 100),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_POINTS, min_size=1, max_size=6), _POINTS, st.integers(1, 20_100))
def test_near_is_within_the_distance(database, index, points, centre, kilometres):
    distances = [metres(centre, point) / 1000 for point in points]
    # Rounding decides about what lies on the very border.
    assume(all(abs(distance - kilometres) > 0.01 for distance in distances))
    found = Kept(database, index, [location(*point) for point in points]).found(
        "near", f"{centre[0]}|{centre[1]}|{kilometres}|km"
    )
    assert found == [n for n, distance in enumerate(distances) if distance < kilometres]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("26", "search-near-invalid"),
        ("26|", "search-near-invalid"),
        ("|119", "search-near-invalid"),
        ("26|119|1|km|x", "search-near-invalid"),
        ("91|119", "search-near-invalid"),
        ("26|181", "search-near-invalid"),
        ("26|119|-1|km", "search-near-invalid"),
        ("26|119|near|km", "search-near-invalid"),
        ("nan|nan|1|km", "search-near-invalid"),
        ("26|119|inf|km", "search-near-invalid"),
        ("26|119|1e9|km", "search-near-invalid"),
        ("gt26|119", "search-near-invalid"),
        ("２６|119", "search-near-invalid"),
        ("26|119|1|kg", "search-near-unit-unknown"),
        ("26|119|1|parsec", "search-near-unit-unknown"),
        ("26|119|1|" + "k" * 10_000, "search-near-unit-unknown"),
    ],
)
def test_what_is_no_place_is_refused(index, text, message):
    with pytest.raises(BadRequest) as refused:
        compared(index.plans, "Location", "near", text)
    issue = refused.value.issues[0]
    assert (issue.message, issue.text("zh") != issue.text("en")) == (message, True)
    assert len(issue.text("en")) < 250


@given(st.text(alphabet="0123456789.-+|km\\e", max_size=30))
def test_any_value_is_understood_or_refused(index, text):
    parameter = index.plans["Location"].parameters["near"]
    try:
        found = parse(parameter, text, index.plans.environment.units)
    except BadRequest:
        return
    assert abs(found.latitude) <= 90
    assert abs(found.longitude) <= 180
    assert found.distance >= 0


def test_a_place_beyond_the_globe_is_near_nothing(database, index):
    kept = Kept(database, index, [location(95, 10), location(10, 200), location(10, 10)])
    assert kept.found("near", "10|10|99999|km") == [2]


def test_near_is_answered_from_its_index(database, index, index_table):
    kept = Kept(database, index, [location(n / 10, n / 10) for n in range(300)])
    for one in index_table.indexes("Location"):
        database["kept"].create_index(list(one.keys), name=one.name, **one.options)
    condition = compared(kept.plans, "Location", "near", "10|10|20|km")
    query = {"find": "kept", "filter": condition}
    explained = database.command("explain", query, verbosity="executionStats")
    assert "'indexName': 'geo'" in str(explained["queryPlanner"]["winningPlan"])
    assert explained["executionStats"]["totalDocsExamined"] < 30
