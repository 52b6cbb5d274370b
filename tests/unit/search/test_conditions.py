"""Conditions stay of a size that MongoDB takes, whatever is asked."""

import bson
import pytest

from server.fhir.outcome import BadRequest
from server.search.conditions import all_of, any_of, spread, starts_with, terms, weight

MEGABYTE = 1_000_000
THOUSAND = ",".join(f"v{number}" for number in range(1000))


def test_the_rest_is_copied_into_each_alternative():
    either = {"$or": [{"s": "1"}, {"t": "2"}]}
    assert spread(all_of([either, {"c": "3"}])) == {
        "$or": [{"c": "3", "s": "1"}, {"c": "3", "t": "2"}]
    }
    assert spread(either) == either
    assert spread({"c": "3"}) == {"c": "3"}


def test_a_large_rest_is_not_copied_into_many_alternatives():
    many = any_of(starts_with("s", f"name={number}") for number in range(1000))
    rest = any_of({"t": f"identifier={number}"} for number in range(1000))
    assert spread(all_of([many, rest])) == all_of([many, rest])
    long = {"t": "x" * MEGABYTE}
    assert spread(all_of([{"$or": [{"s": "1"}, {"s": "2"}]}, long]))["t"] == long["t"]


def test_terms_and_weight_are_those_of_all_parts():
    condition = {"t": {"$in": ["a", "张"]}, "$or": [{"s": {"$gte": "b"}}, {"n": 1}]}
    assert terms(condition) == 4
    assert len(bson.encode(condition)) / 3 < weight(condition) < len(bson.encode(condition)) * 3


@pytest.mark.parametrize(
    "pairs",
    [
        [("name", THOUSAND), ("identifier", THOUSAND)],
        [("name", THOUSAND), ("given", THOUSAND)],
        [("identifier", THOUSAND), ("birthdate", ",".join(["ne2024-01"] * 1000))],
        [("name", "a,b"), ("identifier", "x" * MEGABYTE)],
        [("general-practitioner", THOUSAND), ("phonetic", "张伟,李娜")],
    ],
)
def test_many_values_for_several_parameters_make_a_query_that_runs(store, queries, pairs):
    condition = queries.compile("Patient", pairs).condition
    assert len(bson.encode(condition)) < 2 * MEGABYTE
    person = {"resourceType": "Patient", "id": "1", "active": True}
    assert list(store(person).find(condition)) == []


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("name", THOUSAND)] * 30, "search-terms-too-many"),
        ([("name", ",".join(["张" * 500] * 1000))] * 2, "search-query-too-large"),
        ([("identifier", ",".join(["张" * 2000] * 2000))], "search-values-too-many"),
    ],
)
def test_a_query_that_compares_with_too_much_is_refused(queries, pairs, message):
    with pytest.raises(BadRequest) as refused:
        queries.compile("Patient", pairs)
    assert refused.value.status == 400
    assert refused.value.issues[0].message == message
    assert refused.value.issues[0].text("zh") != refused.value.issues[0].text("en")
