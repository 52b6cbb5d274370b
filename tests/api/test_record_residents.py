"""Whom a record of a visit is about: told by identity, never guessed.

Spec: docs/encounter-records.md
"""

import pytest

from tests.api.client import refused
from tests.api.pushing import TYPE, conditions, push, resident, task
from tests.builders import ID_CARD
from tests.visits import diagnosis, person, record


def test_somebody_known_is_found_by_their_number(fhir, told, number):
    known = fhir.create({
        "resourceType": "Patient", "name": [{"text": "测试 甲"}],
        "identifier": [{"system": ID_CARD, "value": number}],
    })  # fmt: skip
    assert resident(push(fhir, told)) == f"Patient/{known['id']}"


def test_somebody_new_fulfils_the_profile_of_residents(fhir, told, number):
    made = fhir.get(resident(push(fhir, told))).json()
    assert made["meta"]["profile"] == [
        "https://tongkang.example/fhir/StructureDefinition/cn-patient"
    ]
    assert (made["gender"], made["birthDate"]) == ("male", f"{number[6:10]}-01-15")


def test_the_next_visit_is_told_by_the_medical_record_alone(fhir, told):
    first = push(fhir, {**told, "recordNumber": told["visitNumber"]})
    later = record(person(), recordNumber=told["visitNumber"])
    assert resident(push(fhir, later)) == resident(first)


@pytest.mark.parametrize(
    ("known", "who", "reason"),
    [
        ([{"name": "测试乙"}], {}, "contradicted"),
        ([{"birthDate": "1950-01-01"}], {"birthDate": "1951"}, "contradicted"),
        ([{}, {}], {}, "ambiguous"),
        ([], {"name": None}, "unknown"),
        ([], {"number": "110101199001159999"}, "unknown"),
        ([], {"number": None}, "untold"),
    ],
)
def test_nobody_is_guessed(fhir, number, known, who, reason):
    for one in known:
        identifiers = [{"system": ID_CARD, "value": number}]
        name = [{"text": one.get("name", "测试甲")}]
        more = {key: value for key, value in one.items() if key != "name"}
        fhir.create({"resourceType": "Patient", "identifier": identifiers, "name": name, **more})
    stored = push(fhir, record(person(**{"number": number, **who}), diagnosis=[diagnosis("头晕")]))
    assert "resident" not in stored
    waiting = task(fhir, stored)
    assert waiting["status"] == "requested"
    assert waiting["reasonCode"]["coding"][0]["code"] == reason
    candidates = [
        one for one in waiting["input"] if one["type"]["coding"][0]["code"] == "candidate"
    ]
    assert len(candidates) == len(known)
    assert fhir.ids(f"Provenance?entity={TYPE}/{stored['id']}") == []
    refused(fhir.get(f"{TYPE}/{stored['id']}/$document"), 404)


def decide(fhir, stored, reference):
    parameter = [{"name": "patient", "valueReference": {"reference": reference}}]
    return fhir.post(
        f"{TYPE}/{stored['id']}/$resolve",
        {"resourceType": "Parameters", "parameter": parameter},
    )


@pytest.mark.parametrize("way", ["operation", "update"])
def test_somebody_decides_whom_it_is_about(fhir, way):
    known = fhir.create({"resourceType": "Patient", "name": [{"text": "测试丙"}]})
    reference = f"Patient/{known['id']}"
    said = record(person(), diagnosis=[diagnosis("头晕")])
    stored = push(fhir, said)
    if way == "operation":
        answer = decide(fhir, stored, reference)
        assert answer.json()["status"] == "completed"
    else:
        changed = {**stored, "patient": {"reference": reference}}
        changed.pop("contained")
        answer = fhir.put(f"{TYPE}/{stored['id']}", changed)
    assert answer.status_code == 200, answer.text
    now = fhir.read(TYPE, stored["id"])
    assert resident(now) == reference
    assert conditions(fhir, now) == {"头晕": "confirmed"}
    assert task(fhir, stored)["for"] == {"reference": reference}
    if way == "operation":
        # It stays decided when the institution sends the visit again.
        assert push(fhir, said, 200) == now
        refused(decide(fhir, stored, reference), 409)


def test_who_was_merged_into_another_has_records_no_more_once_they_come_again(fhir, told, number):
    first = push(fhir, told)
    old = fhir.get(resident(first)).json()
    new = fhir.create({"resourceType": "Patient", "name": old["name"],
                       "identifier": [{"system": ID_CARD, "value": number}]})  # fmt: skip
    link = {"other": {"reference": f"Patient/{new['id']}"}, "type": "replaced-by"}
    merged = {**old, "active": False, "link": [link]}
    assert fhir.put(f"Patient/{old['id']}", merged).status_code == 200
    second = push(fhir, {**told, "summary": "更正"}, 200)
    assert resident(second) == f"Patient/{new['id']}"
    assert conditions(fhir, second) == {"高血压": "confirmed", "头晕": "confirmed"}


def test_who_was_deleted_is_looked_for_anew(fhir, told):
    first = push(fhir, told)
    assert fhir.delete(resident(first)).status_code in (200, 204)
    second = push(fhir, {**told, "summary": "更正"}, 200)
    assert resident(second) != resident(first)
    assert conditions(fhir, second) == {"高血压": "confirmed", "头晕": "confirmed"}


def test_a_record_that_is_cancelled_needs_no_decision(fhir):
    said = record(person())
    stored = push(fhir, said)
    push(fhir, {**said, "status": "entered-in-error"}, 200)
    assert task(fhir, stored)["status"] == "cancelled"


def test_whom_it_is_about_is_not_the_callers_to_say(fhir, told):
    somebody = fhir.create({"resourceType": "Patient"})
    said = {**told, "resident": {"reference": f"Patient/{somebody['id']}"}}
    assert resident(push(fhir, said)) != f"Patient/{somebody['id']}"
