"""How good the records of an institution are, told as MeasureReports.

Spec: docs/quality.md, https://hl7.org/fhir/R4/measurereport.html
"""

from uuid import uuid4

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


def told_of(named, **elements):
    """Return a record of somebody new, at the institution `named`."""
    return record(person(id_number(9, "19810203")), institution=named, **elements)


def test_what_is_malformed_is_counted_by_the_rule_that_it_breaks(fhir, institution):
    organization, named = institution
    assert fhir.post(TYPE, told_of(named, start="2026-02-30")).status_code == 422
    _, found = groups(fhir, organization)
    assert found["validity", None] == [0, 1]
    assert sum(count for (code, *_), (count, _) in found.items() if code == "rule") == 1


@pytest.mark.parametrize(
    "fault",
    [{"visitClass": {"coding": [{"system": "urn:x", "code": "?"}]}}, {"start": "2026-02-30"}],
    ids=["of-a-profile", "of-form"],
)
def test_each_record_of_a_refused_transaction_is_counted_and_told_what_it_broke(
    fhir, institution, fault
):
    organization, named = institution
    records = [told_of(named), told_of(named, **fault), told_of(named)]
    entries = [{"resource": one, "request": {"method": "POST", "url": TYPE}} for one in records]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert fhir.post("", bundle).status_code == 422
    _, found = groups(fhir, organization)
    assert found["validity", None] == [0, 3]
    rules = {key[1]: counts for key, counts in found.items() if key[0] == "rule"}
    assert set(map(tuple, rules.values())) == {(1, 3)}
    assert fhir.ids(f"{TYPE}?organization=Organization/{organization}") == []


def test_a_transaction_that_is_taken_counts_each_record_once(fhir, institution):
    organization, named = institution
    entries = [
        {"resource": told_of(named), "request": {"method": "POST", "url": TYPE}} for _ in range(2)
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert fhir.post("", bundle).status_code == 200
    assert groups(fhir, organization)[1]["validity", None] == [2, 2]


@pytest.mark.parametrize("status", [200, 422])
def test_a_record_counts_for_the_institution_that_comes_with_it(fhir, status):
    link = f"urn:uuid:{uuid4()}"
    code = {"system": "urn:example:institution", "value": fresh()}
    told = told_of({"reference": link})
    if status == 422:
        told["visitClass"] = {"coding": [{"system": "urn:x", "code": "?"}]}
        fhir.create({"resourceType": "Organization", "name": "示例医院", "identifier": [code]})
    organization = {"resourceType": "Organization", "name": "示例医院", "identifier": [code]}
    made = {"method": "PUT", "url": f"Organization?identifier={code['system']}|{code['value']}"}
    entries = [
        {"resource": told, "request": {"method": "POST", "url": TYPE}},
        {"fullUrl": link, "resource": organization, "request": made},
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert fhir.post("", bundle).status_code == status
    (id,) = fhir.ids(f"Organization?identifier={code['system']}|{code['value']}")
    assert groups(fhir, id)[1]["validity", None] == [int(status == 200), 1]


@pytest.mark.parametrize(
    "named",
    [
        {"identifier": {"system": "", "value": ""}},
        {"identifier": {"system": "urn:x", "value": " "}},
        {"identifier": {"system": "urn:x\u0000", "value": "a|b,c$d\\"}},
        {"identifier": {"system": "urn:x", "value": "长" * 5000}},
        {"identifier": ["x"]},
        {"reference": "Organization?name=x"},
        {"reference": "Organization?"},
        {"reference": "\u0000"},
        {"reference": 7},
        {"identifier": "system value"},
        {"display": 7},
        "?",
        None,
        [],
    ],
    ids=repr,
)
@pytest.mark.parametrize("way", ["alone", "transaction"])
def test_whatever_an_institution_is_called_the_refusal_stays_what_it_was(fhir, named, way):
    told = told_of(named, start="2026-02-30")
    entry = {"resource": told, "request": {"method": "POST", "url": TYPE}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    answer = fhir.post(TYPE, told) if way == "alone" else fhir.post("", bundle)
    assert answer.status_code == 422
    assert f"{TYPE}.start" in answer.text or ".resource.start" in answer.text
    assert fhir.get(f"MeasureReport?measure={MEASURE}&_count=1").status_code == 200


def test_the_measure_is_published(fhir):
    (entry,) = fhir.bundle(f"Measure?url={MEASURE}")["entry"]
    assert entry["resource"]["group"][0]["code"]["coding"][0]["system"] == CODES
