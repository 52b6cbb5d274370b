"""The residents, the staff and the records that the tests of the portal are about."""

from server.access.caller import NOBODY, Caller, Party
from server.audit.event import Event, rest
from server.identity.access import PORTAL
from server.interactions.call import Disclosed

OWN, CHILD, OTHER = "portal-own", "portal-child", "portal-other"
HOSPITAL = {"reference": "Organization/portal-hospital", "display": "第一医院"}
ELSEWHERE = {"reference": "Organization/portal-elsewhere", "name": "外地医院"}
NUMBER = "11010519491231002X"
PROBE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&{{7*7}}"
V3 = "http://terminology.hl7.org/CodeSystem/v3-"
LOINC = "http://loinc.org"
CODED = "http://hl7.org/fhir/StructureDefinition/iso21090-SC-coding"
ICD = "http://hl7.org/fhir/sid/icd-10"

ACCOUNTS = {
    "resident": {
        "kind": "resident",
        "login": "portal-resident",
        "name": "欧阳甲子",
        "person": f"Patient/{OWN}",
        "status": "active",
    },
    "other": {
        "kind": "resident",
        "login": "portal-other",
        "name": "王乙丑",
        "person": f"Patient/{OTHER}",
        "status": "active",
    },
    "doctor": {
        "kind": "staff",
        "login": "portal-doctor",
        "name": "刘医生",
        "person": "Practitioner/portal-doctor",
        "role": "clinician",
        "organization": ELSEWHERE,
        "division": "350200",
        "status": "active",
    },
    "officer": {
        "kind": "staff",
        "login": "portal-officer",
        "name": "安全员",
        "person": "Practitioner/portal-officer",
        "role": "security",
        "organization": ELSEWHERE,
        "division": "35",
        "status": "active",
    },
    "far_officer": {
        "kind": "staff",
        "login": "portal-far-officer",
        "name": "远方安全员",
        "person": "Practitioner/portal-far-officer",
        "role": "security",
        "organization": ELSEWHERE,
        "division": "65",
        "status": "active",
    },
}
BOND = {
    "account": "resident",
    "patient": f"Patient/{CHILD}",
    "relation": "guardian",
    "born": "2020-05-01",
    "name": "欧阳小宝",
    "status": "active",
}


def concept(system, code, text):
    return {"coding": [{"system": system, "code": code}], "text": text}


def about(id):
    return {"reference": f"Patient/{id}"}


def patient(id, name, born, number=None):
    coded = {"url": CODED, "valueCoding": {"code": "350602"}}
    home = {"use": "home", "state": "福建省", "city": "漳州市", "district": "芗城区"}
    found = {
        "resourceType": "Patient",
        "id": id,
        "name": [{"text": name}],
        "gender": "female",
        "birthDate": born,
        "address": [{**home, "_district": {"extension": [coded]}}],
    }
    if number:
        found["identifier"] = [{"system": "urn:oid:2.16.156.10011.1.3", "value": number}]
    return found


def visit(number, day, department="内科", **more):
    return {
        "resourceType": "Encounter",
        "id": f"portal-visit-{number}",
        "status": "finished",
        "class": {"system": f"{V3}ActCode", "code": "AMB"},
        "subject": about(OWN),
        "serviceType": {"text": department},
        "period": {"start": f"{day}T09:00:00+08:00", "end": f"{day}T09:40:00+08:00"},
        "serviceProvider": HOSPITAL,
        "participant": [{"individual": {"display": "陈医生"}}],
        **more,
    }


def pressure(number, day, upper, lower):
    unit = {"unit": "mm[Hg]", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    return {
        "resourceType": "Observation",
        "id": f"portal-pressure-{number}",
        "status": "final",
        "code": concept(LOINC, "85354-9", "血压"),
        "subject": about(OWN),
        "encounter": {"reference": "Encounter/portal-visit-1"},
        "effectiveDateTime": f"{day}T09:10:00+08:00",
        "performer": [HOSPITAL],
        "component": [
            {
                "code": concept(LOINC, "8480-6", "收缩压"),
                "valueQuantity": {"value": upper, **unit},
            },
            {
                "code": concept(LOINC, "8462-4", "舒张压"),
                "valueQuantity": {"value": lower, **unit},
            },
        ],
    }


def glucose(number, day, value):
    unit = {"unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"}
    return {
        "resourceType": "Observation",
        "id": f"portal-glucose-{number}",
        "status": "final",
        "code": concept(LOINC, "14771-0", "空腹血糖"),
        "subject": about(OWN),
        "effectiveDateTime": f"{day}T09:10:00+08:00",
        "valueQuantity": {"value": value, **unit},
        "referenceRange": [{"low": {"value": 3.9, **unit}, "high": {"value": 6.1, **unit}}],
        "interpretation": [concept(f"{V3}ObservationInterpretation", "H", "高")],
    }


def resources():
    """Yield what is stored, what is referred to first."""
    yield {"resourceType": "Organization", "id": "portal-hospital", "name": "第一医院"}
    yield {"resourceType": "Organization", "id": "portal-elsewhere", "name": "外地医院"}
    yield patient(OWN, "欧阳甲子", "1949-12-31", NUMBER)
    yield patient(CHILD, "欧阳小宝", "2020-05-01")
    yield patient(OTHER, "王乙丑", "1980-01-01")
    yield {
        "resourceType": "Condition",
        "id": "portal-hiv",
        "code": concept(ICD, "B20", "人类免疫缺陷病毒病"),
        "subject": about(OWN),
        "recordedDate": "2025-02-01",
    }
    diagnosis = [{"condition": {"reference": "Condition/portal-hiv"}}]
    yield visit(1, "2025-02-01", "感染科", diagnosis=diagnosis)
    yield visit(2, "2025-03-01", PROBE, reasonCode=[{"text": PROBE}])
    check_up = concept("urn:oid:2.16.156.10011.2.3.1.271", "9", "健康体检")
    yield visit(3, "2025-04-01", "预防保健科", type=[check_up])
    for number in range(4, 28):
        yield visit(number, f"2024-01-{number:02}", f"科室{number}")
    yield pressure(1, "2025-02-01", 151, 92)
    yield pressure(2, "2025-03-01", 139, 85)
    yield glucose(1, "2025-03-01", 6.8)
    yield glucose(2, "2025-04-01", 6.4)
    yield {
        "resourceType": "AllergyIntolerance",
        "id": "portal-allergy",
        "code": {"text": PROBE},
        "patient": about(OWN),
        "note": [{"text": PROBE}],
        "text": {
            "status": "generated",
            "div": '<div xmlns="http://www.w3.org/1999/xhtml">probe-narrative</div>',
        },
    }
    yield {
        "resourceType": "MedicationRequest",
        "id": "portal-medicine",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": "氨氯地平片"},
        "subject": about(OWN),
        "authoredOn": "2025-02-01",
        "encounter": {"reference": "Encounter/portal-visit-1"},
        "dosageInstruction": [{"text": "一次5mg，一日1次"}],
    }
    yield {
        "resourceType": "Immunization",
        "id": "portal-child-vaccine",
        "status": "completed",
        "vaccineCode": {"text": "麻腮风疫苗"},
        "patient": about(CHILD),
        "occurrenceDateTime": "2021-05-01",
    }
    yield {
        "resourceType": "AllergyIntolerance",
        "id": "portal-other-allergy",
        "code": {"text": "王乙丑的青霉素过敏"},
        "patient": about(OTHER),
    }
    yield {
        "resourceType": "Encounter",
        "id": "portal-other-visit",
        "status": "finished",
        "class": {"system": f"{V3}ActCode", "code": "IMP"},
        "subject": about(OTHER),
        "period": {"start": "2025-05-05"},
    }


def event(patients, *, who="钱护士", purpose="TREAT", account="nurse", app=NOBODY):
    """Return what the trail is told when somebody looks at the records of `patients`."""
    about = tuple(f"Patient/{one}" for one in patients)
    shown = ("Condition", "portal-hiv"), ("Observation", "portal-glucose-1")
    shown += (("Observation", "portal-glucose-2"),)
    caller = Caller(
        kind="staff",
        account=account,
        person=Party("Practitioner/portal-nurse", who),
        organization=Party(HOSPITAL["reference"], HOSPITAL["display"]),
        role="clinician",
        client=app,
        purpose=purpose,
    )
    disclosed = tuple(Disclosed(type, id, 1, about) for type, id in shown)
    return Event(act=rest("search-type"), caller=caller, shown=disclosed)


def events():
    """Yield who looked at the records of the tests."""
    yield event([OWN])
    yield event([OWN], who="孙医生", purpose="ETREAT")
    yield event([OTHER], who="李不相干")
    yield event([OWN], who="自己在此", account="resident", app=PORTAL)
    yield event([OWN], who="自己用应用", account="resident", app=Party("pressure-app", "血压管家"))
    yield event([OWN], who=PROBE)
    yield event([OWN, OTHER], who="周统计")
