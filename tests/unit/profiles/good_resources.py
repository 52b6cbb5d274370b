"""Resources without faults, and the parts they are made of."""

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">王伟</div>'
EXTENSION = {"url": "http://example.org/x", "valueString": "y"}
CODE = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}], "text": "收缩压"}
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
SUBJECT = {"reference": "Patient/1"}


def patient(**elements):
    return {"resourceType": "Patient", **elements}


def observation(**elements):
    return {"resourceType": "Observation", "status": "final", "code": CODE, **elements}


def condition(**elements):
    return {"resourceType": "Condition", "subject": SUBJECT, **elements}


def contained(resource):
    return patient(contained=[resource])


GOOD = [
    patient(),
    patient(id="1", meta={"versionId": "1", "lastUpdated": "2024-05-01T08:00:00+08:00"}),
    patient(active=True, birthDate="1990-02-28", gender="male", multipleBirthInteger=2),
    patient(text={"status": "generated", "div": DIV}),
    patient(name=[{"family": "王", "given": ["伟"]}], contact=[{"name": {"text": "李"}}]),
    patient(extension=[EXTENSION], modifierExtension=[EXTENSION]),
    patient(extension=[{"url": "http://example.org/x", "extension": [EXTENSION]}]),
    patient(birthDate="1990-02-28", _birthDate={"extension": [EXTENSION]}),
    patient(_birthDate={"extension": [EXTENSION]}),
    patient(_gender={"id": "a"}, gender="female"),
    patient(name=[{"given": ["伟", None], "_given": [None, {"extension": [EXTENSION]}]}]),
    patient(name=[{"_given": [{"id": "a"}, {"id": "b"}]}]),
    patient(_deceasedBoolean={"extension": [EXTENSION]}),
    patient(contained=[{"resourceType": "Organization", "id": "o", "name": "医院"}]),
    observation(),
    observation(valueQuantity={"value": 120, "unit": "mm[Hg]"}, subject=SUBJECT),
    observation(effectivePeriod={"start": "2024", "end": "2024-06"}, valueBoolean=False),
    observation(component=[{"code": CODE, "valueInteger": 0}]),
    observation(referenceRange=[{"low": {"value": 1.0}}]),
    {
        "resourceType": "Observation",
        "_status": {"extension": [EXTENSION]},
        "code": {"text": "x"},
    },
    condition(clinicalStatus={"coding": [{"system": CLINICAL, "code": "active"}]}),
    condition(clinicalStatus={"text": "活动"}),
    condition(
        clinicalStatus={"coding": [{"code": "01"}, {"system": CLINICAL, "code": "resolved"}]}
    ),
    {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "resource": patient()}
        ],
    },
    {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "a", "part": [{"name": "b", "valueCodeableConcept": CODE}]},
            {"name": "c", "resource": patient()},
        ],
    },
    {
        "resourceType": "Questionnaire",
        "status": "draft",
        "item": [{"linkId": "1", "type": "group", "item": [{"linkId": "1.1", "type": "string"}]}],
    },
    {"resourceType": "Binary", "contentType": "application/pdf; name=x", "data": "QUJD"},
    {
        "resourceType": "Invoice",
        "status": "draft",
        "totalNet": {"value": 1.5, "currency": "CNY"},
    },
]
