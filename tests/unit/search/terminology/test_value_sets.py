"""Tokens that are in a value set, or not.

Spec: https://hl7.org/fhir/R4/search.html#modifiers
"""

import pytest
from pymongo import IndexModel

from tests.unit.search.terminology.conftest import (
    ANIMALS,
    OBSERVATIONS,
    OTHER,
    S,
    composed,
    listing,
    observation,
    refused,
    value_set,
)

GENDER = "http://hl7.org/fhir/administrative-gender"


@pytest.fixture
def explained(database, asked):
    """Returns a function from the same to what MongoDB says it did to find them."""

    def explained(type, name, value):
        return database[type].find(asked(type, name, value)).explain()["executionStats"]

    return explained


@pytest.mark.parametrize(
    ("compose", "ids"),
    [
        ([listing(S, "dog", "unicorn")], ["dog"]),
        ([listing(S, "dog"), listing(OTHER, "dog")], ["dog", "other"]),
        ([{"system": S}], ["animal", "dog", "plant", "pug"]),
        ([{"system": S}, listing(OTHER, "dog")], ["animal", "dog", "other", "plant", "pug"]),
        (
            [{"system": S, "filter": [{"property": "concept", "op": "is-a", "value": "dog"}]}],
            ["dog", "pug"],
        ),
        (
            [
                {
                    "system": S,
                    "filter": [
                        {"property": "concept", "op": "is-a", "value": "animal"},
                        {"property": "child", "op": "exists", "value": "false"},
                    ],
                }
            ],
            ["pug"],
        ),
    ],
)
def test_what_a_value_set_includes(stored, found, compose, ids):
    stored(*OBSERVATIONS, ANIMALS, composed(*compose))
    assert found("Observation", "code:in", "http://example.org/vs") == ids
    others = sorted({one["id"] for one in OBSERVATIONS} - set(ids))
    assert found("Observation", "code:not-in", "http://example.org/vs") == others


@pytest.mark.parametrize(
    ("exclude", "ids"),
    [
        (listing(S, "dog", "pug"), ["animal", "plant"]),
        ({"system": S}, []),
        (listing(OTHER, "dog"), ["animal", "dog", "plant", "pug"]),
        (
            {"system": S, "filter": [{"property": "concept", "op": "is-a", "value": "animal"}]},
            ["plant"],
        ),
    ],
)
def test_what_a_value_set_excludes(stored, found, exclude, ids):
    stored(*OBSERVATIONS, ANIMALS, composed({"system": S}, exclude=[exclude]))
    assert found("Observation", "code:in", "http://example.org/vs") == ids


def test_value_sets_include_value_sets(stored, found):
    stored(
        *OBSERVATIONS,
        composed(listing(S, "dog", "plant"), url="urn:a"),
        composed(listing(S, "dog", "pug"), url="urn:b"),
        composed({"valueSet": ["urn:a"]}, {"valueSet": ["urn:b"]}, url="urn:either"),
        composed({"valueSet": ["urn:a", "urn:b"]}, url="urn:both"),
        composed({"system": S, "valueSet": ["urn:either"]}, url="urn:within"),
    )
    assert found("Observation", "code:in", "urn:either") == ["dog", "plant", "pug"]
    assert found("Observation", "code:in", "urn:both") == ["dog"]
    assert found("Observation", "code:in", "urn:within") == ["dog", "plant", "pug"]


@pytest.mark.parametrize(
    "name",
    [
        "http://example.org/vs",
        "http://example.org/vs|2",
        "ValueSet/two",
        "http://localhost/fhir/ValueSet/two",
        "two",
    ],
)
def test_the_names_of_a_value_set(stored, found, name):
    stored(
        *OBSERVATIONS,
        composed(listing(S, "plant"), id="one", version="1"),
        composed(listing(S, "dog"), id="two", version="2"),
    )
    assert found("Observation", "code:in", name) == ["dog"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"version": "1.9"}, {"version": "1.10"}),
        ({"version": "1"}, {"version": "1.1"}),
        ({"version": "2", "status": "retired"}, {"version": "1"}),
        ({"date": "2020"}, {"date": "2021-05"}),
        ({}, {"version": "0.1"}),
    ],
)
def test_of_several_versions_the_newest_active_one_counts(stored, found, older, newer):
    for order in (1, -1):
        sets = [
            composed(listing(S, "plant"), id="a", **older),
            composed(listing(S, "dog"), id="b", **newer),
        ]
        stored(*OBSERVATIONS, *sets[::order])
        assert found("Observation", "code:in", "http://example.org/vs") == ["dog"]


def test_of_very_many_versions_each_can_be_named(stored, found):
    stored(*OBSERVATIONS, *(composed(listing(S, f"{n}"), version=f"1.{n}") for n in range(21)))
    url = "http://example.org/vs"
    assert found("Observation", "code:in", f"{url}|1.20") == []
    stored(*OBSERVATIONS, *(composed(listing(S, "dog"), version=f"1.{n}") for n in range(21)))
    assert found("Observation", "code:in", f"{url}|1.7") == ["dog"]


def test_an_expansion_is_taken_as_it_is_unless_it_is_a_page_of_one(stored, found):
    contains = [
        {
            "system": S,
            "code": "animal",
            "abstract": True,
            "contains": [{"system": S, "code": "dog"}],
        }
    ]
    whole = composed(listing(S, "plant"), expansion={"total": 2, "contains": contains})
    page = composed(
        listing(S, "plant"), url="urn:page", expansion={"total": 9, "contains": contains}
    )
    later = composed(
        listing(S, "plant"), url="urn:later", expansion={"offset": 9, "contains": contains}
    )
    stored(*OBSERVATIONS, whole, page, later)
    assert found("Observation", "code:in", "http://example.org/vs") == ["dog"]
    assert found("Observation", "code:in", "urn:page") == ["plant"]
    assert found("Observation", "code:in", "urn:later") == ["plant"]


def test_bare_codes_have_the_system_of_their_binding(stored, found):
    people = [
        {"resourceType": "Patient", "id": gender, "gender": gender}
        for gender in ("male", "female", "other")
    ]
    stored(
        *people,
        composed(listing(GENDER, "male", "female"), url="urn:two"),
        composed({"system": GENDER}, exclude=[listing(GENDER, "male")], url="urn:rest"),
        composed(listing(OTHER, "male"), url="urn:none"),
    )
    assert found("Patient", "gender:in", "urn:two") == ["female", "male"]
    assert found("Patient", "gender:in", "urn:rest") == ["female", "other"]
    assert found("Patient", "gender:in", "urn:none") == []
    r4 = "http://hl7.org/fhir/ValueSet/administrative-gender"
    assert found("Patient", "gender:in", r4) == ["female", "male", "other"]
    assert found("Patient", "gender:in", f"{r4}|4.0.1") == ["female", "male", "other"]


def test_a_stored_value_set_wins_over_one_of_r4(stored, found):
    r4 = "http://hl7.org/fhir/ValueSet/administrative-gender"
    stored(
        {"resourceType": "Patient", "id": "male", "gender": "male"},
        {"resourceType": "Patient", "id": "female", "gender": "female"},
        composed(listing(GENDER, "male"), url=r4),
    )
    assert found("Patient", "gender:in", r4) == ["male"]


def test_value_sets_that_are_not_known_or_cannot_be_expanded_are_refused(stored, found):
    filtered = {"property": "concept", "op": "is-a", "value": "dog"}
    stored(
        ANIMALS,
        value_set(url="urn:empty"),
        composed({"valueSet": ["urn:b"]}, url="urn:a"),
        composed({"valueSet": ["urn:a"]}, url="urn:b"),
        composed({"valueSet": ["urn:gone"]}, url="urn:nested"),
        composed({"system": OTHER, "filter": [filtered]}, url="urn:system"),
        composed({"system": S, "version": "7", "filter": [filtered]}, url="urn:version"),
        composed({"system": S, "filter": [{**filtered, "value": "cow"}]}, url="urn:code"),
        composed(
            {"system": S, "filter": [{**filtered, "op": "regex", "value": "("}]}, url="urn:regex"
        ),
        composed(listing(S, *map(str, range(5001))), url="urn:large"),
        *(composed({"valueSet": [f"urn:{n + 1}"]}, url=f"urn:{n}") for n in range(20)),
    )
    told = {
        "urn:unknown": "value-set-unknown",
        "http://hl7.org/fhir/ValueSet/administrative-gender|5": "value-set-unknown",
        "ValueSet/unknown": "value-set-unknown",
        "unknown": "value-set-unknown",
        "urn:empty": "value-set-empty",
        "urn:a": "value-set-cyclic",
        "urn:nested": "value-set-unknown",
        "urn:system": "code-system-unknown",
        "urn:version": "code-system-unknown",
        "urn:code": "code-unknown",
        "urn:regex": "value-set-filter",
        "urn:large": "search-concepts-too-many",
        "urn:0": "value-sets-too-many",
    }
    for name, message in told.items():
        assert refused(found, "Observation", "code:in", name) == message, name


def test_five_thousand_codes_are_not_too_many(stored, found):
    codes = [str(n) for n in range(5000)]
    stored(observation("in", (S, "4999")), composed(listing(S, *codes)))
    assert found("Observation", "code:in", "http://example.org/vs") == ["in"]


@pytest.mark.parametrize(
    "compose",
    [
        [listing(S, "dog", "pug"), listing(OTHER, "z")],
        [{"system": S, "filter": [{"property": "concept", "op": "is-a", "value": "dog"}]}],
        [{"system": "urn:small"}],
    ],
)
def test_members_are_looked_up_in_the_index(stored, indexed, explained, compose):
    many = [observation(f"o{n}", (S, f"code-{n}")) for n in range(500)]
    few = [observation("pug", (S, "pug")), observation("x", ("urn:small", "1"))]
    stored(*many, *few, ANIMALS, composed(*compose))
    told = explained("Observation", "code:in", "http://example.org/vs")
    assert told["nReturned"] == told["totalDocsExamined"] == 1
    assert told["totalKeysExamined"] < 10


@pytest.fixture
def indexed(database, index_table):
    """Observations have their indexes."""
    declared = index_table.indexes("Observation")
    models = [IndexModel(list(one.keys), name=one.name, **one.options) for one in declared]
    database["Observation"].create_indexes(models)
