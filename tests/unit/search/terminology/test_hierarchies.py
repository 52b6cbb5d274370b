"""Tokens above and below others, references by what they are part of, versions of canonical ones.

Spec: https://hl7.org/fhir/R4/search.html#modifiers
"""

import pytest

from server.search import hierarchy
from tests.unit.search.terminology.conftest import ANIMALS, OBSERVATIONS, OTHER, S, refused


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
        (f"{OTHER}|dog", "code-system-unknown"),
        (f"{S}|cow", "code-unknown"),
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
