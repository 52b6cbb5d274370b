"""$summary: the International Patient Summary.

Spec: http://hl7.org/fhir/uv/ips/STU1.1/StructureDefinition-Composition-uv-ips.html
"""

import re
from xml.etree import ElementTree as ET

import pytest

from server.profiles.structure import structure_validator
from server.services import Interpreters
from server.settings import Settings
from tests.api import records
from tests.api.client import HAN, Client, refused
from tests.api.records import concept, name, names, ref
from tests.builders import fresh, observation, patient

HL7 = "http://terminology.hl7.org/CodeSystem"
ABSENT = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
PROBLEMS, ALLERGIES, MEDICATIONS = "11450-4", "48765-2", "10160-0"
RESULTS, VITAL_SIGNS, PAST = "30954-2", "8716-3", "11348-0"


@pytest.fixture(scope="module")
def structure():
    return structure_validator(Interpreters.of(Settings()).definitions)


@pytest.fixture(scope="module")
def record(server):
    fhir = Client(server)
    yield records.stored(fhir)
    fhir.session.close()


def category(code):
    return [concept(code, f"{HL7}/observation-category")]


def condition(subject, clinical, text, **more):
    status = concept(clinical, f"{HL7}/condition-clinical")
    base = {"resourceType": "Condition", "subject": ref(subject), "code": {"text": text}}
    return {**base, "clinicalStatus": status, **more}


def sections(bundle):
    return {
        one["code"]["coding"][0]["code"]: one for one in bundle["entry"][0]["resource"]["section"]
    }


def entries(bundle, code):
    """Return the resources that a section refers to, found by their URL."""
    there = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    return [there[one["reference"]] for one in sections(bundle)[code].get("entry", ())]


def told(section):
    """Return the text of a narrative, which has to be XHTML."""
    return " ".join(ET.fromstring(section["text"]["div"]).itertext())


def test_a_summary_is_a_document_with_a_composition(fhir, record, structure):
    bundle = fhir.bundle(f"{name(record.patient)}/$summary")
    assert structure.faults(bundle) == []
    assert bundle["type"] == "document"
    first = bundle["entry"][0]["resource"]
    assert first["resourceType"] == "Composition"
    assert first["type"]["coding"][0]["code"] == "60591-5"
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    assert first["subject"]["reference"] in urls
    assert first["author"][0]["reference"] in urls
    for section in first["section"]:
        assert section["title"]
        assert all(one["reference"] in urls for one in section.get("entry", ()))


def test_what_it_refers_to_by_itself_comes_as_it_is_stored(fhir, record):
    bundle = fhir.bundle(f"{name(record.patient)}/$summary")
    stored = [one["resource"] for one in bundle["entry"] if one["fullUrl"].startswith("http")]
    for one in stored:
        assert one == fhir.read(one["resourceType"], one["id"])
    supporting = (record.unit, record.drug, record.nurse)
    assert set(names(record.patient, record.undated, record.order, record.report)) <= set(
        names(*stored)
    )
    assert name(record.drug) in names(*stored)
    assert set(names(*stored)).isdisjoint(names(record.mother, record.of_mother, *record.visits))
    assert name(supporting[0]) in names(*stored)


def test_sections_have_a_narrative_in_both_languages(fhir, record):
    for section in fhir.bundle(f"{name(record.patient)}/$summary")["entry"][0]["resource"][
        "section"
    ]:
        said = told(section)
        assert HAN.search(said), said
        assert re.search("[A-Za-z]{4}", said), said


def test_the_narrative_tells_what_the_entries_say(fhir):
    somebody = fhir.create(patient())
    drug = fhir.create({"resourceType": "Medication", "code": {"text": "二甲双胍 <缓释>"}})
    order = {"resourceType": "MedicationRequest", "status": "active", "intent": "order"}
    fhir.create(
        {**order, "subject": ref(somebody), "medicationReference": ref(drug),
         "dosageInstruction": [{"text": "一日两次 & 餐后"}]}
    )  # fmt: skip
    body = observation(subject=ref(somebody), category=category("vital-signs"))
    del body["valueQuantity"]
    text = str(body).replace("'", '"')[:-1] + ', "valueQuantity": {"value": 1.50, "unit": "kg"}}'
    assert fhir.post("Observation", text.encode()).status_code == 201
    bundle = fhir.bundle(f"{name(somebody)}/$summary")
    medications = told(sections(bundle)[MEDICATIONS])
    assert "二甲双胍 <缓释>" in medications
    assert "一日两次 & 餐后" in medications
    signs = told(sections(bundle)[VITAL_SIGNS])
    assert "1.50 kg" in signs
    assert "2025-03-01" in signs


def test_of_nothing_known_it_is_said_that_nothing_is_known(fhir, structure):
    somebody = fhir.create(patient(birthDate="1960-01-01"))
    bundle = fhir.bundle(f"{name(somebody)}/$summary")
    assert structure.faults(bundle) == []
    assert list(sections(bundle)) == [PROBLEMS, ALLERGIES, MEDICATIONS]
    for code, (element, said) in {
        PROBLEMS: ("code", "no-problem-info"),
        ALLERGIES: ("code", "no-allergy-info"),
        MEDICATIONS: ("medicationCodeableConcept", "no-medication-info"),
    }.items():
        (one,) = entries(bundle, code)
        assert one[element]["coding"][0]["system"] == ABSENT
        assert one[element]["coding"][0]["code"] == said
        subject = one.get("subject") or one["patient"]
        assert subject["reference"] == f"{fhir.base}/{name(somebody)}"
    assert bundle["meta"]["profile"] == [
        "http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips"
    ]


def test_it_says_that_it_is_an_ips_only_if_it_is(fhir):
    somebody = fhir.create(patient())
    assert "birthDate" not in somebody
    assert "meta" not in fhir.bundle(f"{name(somebody)}/$summary")


def test_what_is_over_is_told_as_past_and_what_is_wrong_not_at_all(fhir):
    somebody = fhir.create(patient())
    active = fhir.create(condition(somebody, "active", "高血压"))
    bare = {**condition(somebody, "active", "糖尿病"), "clinicalStatus": None}
    unknown = fhir.create({name: one for name, one in bare.items() if one is not None})
    over = fhir.create(condition(somebody, "resolved", "肺炎"))
    wrong = concept("entered-in-error", f"{HL7}/condition-ver-status")
    made = condition(somebody, "active", "误录", verificationStatus=wrong)
    fhir.create({name: one for name, one in made.items() if name != "clinicalStatus"})
    bundle = fhir.bundle(f"{name(somebody)}/$summary")
    assert names(*entries(bundle, PROBLEMS)) == names(active, unknown)
    assert names(*entries(bundle, PAST)) == names(over)
    assert "误录" not in str(bundle)


def test_of_measurements_the_latest_of_each_code_comes(fhir):
    somebody = fhir.create(patient())
    made = [
        fhir.create(
            observation(
                subject=ref(somebody),
                category=category(kind),
                code=concept(code),
                effectiveDateTime=f"2024-05-0{day}",
            )
        )
        for kind, code in (
            ("laboratory", "2345-7"),
            ("laboratory", "718-7"),
            ("vital-signs", "8310-5"),
        )
        for day in (1, 2)
    ]
    fhir.create({**made[1], "status": "entered-in-error", "effectiveDateTime": "2024-06-01"})
    bundle = fhir.bundle(f"{name(somebody)}/$summary")
    assert names(*entries(bundle, RESULTS)) == names(made[1], made[3])
    assert names(*entries(bundle, VITAL_SIGNS)) == names(made[5])


def test_of_many_the_latest_are_listed_and_the_rest_is_counted(fhir):
    somebody = fhir.create(patient())
    vaccine = {"resourceType": "Immunization", "status": "completed", "patient": ref(somebody)}
    for number in range(53):
        day = f"20{number + 10:02}-01-01"
        fhir.create({**vaccine, "vaccineCode": {"text": "流感疫苗"}, "occurrenceDateTime": day})
    bundle = fhir.bundle(f"{name(somebody)}/$summary")
    days = [one["occurrenceDateTime"] for one in entries(bundle, "11369-6")]
    assert days == [f"20{number + 10:02}-01-01" for number in range(52, 2, -1)]
    assert "3 older" in told(sections(bundle)["11369-6"])


def test_the_patient_can_be_named_by_an_identifier(fhir):
    number = fresh()
    somebody = fhir.create(patient(identifier=[{"system": "urn:test:id", "value": number}]))
    bundle = fhir.bundle(f"Patient/$summary?identifier=urn:test:id|{number}")
    assert bundle["entry"][1]["resource"]["id"] == somebody["id"]
    fhir.create(patient(identifier=[{"system": "urn:test:id", "value": number}]))
    refused(fhir.get(f"Patient/$summary?identifier=urn:test:id|{number}"), 412)
    refused(fhir.get(f"Patient/$summary?identifier=urn:test:id|{fresh()}"), 404)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Patient/$summary", 400), ("Patient/$summary?identifier=", 400),
        ("{own}/$summary?profile=http://example.org/other", 400), ("{own}/$summary?x=y", 400),
        ("{own}/$summary?identifier=x", 400),
        ("Patient/never/$summary", 404), ("Observation/x/$summary", 404),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(fhir, record, path, status):
    refused(fhir.get(path.format(own=name(record.patient))), status)


def test_the_profile_of_the_ips_can_be_asked_for(fhir, record):
    profile = "http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips"
    for asked in (profile, f"{profile}|1.1.0"):
        assert fhir.bundle(f"{name(record.patient)}/$summary?profile={asked}")["type"] == "document"


def test_hostile_text_stays_text(fhir, structure):
    text = "</td><script>alert(1)</script>\u200b\t&amp;]]>"
    somebody = fhir.create(patient(name=[{"text": text}]))
    fhir.create(condition(somebody, "active", text))
    bundle = fhir.bundle(f"{name(somebody)}/$summary")
    assert structure.faults(bundle) == []
    assert "<script" not in sections(bundle)[PROBLEMS]["text"]["div"]
    assert "<script>" in told(sections(bundle)[PROBLEMS])
