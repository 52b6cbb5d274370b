"""Tokens by value set and hierarchy, references by what they are part of, over HTTP.

Spec: https://hl7.org/fhir/R4/search.html#modifiers
"""

from urllib.parse import quote

import pytest

from tests.api.client import refused
from tests.builders import fresh, observation, patient


@pytest.fixture
def system(fhir):
    """The URL of a code system of animals that is stored, as is one value set of dogs."""
    url = f"http://example.org/{fresh()}"
    dog = {"code": "dog", "concept": [{"code": "pug"}]}
    fhir.create(
        {
            "resourceType": "CodeSystem",
            "url": url,
            "status": "active",
            "content": "complete",
            "concept": [{"code": "animal", "concept": [dog]}, {"code": "plant"}],
        }
    )
    is_a = {"property": "concept", "op": "is-a", "value": "dog"}
    fhir.create(
        {
            "resourceType": "ValueSet",
            "url": f"{url}/dogs",
            "version": "1.0",
            "status": "active",
            "compose": {"include": [{"system": url, "filter": [is_a]}]},
        }
    )
    return url


@pytest.fixture
def observed(fhir, system):
    """The ids of the observations of each concept."""
    return {
        code: fhir.create(observation(code={"coding": [{"system": system, "code": code}]}))["id"]
        for code in ("animal", "dog", "pug", "plant")
    }


def test_tokens_in_a_value_set(fhir, system, observed):
    dogs = sorted([observed["dog"], observed["pug"]])
    assert sorted(fhir.ids(f"Observation?code:in={system}/dogs")) == dogs
    assert sorted(fhir.ids(f"Observation?code:in={quote(system + '/dogs|1.0')}")) == dogs
    of_system = f"Observation?code={quote(system + '|')}"
    others = sorted([observed["animal"], observed["plant"]])
    assert sorted(fhir.ids(f"{of_system}&code:not-in={system}/dogs")) == others
    assert sorted(fhir.ids(f"{of_system}&_filter={quote(f'code ni {system}/dogs')}")) == others
    assert sorted(fhir.ids(f"Observation?_filter={quote(f'code in {system}/dogs')}")) == dogs


def test_tokens_above_and_below(fhir, system, observed):
    below = quote(f"{system}|dog")
    assert sorted(fhir.ids(f"Observation?code:below={below}")) == sorted(
        [observed["dog"], observed["pug"]]
    )
    assert sorted(fhir.ids(f"Observation?code:above={below}")) == sorted(
        [observed["dog"], observed["animal"]]
    )
    subsuming = quote(f"code ss {system}|dog")
    assert sorted(fhir.ids(f"Observation?_filter={subsuming}")) == sorted(
        [observed["dog"], observed["pug"]]
    )


def test_a_value_set_is_asked_through_a_chain(fhir, mark):
    url = f"http://example.org/{fresh()}"
    genders = {"system": "http://hl7.org/fhir/administrative-gender", "concept": [{"code": "male"}]}
    fhir.create(
        {
            "resourceType": "ValueSet",
            "url": url,
            "status": "active",
            "compose": {"include": [genders]},
        }
    )
    subject = fhir.create(patient(gender="male"))["id"]
    other = fhir.create(patient(gender="female"))["id"]
    ids = [
        fhir.create(observation(subject={"reference": f"Patient/{id}"}))["id"]
        for id in (subject, other)
    ]
    query = f"Observation?_id={','.join(ids)}&patient.gender:in={url}"
    assert fhir.ids(query) == ids[:1]


def test_places_above_and_below(fhir):
    def place(whole=None):
        part = {"partOf": {"reference": f"Location/{whole}"}} if whole else {}
        return fhir.create({"resourceType": "Location", "name": "病区", **part})["id"]

    hospital = place()
    ward = place(hospital)
    bed = place(ward)
    done = {
        where: fhir.create(
            {
                "resourceType": "Procedure",
                "status": "completed",
                "subject": {"display": "甲"},
                "location": {"reference": f"Location/{where}"},
            }
        )["id"]
        for where in (hospital, ward, bed)
    }
    assert sorted(fhir.ids(f"Procedure?location:below=Location/{hospital}")) == sorted(
        done.values()
    )
    assert sorted(fhir.ids(f"Procedure?location:below={ward}")) == sorted([done[ward], done[bed]])
    assert sorted(fhir.ids(f"Procedure?location:above=Location/{ward}")) == sorted(
        [done[ward], done[hospital]]
    )


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("Observation?code:in=http://example.org/no-set", "no-set"),
        ("Observation?code:not-in=http://example.org/no-set", "no-set"),
        ("Observation?code:below=http://example.org/no-system%7Ca", "no-system"),
        ("Observation?code:above=a", "system|code"),
        ("Observation?patient:below=Patient/1", "层级|上下级"),
        ("Observation?date:in=http://example.org/no-set", ":in"),
    ],
)
def test_what_is_not_known_is_refused_by_name(fhir, query, told):
    (issue,) = refused(fhir.get(query), 400)
    assert any(word in issue["details"]["text"] for word in (told, *told.split("|")))
