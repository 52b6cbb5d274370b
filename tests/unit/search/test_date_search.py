"""Dates: https://hl7.org/fhir/R4/search.html#date and #prefix."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.fhir.date import EARLIEST, LATEST, interval
from server.fhir.outcome import BadRequest
from server.search.date import condition
from server.search.parameter import Asked
from tests.unit.search.asking import NOW, Kept

ZONE = ZoneInfo("Asia/Shanghai")
MAY = {"start": "2024-05-01", "end": "2024-05-31"}
DATES = [
    "2024-05-10T12:00:00+08:00",
    "2024-05-10",
    "2024-05",
    "2024",
    {"start": "2024-05-10", "end": "2024-05-12"},
    {"start": "2024-05-11"},
    {"end": "2024-05-10"},
    "2023-12-31T20:00:00Z",
    None,
]
ROWS = [
    ("2024-05-10", "01"),
    ("eq2024-05-10", "01"),
    ("eq2024-05", "0124"),
    ("ne2024-05-10", "234567"),
    ("gt2024-05-10", "2345"),
    ("lt2024-05-10", "2367"),
    ("ge2024-05-10", "012345"),
    ("le2024-05-10", "012367"),
    ("sa2024-05-10", "5"),
    ("eb2024-05-10", "7"),
    ("eb2024-05-11", "0167"),
    ("sa2024-04", "01245"),
    ("2024-05-10T12:00", "0"),
    ("2024-05-10T04:00Z", "0"),
    ("gt2024-05-10T12:00:00+08:00", "123456"),
    ("2024-01-01", "7"),
    ("2023", ""),
]


def observation(date):
    match date:
        case None:
            return {"resourceType": "Observation"}
        case str():
            return {"resourceType": "Observation", "effectiveDateTime": date}
    return {"resourceType": "Observation", "effectivePeriod": date}


def valued(date):
    inner = {key.replace("effective", "value"): text for key, text in observation(date).items()}
    return {**inner, "effectiveDateTime": "2000"}


@pytest.mark.parametrize(("date", "ids"), ROWS)
def test_date_prefixes_on_the_main_date(found, date, ids):
    assert "".join(found([observation(one) for one in DATES], date=date, _sort="_id")) == ids


@pytest.mark.parametrize(("date", "ids"), ROWS)
def test_date_prefixes_on_another_date(found, date, ids):
    stored = [valued(one) for one in DATES]
    assert "".join(found(stored, **{"value-date": date, "_sort": "_id"})) == ids


def test_approximately_grows_with_the_distance_from_now(store, queries):
    days = ("2024-01-01", "2024-01-09", "2024-01-20")
    collection = store(*({**observation(day), "id": day} for day in days))
    now = datetime(2024, 4, 1, tzinfo=UTC)
    query = queries.compile("Observation", [("date", "ap2024-01-01")], now=now)
    assert sorted(one["_id"] for one in collection.find(query.condition)) == list(days[:2])


def test_two_dates_make_a_range(store, ready):
    stored = [{**observation(f"2024-05-{day:02}"), "id": str(day)} for day in range(1, 31)]
    pairs = [("date", "ge2024-05-10"), ("date", "lt2024-05-13")]
    query = ready("Observation", pairs)
    found = store(*stored).find(query.condition).sort(list(query.order.steps()[0].sort))
    assert [one["_id"] for one in found] == ["12", "11", "10"]


@pytest.mark.parametrize(
    ("direction", "ids"), [("date", ["2", "1", "0", "3"]), ("-date", ["0", "1", "2", "3"])]
)
def test_resources_without_a_date_come_last(found, direction, ids):
    stored = [observation(date) for date in ("2024", "2023", "2022", None)]
    assert found(stored, _sort=direction) == ids


@pytest.mark.parametrize(
    ("lastUpdated", "ids"),
    [("1970", "012"), ("gt1970", ""), ("lt1970", ""), ("ge1970", "012"), ("le1970", "012"),
     ("ne1970", ""), ("sa1969", "012"), ("eb1971", "012"), ("1970-01-01T00:00:00.000001Z", "1"),
     ("gt1970-01-01T00:00:00.000001Z", "2"), ("lt1970-01-01T00:00:00.000001Z", "0")],
)  # fmt: skip
def test_date_prefixes_on_when_it_was_stored(found, lastUpdated, ids):  # noqa: N803
    assert "".join(found([{"resourceType": "Patient"}] * 3, _lastUpdated=lastUpdated)) == ids


@pytest.mark.parametrize(
    ("plan", "hull"),
    [
        ({"event": ["2024-05-01", "2024-05-03"]}, ("2024-05-01", "2024-05-03")),
        ({"repeat": {"boundsPeriod": MAY}}, ("2024-05-01", "2024-05-31")),
        ({"event": ["2024-06-01"], "repeat": {"boundsPeriod": MAY}}, ("2024-05-01", "2024-06-01")),
        ({"repeat": {"frequency": 1}}, None),
    ],
)
def test_a_timing_lasts_from_its_first_to_its_last_moment(index, plan, hull):
    entries = index.entries({"resourceType": "Observation", "effectiveTiming": plan})
    ends = hull and (interval(hull[0], ZONE).start, interval(hull[1], ZONE).end)
    assert (("ds" in entries) and (entries["ds"], entries["de"])) == (ends or False)


def test_an_open_period_lasts_for_ever(index):
    before = index.entries(observation({"end": "2024"}))
    after = index.entries(observation({"start": "2024"}))
    assert (before["ds"], after["de"], after["dl"]) == (EARLIEST, LATEST, 3)


_MOMENTS = st.integers(0, 40).map(lambda n: f"2024-05-01T{n // 2:02}:{n % 2 * 30:02}:00+08:00")
_PERIODS = st.tuples(_MOMENTS, _MOMENTS).map(
    lambda ends: dict(zip(("start", "end"), sorted(ends), strict=True))
)
_SPANS = st.one_of(_MOMENTS, _PERIODS, st.sampled_from(["2024-05-01", "2024", "2024-05-02"]))

_SEARCHED = st.tuples(st.sampled_from(["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"]), _MOMENTS)


def holds(prefix, target, wanted):
    """The table of https://hl7.org/fhir/R4/search.html#prefix, in terms of the two stretches."""
    contained = wanted[0] <= target[0] and target[1] <= wanted[1]
    return {
        "eq": contained,
        "ne": not contained,
        "gt": target[1] > wanted[1],
        "lt": target[0] < wanted[0],
        "ge": target[1] > wanted[1] or contained,
        "le": target[0] < wanted[0] or contained,
        "sa": target[0] >= wanted[1],
        "eb": target[1] <= wanted[0],
    }[prefix]


@settings(max_examples=30, deadline=None)
@given(st.lists(_SPANS, min_size=1, max_size=8), _SEARCHED)
def test_prefixes_are_relations_between_stretches_of_time(
    index, queries, database, spans, searched
):
    prefix, day = searched
    stored = [observation(span) for span in spans]
    main = [{"_id": n, **index.entries(one)} for n, one in enumerate(stored)]
    collection = database["dates"]
    collection.delete_many({})
    collection.insert_many(main)
    query = queries.compile("Observation", [("date", prefix + day)])
    found = {one["_id"] for one in collection.find(query.condition)}
    wanted = interval(day, ZONE)
    assert found == {row["_id"] for row in main if holds(prefix, (row["ds"], row["de"]), wanted)}


_OPEN = st.one_of(
    _SPANS, _MOMENTS.map(lambda start: {"start": start}), _MOMENTS.map(lambda end: {"end": end})
)
_RELATED = st.sampled_from(["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"])


def stretch(date):
    """The start and the end of what an element says; who says no end says for ever."""
    match date:
        case str():
            return interval(date, ZONE)
    start, end = date.get("start"), date.get("end")
    return (
        interval(start, ZONE).start if start else float("-inf"),
        interval(end, ZONE).end if end else float("inf"),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(_OPEN, min_size=1, max_size=8), _RELATED, st.one_of(_MOMENTS, st.just("2024-05")))
def test_prefixes_are_the_same_relations_on_every_date(database, index, dates, prefix, searched):
    wanted = interval(searched, ZONE)
    slack = abs(NOW - wanted.start) // 10

    def fits(date):
        start, end = stretch(date)
        if prefix == "ap":
            return start < wanted.end + slack and end > wanted.start - slack
        return holds(prefix or "eq", (start, end), wanted)

    expected = [position for position, date in enumerate(dates) if fits(date)]
    main = Kept(database, index, [observation(date) for date in dates])
    assert main.found("date", prefix + searched) == expected
    parameter = index.plans["Observation"].parameters["date"]
    few = Asked(NOW, few=True)
    quick = condition(parameter, prefix + searched, index.plans.environment, few)
    assert main.fulfilling(quick) == expected
    other = Kept(database, index, [valued(date) for date in dates])
    assert other.found("value-date", prefix + searched) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-30", "2023-02-29", "2023-13", "2023-00", "2023-01-00", "2023-04-31", "0000",
        "2023-1", "23", "20230101", "2023-01-01T", "2023-01-01T10", "2023-01-01T24:00",
        "2023-01-01T10:60", "2023-01-01T10:00:61", "2023-01-01T10:00+15:00", "2023-01-01 10:00",
        "2023-01-01T10:00 08:00", "gt", "gtgt2023", "GT2023", "xx2023", "gt 2023", "２０２３",
        "now", "2023-01-01Z", "2023|1", "2023\n", "2" * 10_000,
        "2023-01-01T10:00:00." + "0" * 10_000 + "x",
    ],
)  # fmt: skip
def test_what_no_calendar_has_is_refused(index, text):
    plan = index.plans["Observation"]
    for code in ("date", "value-date", "_lastUpdated"):
        with pytest.raises(BadRequest) as refused:
            condition(plan.parameters[code], text, index.plans.environment, Asked(NOW, few=False))
        assert refused.value.issues[0].message == "search-date-invalid"
        assert len(refused.value.issues[0].text("en")) < 250
