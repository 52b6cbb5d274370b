"""Less than the whole resource, and how it is laid out.

Spec: https://hl7.org/fhir/R4/search.html#summary, https://hl7.org/fhir/R4/search.html#elements
"""

import json

import pytest

from tests.api.client import refused
from tests.builders import fresh, observation, patient

NARRATIVE = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">甲子</div>'}
SUBSETTED = ("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "SUBSETTED")


@pytest.fixture
def stored(fhir):
    return fhir.create(
        patient(
            text=NARRATIVE,
            identifier=[{"value": fresh()}],
            birthDate="1980-01-01",
            maritalStatus={"text": "已婚"},
            photo=[{"title": "x"}],
        )
    )


def tags(resource):
    return [(tag["system"], tag["code"]) for tag in resource["meta"].get("tag", [])]


def names(resource):
    return set(resource) - {"resourceType", "id", "meta"}


@pytest.mark.parametrize(
    ("summary", "shown"),
    [
        # The Σ elements of Patient: https://hl7.org/fhir/R4/patient.html#tt-uml
        ("true", {"identifier", "name", "gender", "birthDate"}),
        # text, id, meta, and the mandatory elements at the top, of which Patient has none
        ("text", {"text"}),
        ("data", {"identifier", "name", "gender", "birthDate", "maritalStatus", "photo"}),
        ("false", {"text", "identifier", "name", "gender", "birthDate", "maritalStatus", "photo"}),
    ],
)
def test_summary_of_a_read(fhir, stored, summary, shown):
    read = fhir.get(f"Patient/{stored['id']}?_summary={summary}")
    assert read.status_code == 200
    assert names(read.json()) == shown
    assert (SUBSETTED in tags(read.json())) == (summary != "false")


def test_summary_text_keeps_mandatory_elements(fhir):
    seen = fhir.create(observation(text=NARRATIVE))
    read = fhir.get(f"Observation/{seen['id']}?_summary=text").json()
    assert names(read) == {"text", "status", "code"}


@pytest.mark.parametrize("summary", ["true", "text", "data"])
def test_summary_of_a_search(fhir, stored, summary):
    found = fhir.bundle(f"Patient?_id={stored['id']}&_summary={summary}")
    (entry,) = found["entry"]
    read = fhir.get(f"Patient/{stored['id']}?_summary={summary}").json()
    assert entry["resource"] == read


def test_summary_count_gives_the_total_only(fhir, stored):
    found = fhir.bundle(f"Patient?_id={stored['id']}&_summary=count")
    assert found["total"] == 1
    assert "entry" not in found


@pytest.mark.parametrize("query", ["_summary=some", "_summary=", "_summary=true&_elements=name"])
def test_a_summary_that_is_none_is_refused(fhir, stored, query):
    refused(fhir.get(f"Patient/{stored['id']}?{query}"), 400)
    refused(fhir.get(f"Patient?{query}"), 400)


def test_elements_shows_what_is_asked_and_what_is_mandatory(fhir, stored):
    read = fhir.get(f"Patient/{stored['id']}?_elements=gender,birthDate").json()
    assert names(read) == {"gender", "birthDate"}
    assert SUBSETTED in tags(read)
    seen = fhir.create(observation())
    shown = fhir.get(f"Observation/{seen['id']}?_elements=value").json()
    assert {"status", "code"} <= names(shown)
    assert "effectiveDateTime" not in names(shown)


def test_elements_of_a_search(fhir, stored):
    (entry,) = fhir.bundle(f"Patient?_id={stored['id']}&_elements=name")["entry"]
    assert names(entry["resource"]) == {"name"}


def test_elements_may_be_named_one_by_one(fhir, stored):
    read = fhir.get(f"Patient/{stored['id']}?_elements=gender&_elements=birthDate").json()
    assert names(read) == {"gender", "birthDate"}


def test_elements_that_a_type_does_not_have_are_refused(fhir, stored):
    refused(fhir.get(f"Patient/{stored['id']}?_elements=colour"), 400)


def test_elements_of_several_types_are_those_that_any_of_them_has(fhir):
    """Here `status` is an element of Observation only."""
    tag = fresh()
    tagged = {"meta": {"tag": [{"code": tag}]}}
    for resource in (patient(**tagged, birthDate="1980-01-01"), observation(**tagged)):
        fhir.create(resource)
    path = f"?_type=Patient,Observation&_tag={tag}&_elements="
    seen, person = (e["resource"] for e in fhir.bundle(f"{path}status,birthDate")["entry"])
    assert (names(person), "status" in seen) == ({"birthDate"}, True)
    refused(fhir.get(f"{path}status,colour"), 400)


def test_a_subset_of_a_read_keeps_digits(fhir):
    body = json.dumps(observation()).replace("36.5", "1.50").encode()
    id = fhir.post("Observation", body).json()["id"]
    for query in ("_summary=true", "_summary=data", "_elements=value"):
        assert "1.50" in fhir.get(f"Observation/{id}?{query}").text


def test_pretty_is_only_a_matter_of_layout(fhir, stored):
    plain = fhir.get(f"Patient/{stored['id']}")
    pretty = fhir.get(f"Patient/{stored['id']}?_pretty=true")
    assert plain.json() == pretty.json() == stored
    assert "\n" not in plain.text.strip()
    assert pretty.text.count("\n") > 10
    assert "甲子" in pretty.text
