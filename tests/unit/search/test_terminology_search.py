"""Tokens by value sets and hierarchies, references by what they are part of.

Spec: https://hl7.org/fhir/R4/search.html#modifiers
"""

import json

import pytest
from pymongo import IndexModel

from server.fhir.outcome import BadRequest, TooCostly
from server.search import hierarchy, terminology
from server.search.conditions import any_of
from server.search.joins import resolved
from server.search.parameter import Asked
from server.search.value_sets import URL_NAMES

S, OTHER = "http://example.org/s", "http://example.org/other"
GENDER = "http://hl7.org/fhir/administrative-gender"
NOBODY = Asked(0, few=False)


class Rows:
    """What a database has, as a join asks for it; counts how often."""

    def __init__(self, database):
        self.database = database
        self.asked = 0

    def rows(self, type, condition, fields, limit):
        self.asked += 1
        return list(self.database[type].find(condition, dict.fromkeys(fields, 1)).limit(limit))


@pytest.fixture
def rows(database):
    return Rows(database)


@pytest.fixture
def stored(database, index):
    """Returns a function that stores resources of any types, and nothing else."""

    def stored(*resources):
        for name in database.list_collection_names():
            database[name].delete_many({})
        for n, one in enumerate(resources):
            whole = {"id": f"r{n}", **one}
            database[one["resourceType"]].insert_one(
                {"_id": whole["id"], "raw": json.dumps(whole).encode(), **index.entries(whole)}
            )

    return stored


@pytest.fixture
def asked(index, rows):
    """Returns a function from a type, a parameter, a modifier and a value to a condition."""

    def asked(type, name, value):
        code, _, modifier = name.partition(":")
        parameter = index.plans[type].parameters[code]
        known = hierarchy if parameter.type == "reference" else terminology
        compare = known.MODIFIERS[modifier.removeprefix("not-")]
        leaves = parameter.sources or (parameter,)
        condition = any_of(compare(leaf, value, index.plans.environment, NOBODY) for leaf in leaves)
        if modifier.startswith("not-"):
            condition = {"$nor": [condition]}
        return resolved(condition, rows).condition

    return asked


@pytest.fixture
def found(database, asked):
    """Returns a function from a type, a parameter, a modifier and a value to the ids found."""

    def found(type, name, value):
        return sorted(one["_id"] for one in database[type].find(asked(type, name, value)))

    return found


@pytest.fixture
def explained(database, asked):
    """Returns a function from the same to what MongoDB says it did to find them."""

    def explained(type, name, value):
        return database[type].find(asked(type, name, value)).explain()["executionStats"]

    return explained


def refused(call, *arguments):
    with pytest.raises((BadRequest, TooCostly)) as refusal:
        call(*arguments)
    (issue,) = refusal.value.issues
    assert "{" not in issue.text("zh") + issue.text("en")
    return issue.message


def observation(id, *codings):
    listed = [dict(zip(("system", "code"), one, strict=True)) for one in codings]
    return {"resourceType": "Observation", "id": id, "code": {"coding": listed}}


def value_set(url="http://example.org/vs", **elements):
    return {"resourceType": "ValueSet", "url": url, "status": "active", **elements}


def composed(*include, exclude=(), **elements):
    compose = {"include": list(include), **({"exclude": list(exclude)} if exclude else {})}
    return value_set(compose=compose, **elements)


def listing(system, *codes):
    return {"system": system, "concept": [{"code": code} for code in codes]}


ANIMALS = {
    "resourceType": "CodeSystem",
    "url": S,
    "status": "active",
    "content": "complete",
    "concept": [
        {"code": "animal", "concept": [{"code": "dog", "concept": [{"code": "pug"}]}]},
        {"code": "plant"},
    ],
}
OBSERVATIONS = [
    observation("animal", (S, "animal")),
    observation("dog", (S, "dog")),
    observation("pug", (OTHER, "z"), (S, "pug")),
    observation("plant", (S, "plant")),
    observation("other", (OTHER, "dog")),
    {"resourceType": "Observation", "id": "bare", "code": {"coding": [{"code": "dog"}]}},
    {"resourceType": "Observation", "id": "system", "code": {"coding": [{"system": S}]}},
    {"resourceType": "Observation", "id": "none", "code": {"text": "dog"}},
]


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


def test_of_very_many_versions_one_has_to_be_named(stored, found):
    stored(*OBSERVATIONS, *(composed(listing(S, "dog"), version=f"1.{n}") for n in range(21)))
    url = "http://example.org/vs"
    assert refused(found, "Observation", "code:in", url) == "search-versions-too-many"
    assert found("Observation", "code:in", f"{url}|1.20") == ["dog"]


def test_the_index_names_of_canonical_urls(index):
    for type, name in URL_NAMES.items():
        assert f"{name}=urn:x" in index.entries({"resourceType": type, "url": "urn:x"})["t"]


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
        composed({"system": S, "filter": [{**filtered, "op": "regex"}]}, url="urn:regex"),
        composed(listing(S, *map(str, range(5001))), url="urn:large"),
        *(composed({"valueSet": [f"urn:{n + 1}"]}, url=f"urn:{n}") for n in range(20)),
    )
    told = {
        "urn:unknown": "search-value-set-unknown",
        "http://hl7.org/fhir/ValueSet/administrative-gender|5": "search-value-set-unknown",
        "ValueSet/unknown": "search-value-set-unknown",
        "unknown": "search-value-set-unknown",
        "urn:empty": "search-value-set-empty",
        "urn:a": "search-value-set-cyclic",
        "urn:nested": "search-value-set-unknown",
        "urn:system": "search-code-system-unknown",
        "urn:version": "search-code-system-unknown",
        "urn:code": "search-code-unknown",
        "urn:regex": "search-value-set-filter",
        "urn:large": "search-concepts-too-many",
        "urn:0": "search-value-sets-too-many",
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


@pytest.mark.parametrize(
    ("name", "value", "ids"),
    [
        ("code:below", f"{S}|animal", ["animal", "dog", "pug"]),
        ("code:below", f"{S}|dog", ["dog", "pug"]),
        ("code:below", f"{S}|plant", ["plant"]),
        ("code:above", f"{S}|pug", ["animal", "dog", "pug"]),
        ("code:above", f"{S}|animal", ["animal"]),
        ("combo-code:below", f"{S}|dog", ["dog", "pug"]),
    ],
)
def test_tokens_above_and_below(stored, found, name, value, ids):
    stored(*OBSERVATIONS, ANIMALS)
    assert found("Observation", name, value) == ids


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("dog", "search-concept-invalid"),
        ("|dog", "search-concept-invalid"),
        (f"{S}|", "search-concept-invalid"),
        (f"{S}|dog|x", "search-concept-invalid"),
        (f"{OTHER}|dog", "search-code-system-unknown"),
        (f"{S}|cow", "search-code-unknown"),
    ],
)
def test_concepts_that_are_not_known_are_refused(stored, found, value, message):
    stored(ANIMALS)
    assert refused(found, "Observation", "code:below", value) == message


def location(id, whole=None):
    part = {"partOf": {"reference": whole}} if whole else {}
    return {"resourceType": "Location", "id": id, "name": id, **part}


def procedure(id, place):
    reference = {"location": {"reference": place}} if place else {}
    return {"resourceType": "Procedure", "id": id, **reference}


HOSPITAL = [
    location("hospital"),
    location("ward", "Location/hospital"),
    location("room", "http://localhost/fhir/Location/ward"),
    location("bed", "Location/room/_history/3"),
    location("elsewhere"),
    *(
        procedure(f"in-{place}", f"Location/{place}")
        for place in ("hospital", "ward", "room", "bed", "elsewhere")
    ),
    procedure("nowhere", None),
]


@pytest.mark.parametrize(
    ("modifier", "value", "places"),
    [
        ("below", "Location/hospital", ["bed", "hospital", "room", "ward"]),
        ("below", "hospital", ["bed", "hospital", "room", "ward"]),
        ("below", "http://localhost/fhir/Location/room", ["bed", "room"]),
        ("below", "bed", ["bed"]),
        ("below", "unknown", []),
        ("above", "Location/bed", ["bed", "hospital", "room", "ward"]),
        ("above", "room", ["hospital", "room", "ward"]),
        ("above", "hospital", ["hospital"]),
    ],
)
def test_places_above_and_below(stored, found, modifier, value, places):
    stored(*HOSPITAL)
    ids = [f"in-{place}" for place in places]
    assert found("Procedure", f"location:{modifier}", value) == ids


def test_a_circle_of_places_ends(stored, found):
    stored(location("a", "Location/b"), location("b", "Location/a"), procedure("p", "Location/b"))
    assert found("Procedure", "location:below", "a") == ["p"]
    assert found("Procedure", "location:above", "a") == ["p"]


def test_a_level_is_one_question(stored, found, rows):
    stored(location("top"), *(location(f"l{n}", "Location/top") for n in range(100)))
    found("Procedure", "location:below", "top")
    assert rows.asked == 2


def test_a_hierarchy_too_deep_or_too_large_is_refused(stored, found, database, index):
    stored(location("0"), *(location(str(n + 1), f"Location/{n}") for n in range(25)))
    message = "search-hierarchy-too-large"
    assert refused(found, "Procedure", "location:below", "0") == message
    assert refused(found, "Procedure", "location:above", "25") == message
    assert found("Procedure", "location:below", "10") == []
    stored(location("0"))
    entries = index.entries(location("x", "Location/0"))
    database["Location"].insert_many({**entries, "_id": f"x{n}"} for n in range(5001))
    assert refused(found, "Procedure", "location:below", "0") == message


@pytest.mark.parametrize(
    ("type", "code", "value"),
    [
        ("Observation", "patient", "Patient/1"),
        ("Procedure", "location", "Patient/1"),
        ("Procedure", "location", "http://elsewhere.org/place"),
        ("Procedure", "location", "#place"),
    ],
)
def test_what_is_no_hierarchy_is_refused(found, type, code, value):
    assert refused(found, type, f"{code}:below", value) == "search-hierarchy-none"


def test_every_type_with_a_parameter_for_the_whole_is_a_hierarchy(facts, index):
    computed = {
        type: parameter.code
        for type in facts.resource_types
        for parameter in index.plans[type].parameters.values()
        if parameter.code in ("part-of", "partof", "parent") and type in parameter.targets
    }
    assert computed == hierarchy.PART_OF
    for type, code in computed.items():
        parameter = index.plans[type].parameters[code]
        assert (parameter.main, parameter.sources, parameter.name) == (None, (), code)


@pytest.mark.parametrize(
    ("modifier", "value", "ids"),
    [
        ("below", "http://q", ["1", "1.0", "1.1", "1.10.2", "10", "2", "any"]),
        ("below", "http://q|1", ["1", "1.0", "1.1", "1.10.2"]),
        ("below", "http://q|1.1", ["1.1"]),
        ("below", "http://q|3", []),
        ("above", "http://q|1.10.2", ["1", "1.10.2"]),
        ("above", "http://q|1", ["1"]),
        ("above", "http://q", ["1", "1.0", "1.1", "1.10.2", "10", "2", "any"]),
    ],
)
def test_versions_of_canonical_references(stored, found, modifier, value, ids):
    def response(version):
        url = "http://q" if version == "any" else f"http://q|{version}"
        return {"resourceType": "QuestionnaireResponse", "id": version, "questionnaire": url}

    versions = ("1", "1.0", "1.1", "1.10.2", "10", "2", "any")
    stored(*map(response, versions))
    assert found("QuestionnaireResponse", f"questionnaire:{modifier}", value) == ids
