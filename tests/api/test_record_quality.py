"""How good the records of an institution are, told as MeasureReports.

Spec: docs/quality.md, https://hl7.org/fhir/R4/measurereport.html
"""

import pytest

from tests.builders import fresh
from tests.visits import diagnosis, id_number, person, record

MEASURE = "https://tongkang.example/fhir/Measure/encounter-record-quality"
CODES = "https://tongkang.example/fhir/CodeSystem/record-quality"
TYPE = "EncounterRecord"


@pytest.fixture
def institution(fhir):
    """An Organization of its own, as its records name it."""
    value = fresh()
    system = "urn:example:institution"
    stored = fhir.create(
        {"resourceType": "Organization", "name": "示例医院",
         "identifier": [{"system": system, "value": value}]}
    )  # fmt: skip
    return stored["id"], {"identifier": {"system": system, "value": value}}


def groups(fhir, organization):
    """Return the counts of numerator and denominator of the one report, by the code of a group."""
    query = f"MeasureReport?reporter=Organization/{organization}&measure={MEASURE}"
    (entry,) = fhir.bundle(query)["entry"]
    report = entry["resource"]
    return report, {
        (*(each["code"] for each in one["code"]["coding"]), one["code"].get("text")): [
            each["count"] for each in one["population"]
        ]
        for one in report["group"]
    }


def test_records_are_counted_as_they_come(fhir, institution):
    organization, named = institution
    told = record(
        person(id_number(7, "19800115")), institution=named,
        diagnosis=[diagnosis("高血压", "I10.x00x002", rank=1)],
    )  # fmt: skip
    assert fhir.post(TYPE, told).status_code == 201
    assert fhir.post(TYPE, told).status_code == 200
    wrong = {**told, "visitClass": {"coding": [{"system": "urn:x", "code": "?"}]}}
    assert fhir.post(TYPE, wrong).status_code == 422
    report, found = groups(fhir, organization)
    assert found["validity", None] == [2, 3]
    assert found["duplicates", None] == [1, 3]
    assert found["completeness", "diagnosis.code", "诊断代码"] == [1, 1]
    assert found["completeness", "chiefComplaint", "主诉"] == [0, 1]
    assert fhir.post(TYPE, {**told, "chiefComplaint": "头晕"}).status_code == 200
    later, found = groups(fhir, organization)
    assert found["corrections", None] == [1, 4]
    assert later["id"] == report["id"]
    assert later["meta"]["versionId"] == "2"


def test_the_measure_is_published(fhir):
    (entry,) = fhir.bundle(f"Measure?url={MEASURE}")["entry"]
    assert entry["resource"]["group"][0]["code"]["coding"][0]["system"] == CODES
