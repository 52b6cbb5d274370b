"""The order of results: https://hl7.org/fhir/R4/search.html#sort."""

import pytest

from server.fhir.outcome import BadRequest


def observation(number, **more):
    date = {} if number is None else {"effectiveDateTime": f"2024-01-{number:02}"}
    return {"resourceType": "Observation", "status": "final", **date, **more}


DAYS = [observation(number) for number in (3, None, 1, 2, None, 2)]


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        ("date", ["2", "5", "3", "0", "4", "1"]),
        ("-date", ["0", "3", "5", "2", "1", "4"]),
        ("_id", ["0", "1", "2", "3", "4", "5"]),
        ("-_id", ["5", "4", "3", "2", "1", "0"]),
        ("-_lastUpdated", ["5", "4", "3", "2", "1", "0"]),
    ],
)
def test_what_has_no_date_comes_last_either_way(found, sort, ids):
    assert found(DAYS, _sort=sort) == ids


def test_without_a_sort_the_newest_come_first_where_a_date_index_serves(found):
    stored = [{**one, "code": {"coding": [{"code": "a"}]}} for one in DAYS]
    assert found(stored, code="a") == ["0", "3", "5", "2", "1", "4"]
    assert found(stored, status="final") == ["0", "1", "2", "3", "4", "5"]


def test_a_parameter_that_is_the_main_date_by_another_name_sorts_the_same(queries):
    first = queries.compile("Condition", [("_sort", "-onset-date")])
    assert first.sort == (("ds", -1), ("_id", 1))
    assert first.phases == ()
    assert queries.compile("Condition", [("_sort", "onset-date")]).phases


@pytest.mark.parametrize("key", ["-", "--date", "date,", "date:asc", "status", "_score", "x" * 99])
def test_what_cannot_be_sorted_by_is_refused(queries, key):
    with pytest.raises(BadRequest) as refused:
        queries.compile("Observation", [("_sort", key)])
    assert refused.value.issues[0].message == "search-sort-unsupported"
