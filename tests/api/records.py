"""A record to ask for as a whole: two patients, what was done for them, and who did it."""

from types import SimpleNamespace
from typing import Any

from tests.api.client import Client, Json
from tests.builders import encounter, observation, patient

LOINC = "http://loinc.org"


def ref(resource: Json) -> Json:
    """Return a reference to `resource`, which is stored."""
    return {"reference": name(resource)}


def name(resource: Json) -> str:
    """Return ``Type/id`` of `resource`."""
    return f"{resource['resourceType']}/{resource['id']}"


def names(*resources: Json) -> list[str]:
    """Return ``Type/id`` of all `resources`, sorted."""
    return sorted(map(name, resources))


def concept(code: str, system: str = LOINC, **more: Any) -> Json:
    """Return a CodeableConcept of one code."""
    return {"coding": [{"system": system, "code": code}], **more}


def by_mode(*pages: Json) -> dict[str, list[str]]:
    """Return ``Type/id`` of the entries of `pages` by their search mode, in order."""
    found: dict[str, list[str]] = {"match": [], "include": []}
    for page in pages:
        assert page["type"] == "searchset"
        for entry in page.get("entry", []):
            assert entry["fullUrl"].endswith(f"/{name(entry['resource'])}")
            found[entry["search"]["mode"]].append(name(entry["resource"]))
    return found


def stored(fhir: Client) -> SimpleNamespace:
    """Return a record that was stored through `fhir`.

    `inside` is what is in the compartment of `patient`, `beside` what that refers to; the rest is
    in neither.
    """
    made = SimpleNamespace()
    made.unit = fhir.create(
        {"resourceType": "Organization", "name": "县医院", "type": [{"text": "医院"}]}
    )
    made.doctor = fhir.create({"resourceType": "Practitioner", "name": [{"text": "医生甲"}]})
    made.nurse = fhir.create({"resourceType": "Practitioner", "name": [{"text": "护士乙"}]})
    made.ward = fhir.create(
        {"resourceType": "Location", "name": "内科病区", "managingOrganization": ref(made.unit)}
    )
    made.drug = fhir.create({"resourceType": "Medication", "code": {"text": "二甲双胍"}})
    made.scan = fhir.create(
        {"resourceType": "Binary", "contentType": "text/plain", "data": "c3ludGhldGlj"}
    )
    made.patient = fhir.create(patient(managingOrganization=ref(made.unit)))
    made.mother = fhir.create(patient(name=[{"text": "王乙丑"}]))
    subject = {"subject": ref(made.patient)}
    made.visits = [
        fhir.create(
            encounter(
                **subject,
                period={"start": f"{day}T08:00:00+08:00", "end": f"{day}T09:00:00+08:00"},
                participant=[{"individual": ref(made.doctor)}],
                location=[{"location": ref(made.ward)}],
            )
        )
        for day in ("2023-05-10", "2024-05-10")
    ]
    made.measured = [
        fhir.create(
            observation(
                **subject,
                encounter=ref(visit),
                effectiveDateTime=f"{year}-05-10T08:{minute}:00+08:00",
                performer=[ref(made.nurse)],
            )
        )
        for visit, year in zip(made.visits, ("2023", "2024"), strict=True)
        for minute in (10, 20, 30)
    ]
    made.undated = fhir.create(
        {
            "resourceType": "AllergyIntolerance",
            "patient": ref(made.patient),
            "code": {"text": "鸡蛋"},
        }
    )
    made.order = fhir.create(
        {
            "resourceType": "MedicationRequest",
            "status": "active",
            "intent": "order",
            "medicationReference": ref(made.drug),
            "authoredOn": "2024-05-10",
            "encounter": ref(made.visits[1]),
            **subject,
        }
    )
    made.letter = fhir.create(
        {
            "resourceType": "DocumentReference",
            "status": "current",
            "date": "2024-05-11T08:00:00+08:00",
            "content": [{"attachment": {"url": name(made.scan)}}],
            **subject,
        }
    )
    made.report = fhir.create(
        {
            "resourceType": "DiagnosticReport",
            "status": "final",
            "code": {"text": "体温单"},
            "effectiveDateTime": "2024-05-10T10:00:00+08:00",
            "result": [ref(one) for one in made.measured[:2]],
            **subject,
        }
    )
    made.of_mother = fhir.create(
        observation(subject=ref(made.mother), performer=[ref(made.doctor)])
    )
    fhir.create({"resourceType": "Practitioner", "name": [{"text": "无关者"}]})
    made.inside = [
        made.patient, *made.visits, *made.measured, made.undated, made.order, made.letter,
        made.report,
    ]  # fmt: skip
    made.beside = [made.unit, made.doctor, made.nurse, made.ward, made.drug, made.scan]
    made.path = f"{name(made.patient)}/$everything"
    return made
