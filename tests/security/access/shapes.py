"""Small valid resources of many types, each marked so that a leak of it can be recognised."""

from typing import Any

Json = dict[str, Any]

ICD, LOINC = "http://hl7.org/fhir/sid/icd-10", "http://loinc.org"
ACT, CATEGORY = (
    "http://terminology.hl7.org/CodeSystem/v3-ActCode",
    "http://terminology.hl7.org/CodeSystem/observation-category",
)
ID_CARD = "urn:oid:2.16.156.10011.1.3"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_CODED = "http://hl7.org/fhir/StructureDefinition/iso21090-SC-coding"


def concept(system: str, code: str, text: str | None = None) -> Json:
    """Return a CodeableConcept of one code."""
    return {"coding": [{"system": system, "code": code}], **({"text": text} if text else {})}


def reference(text: str, **said: Any) -> Json:
    """Return a Reference."""
    return {"reference": text, **said}


def narrative(text: str) -> Json:
    """Return a Narrative."""
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'}


def resource(type: str, id: str, /, **elements: Any) -> Json:
    """Return the resource ``type/id`` with `elements`; None leaves one out."""
    given = {name: value for name, value in elements.items() if value is not None}
    return {"resourceType": type, "id": id, **given}


def person(id: str, division: str, number: int, **elements: Any) -> Json:
    """Return a Patient who lives in `division`, with identifying elements made of `number`."""
    return resource(
        "Patient",
        id,
        identifier=[{"system": ID_CARD, "value": f"{division}19800101{number:04}"}],
        name=[{"text": f"陈{id}", "family": "陈", "given": [f"{id}{number}"]}],
        telecom=[{"system": "phone", "value": f"1380592{number:04}"}],
        gender="female" if number % 2 else "male",
        birthDate=elements.pop("birthDate", f"19{50 + number % 50}-03-04"),
        address=[
            {
                "use": "home",
                "text": f"中山路{number}号",
                "line": [f"中山路{number}号"],
                "district": "区",
                "_district": {"extension": [{"url": _CODED, "valueCoding": {"code": division}}]},
                "city": "市",
            }
        ],
        text=narrative(f"陈{id} {number:04}"),
        **elements,
    )


def observation(id: str, subject: str | None, category: str, **elements: Any) -> Json:
    """Return an Observation of a body temperature, unless `elements` say another code."""
    return resource(
        "Observation",
        id,
        status="final",
        category=[concept(CATEGORY, category)],
        code=elements.pop("code", concept(LOINC, "8310-5")),
        subject=None if subject is None else reference(subject),
        effectiveDateTime=elements.pop("effectiveDateTime", "2024-03-01T08:30:00+08:00"),
        valueQuantity={
            "value": elements.pop("value", 36.5),
            "unit": "Cel",
            "system": "http://unitsofmeasure.org",
            "code": "Cel",
        },
        **elements,
    )


def condition(id: str, subject: str, code: str, **elements: Any) -> Json:
    """Return an active Condition with a code of ICD-10."""
    return resource(
        "Condition",
        id,
        clinicalStatus=concept(_CLINICAL, "active"),
        code=concept(ICD, code),
        subject=reference(subject),
        recordedDate="2024-02-03",
        **elements,
    )


def record(r: str, hospital: str) -> list[Json]:
    """Return resources of twelve types about ``Patient/r``, who was at a `hospital` (number)."""
    patient, doctor = reference(f"Patient/{r}"), reference(f"Practitioner/pr-{hospital}")
    encounter, lab = reference(f"Encounter/enc-{r}"), reference(f"Observation/lab-{r}")
    unit, drug = reference(f"Organization/org-{hospital}"), concept(LOINC, "18631-2", "药")
    return [
        resource("Encounter", f"enc-{r}", status="finished", subject=patient, serviceProvider=unit,
                 **{"class": {"system": ACT, "code": "AMB"}},
                 participant=[{"individual": doctor}], period={"start": "2024-03-01"}),
        observation(f"vit-{r}", f"Patient/{r}", "vital-signs", encounter=encounter,
                    performer=[doctor], note=[{"text": f"附言{r}"}], value=36 + len(r)),
        observation(f"lab-{r}", f"Patient/{r}", "laboratory", encounter=encounter,
                    code=concept(LOINC, "2339-0"), effectiveDateTime="2023-05-06",
                    performer=[unit], method=concept(LOINC, "m-1", f"甲法{r}")),
        condition(f"con-{r}", f"Patient/{r}", "I10", encounter=encounter, asserter=doctor),
        resource("MedicationRequest", f"med-{r}", status="active", intent="order", subject=patient,
                 medicationReference=reference("Medication/drug"), encounter=encounter),
        resource("AllergyIntolerance", f"all-{r}", patient=patient, code=drug, recorder=doctor),
        resource("Immunization", f"imm-{r}", status="completed", patient=patient, vaccineCode=drug,
                 occurrenceDateTime="2024-01-01"),
        resource("Procedure", f"pro-{r}", status="completed", subject=patient, encounter=encounter,
                 performer=[{"actor": doctor}], code=drug),
        resource("DiagnosticReport", f"rep-{r}", status="final", code=drug, subject=patient,
                 result=[lab], encounter=encounter, conclusion=f"结论{r}"),
        resource("DocumentReference", f"doc-{r}", status="current", subject=patient,
                 author=[doctor], content=[{"attachment": {"title": f"文件{r}"}}]),
        resource("Coverage", f"cov-{r}", status="active", beneficiary=patient, payor=[unit]),
        resource("CarePlan", f"pla-{r}", status="active", intent="plan", subject=patient,
                 encounter=encounter),
    ]  # fmt: skip
