"""mappings/EncounterRecord/: what a record of a visit comes to, row by row.

Spec: mappings/README.md; our profiles in profiles/StructureDefinition
"""

import orjson
import pytest
from hypothesis import assume, given

from server import content
from server.fhir import json
from server.mappings import projection
from server.mappings.tables import WrongTableError
from tests import visits
from tests.unit.mappings.visit_records import (
    CHINESE,
    GOLDEN,
    INPATIENT,
    OUTPATIENT,
    RECORDS,
    RESIDENT,
    SOURCE,
    of,
)
from tests.visits import coded, record, result

PROFILES = "https://tongkang.example/fhir/StructureDefinition/"


def errors(interpreters, resource):
    return [
        f"{one.expression}: {one.text('en')}"
        for one in interpreters.validator.faults(resource)
        if one.severity == "error"
    ]


@pytest.mark.parametrize("name", GOLDEN)
def test_all_that_a_record_comes_to_is_valid_and_leads_back_to_it(interpreters, project, name):
    for _, resource in project(GOLDEN[name]):
        assert errors(interpreters, resource) == []
        assert resource["meta"]["source"] == SOURCE


@pytest.mark.parametrize("name", GOLDEN)
def test_what_is_retracted_is_valid_and_says_so(interpreters, project, name):
    table = interpreters.projections["EncounterRecord"]
    for _, resource in project(GOLDEN[name]):
        gone = table.retracted(resource["resourceType"], resource)
        assert errors(interpreters, gone) == []
        assert b"entered-in-error" in orjson.dumps(gone)


@pytest.mark.parametrize(
    ("name", "profile", "code"),
    [
        ("outpatient", "cn-encounter-outpatient", "AMB"),
        ("emergency", "cn-encounter-emergency", "EMER"),
        ("inpatient", "cn-encounter-inpatient", "IMP"),
        ("check-up", "cn-encounter-check-up", "AMB"),
    ],
)
def test_the_class_decides_the_profile_of_the_encounter(project, name, profile, code):
    (encounter,) = of(project(GOLDEN[name]), "encounter")
    assert encounter["meta"]["profile"] == [f"{PROFILES}{profile}"]
    assert encounter["class"]["code"] == code


def test_a_visit_of_another_kind_is_just_an_encounter(project):
    (encounter,) = of(project(record(visitClass=coded(visits.CLASSES, "9"))), "encounter")
    assert encounter["meta"]["profile"] == [f"{PROFILES}cn-encounter"]


def test_an_outpatient_visit_element_by_element(project):
    made = project(OUTPATIENT)
    (encounter,) = of(made, "encounter")
    first, second = of(made, "diagnosis")
    link = {"reference": f"Encounter/{encounter['id']}"}
    assert encounter["identifier"] == [
        {
            "use": "official",
            "system": "urn:oid:2.16.156.10011.1.11",
            "value": OUTPATIENT["visitNumber"],
        },
        {"use": "secondary", "system": "urn:oid:2.16.156.10011.1.13", "value": "TEST-1"},
    ]
    assert encounter["status"] == "finished"
    assert encounter["period"] == {"start": OUTPATIENT["start"], "end": OUTPATIENT["end"]}
    assert encounter["serviceProvider"] == OUTPATIENT["institution"]
    assert encounter["participant"] == [
        {"type": [{"text": "接诊医师"}], "individual": {"display": "示例医生"}}
    ]
    assert encounter["diagnosis"] == [
        {"condition": {"reference": f"Condition/{first['id']}"}, "rank": 1},
        {"condition": {"reference": f"Condition/{second['id']}"}, "rank": 2},
    ]
    assert first["code"] == {**OUTPATIENT["diagnosis"][0]["code"], "text": "高血压"}
    assert second["code"] == {"text": "头晕"}
    (medicine,) = of(made, "prescription")
    assert medicine["requester"] == {"display": "示例医生"}
    assert medicine["groupIdentifier"] == {"value": "RX-1"}
    assert medicine["contained"][0]["form"] == OUTPATIENT["prescription"][0]["form"]
    (cost,) = of(made, "cost")
    assert cost["priceOverride"] == {"value": 120.5, "currency": "CNY"}
    for role in ("diagnosis", "prescription", "result"):
        assert {str(one["encounter"]) for one in of(made, role)} == {str(link)}
    assert {str(one.get("subject", one.get("beneficiary"))) for _, one in made} == {str(RESIDENT)}


def test_a_stay_that_has_not_ended_is_in_progress(project):
    stay = {name: one for name, one in INPATIENT.items() if name not in ("end", "dischargeWay")}
    made = project(stay)
    assert of(made, "encounter")[0]["status"] == "in-progress"
    assert of(made, "document")[0]["status"] == "preliminary"


def test_of_a_visit_that_did_not_take_place_nothing_was_ordered_or_done(interpreters, project):
    """https://hl7.org/fhir/R4/medicationrequest.html and procedure.html, status."""
    done = {"name": "示例操作", "performed": "2026-03-01"}
    operations = [{"name": "阑尾切除术"}, done]
    said = {**OUTPATIENT, "status": "cancelled", "operation": operations}
    made = project(said)
    statuses = {
        role: [one["status"] for one in of(made, role)]
        for role in ("encounter", "document", "prescription", "operation", "result", "cost")
    }
    assert statuses["encounter"] == ["cancelled"]
    assert statuses["document"] == ["preliminary"]
    assert set(statuses["prescription"]) == {"cancelled"}
    assert statuses["operation"] == ["not-done", "completed"]
    assert set(statuses["result"]) == {"final"}
    assert set(statuses["cost"]) == {"billed"}
    told = [one["verificationStatus"]["coding"][0]["code"] for one in of(made, "diagnosis")]
    assert set(told) == {"confirmed"}
    for _, resource in made:
        assert errors(interpreters, resource) == []


def test_what_is_healed_is_resolved(project):
    (healed,) = of(project(INPATIENT), "diagnosis")
    assert healed["clinicalStatus"]["coding"][0]["code"] == "resolved"


def test_a_syndrome_says_of_which_disease_it_is(project):
    made = project(CHINESE)
    ((disease,), (syndrome,)) = of(made, "tcm-disease"), of(made, "tcm-syndrome")
    assert syndrome["extension"][0]["valueReference"]["reference"] == f"Condition/{disease['id']}"


def test_the_words_of_a_record_are_sections_of_its_document(project):
    (document,) = of(project(OUTPATIENT), "document")
    words, diagnoses, *_ = document["section"]
    assert words["title"] == "主诉"
    assert "头晕 3 天 &lt;轻&gt;" in words["text"]["div"]
    assert len(diagnoses["entry"]) == 2


def test_digits_are_as_the_record_spells_them(interpreters):
    whole = {**record(result=[result(5.6)]), "id": "r", "resident": RESIDENT, "patient": RESIDENT}
    body = orjson.dumps(whole).replace(b'"value":5.6,', b'"value":5.60,')
    found = interpreters.projections["EncounterRecord"].project(json.exact(body), SOURCE)
    (made,) = [one for one in found if one.role == "result"]
    assert b'"value":5.60,"unit":"mmol/L"' in json.dumps(made.resource)


def test_a_number_whose_unit_nobody_knows_stays_a_text(project):
    (made,) = of(project(record(result=[result(7, unit="示例单位")])), "result")
    assert made["valueString"] == "7 示例单位"
    assert "valueQuantity" not in made


@pytest.mark.parametrize(
    ("role", "expression", "place"),
    [
        ("diagnosis", "Condition.code.coding[0].code", "EncounterRecord.diagnosis[0].code.coding"),
        ("diagnosis", "Condition.code.text", "EncounterRecord.diagnosis[0].name"),
        ("diagnosis", "Condition.recordedDate", "EncounterRecord.start"),
        ("diagnosis", "Condition.clinicalStatus", "EncounterRecord.diagnosis[0]"),
        ("diagnosis", "Condition.encounter", "EncounterRecord.diagnosis[0]"),
        ("diagnosis", "Condition", "EncounterRecord.diagnosis[0]"),
        ("encounter", "Encounter.period.start", "EncounterRecord.start"),
        ("prescription", "MedicationRequest.authoredOn", "EncounterRecord.prescription[0]"),
    ],
)
def test_a_fault_in_a_resource_is_told_of_the_place_in_the_record(
    interpreters, role, expression, place
):
    table = interpreters.projections["EncounterRecord"]
    said = {**OUTPATIENT, "id": "r", "resident": RESIDENT, "patient": RESIDENT}
    found = table.project(json.exact(orjson.dumps(said)), SOURCE)
    made = next(one for one in found if one.role == role)
    assert table.origin(made, expression) == place


@pytest.mark.parametrize(("flag", "names"), [(True, ["青霉素", "头孢"]), (False, []), (None, [])])
def test_an_allergy_is_told_where_the_record_says_that_there_is_one(project, flag, names):
    said = {} if flag is None else {"drugAllergy": flag}
    allergens = [{"text": "青霉素"}, {"text": "头孢"}]
    made = of(project(record(allergen=allergens, **said)), "allergy")
    assert [one["code"]["text"] for one in made] == names
    assert all(one["category"] == ["medication"] for one in made)


def test_a_pathological_diagnosis_is_the_conclusion_of_a_report(project):
    code = {"coding": [{"system": "urn:oid:2.16.156.10011.2.3.3.11", "code": "M80500/0"}]}
    told = {"number": "P-1", "code": code, "name": "乳头状瘤"}
    (made,) = of(project(record(pathology=[told, {"number": "P-2"}])), "pathology")
    assert made["identifier"] == [{"value": "P-1"}]
    assert made["conclusion"] == "乳头状瘤"
    assert made["conclusionCode"][0]["coding"][0]["code"] == "M80500/0"


def test_a_report_has_the_results_that_name_it(project):
    number = {"system": "urn:oid:2.16.156.10011.1.33", "value": "R-1"}
    made = project(
        record(
            report=[{"number": number, "category": "生化", "conclusion": "未见异常"}],
            result=[{**result(5), "report": "R-1"}, result(72, "8867-4", "次/min")],
        )
    )
    mine, _ = of(made, "result")
    (report,) = of(made, "report")
    assert report["result"] == [{"reference": f"Observation/{mine['id']}"}]


@given(said=RECORDS)
def test_whatever_is_valid_is_projected_to_what_is_valid(interpreters, said):
    """Of records that the server would take; the others it refuses before they are projected."""
    whole = {**record(**said), "id": "r", "resident": RESIDENT, "patient": RESIDENT}
    assume(not errors(interpreters, whole))
    found = interpreters.projections["EncounterRecord"].project(
        json.exact(orjson.dumps(whole)), SOURCE
    )
    assert {one.role for one in found} >= {"encounter", "document"}
    assert len({one.id for one in found}) == len(found)
    for one in found:
        assert errors(interpreters, orjson.loads(json.dumps(one.resource))) == []


@pytest.mark.parametrize(
    "table",
    [
        'type = "Basic"\nrole = "a"\nstrange = 1\n[[row]]\nfrom = "a"\nto = "b"',
        'type = "Basic"\nrole = "a"\n[[row]]\nfrom = "a"',
        'type = "Basic"\nrole = "a"\n[[row]]\nfrom = "a"\nto = "b"\nconvert = "nothing"',
        'type = "Basic"\nrole = "a"\n[[row]]\nfrom = "a"\nfixed = "c"\nto = "b"',
        'type = "Basic"\nrole = "a"\n[[row]]\nfrom = "a"\nto = "b[x]"',
    ],
)
def test_a_table_that_does_not_say_what_it_should_stops_the_start(interpreters, tmp_path, table):
    (tmp_path / "units.toml").write_text("[unit]\n")
    (tmp_path / "T").mkdir()
    (tmp_path / "T" / "a.toml").write_text(table)
    with pytest.raises(WrongTableError):
        projection.load(tmp_path, "T", interpreters.terminology)


def test_every_table_is_for_a_role_of_its_own(interpreters):
    roles = [one.role for one in interpreters.projections["EncounterRecord"].tables]
    assert (
        len(roles) == len({*roles}) == len([*(content.MAPPINGS / "EncounterRecord").glob("*.toml")])
    )
