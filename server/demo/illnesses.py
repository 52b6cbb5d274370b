"""Which illnesses a resident of the demo region has, as Conditions and MedicationRequests.

Spec: https://hl7.org/fhir/R4/condition.html
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from server.demo.person import Person
from server.demo.shapes import (
    ATC,
    ICD_10,
    NATIONAL,
    UCUM,
    coding,
    concept,
    identifier,
    moment,
    reference,
    resource,
    terminology,
)
from server.demo.tables import Illness, Medicine, Tables
from server.demo.visits import Visit
from server.fhir.json import Resource

# A lasting illness begins before the visits that are told of, and not in the first year of life.
_DAYS_BEFORE = 731
_LONGEST = 15 * 365
_YOUNGEST = 4


def lasting(random: Random, person: Person, tables: Tables) -> tuple[Illness, ...]:
    """Return the chronic illnesses of `person`."""
    if person.age < _YOUNGEST:
        return ()
    decade = min(person.age // 10, 8)
    return tuple(
        illness
        for illness in tables.chronic
        if random.random() * 100 < illness.shares[decade] and illness.sex in (None, person.sex)
    )


def chronic_condition(
    random: Random, person: Person, illness: Illness, reference_date: date
) -> Resource:
    """Return the Condition of a chronic illness, active since before the first visit."""
    days = min((reference_date - person.born).days - 365, _LONGEST)
    onset = reference_date - timedelta(random.randint(_DAYS_BEFORE, max(_DAYS_BEFORE, days)))
    return _condition(
        f"{person.id}-{_slug(illness)}",
        person,
        illness,
        category=terminology("condition-category", "problem-list-item", "Problem List Item"),
        clinical="active",
        onsetDateTime=onset.isoformat(),
        recordedDate=onset.isoformat(),
    )


def acute_condition(
    person: Person, visit: Visit, illness: Illness, reference_date: date
) -> Resource:
    """Return the Condition that `visit` was for; it is over or still active by now."""
    over = visit.start.date() + timedelta(illness.days)
    resolved = over < reference_date
    return _condition(
        f"{visit.id}-{_slug(illness)}",
        person,
        illness,
        category=terminology("condition-category", "encounter-diagnosis", "Encounter Diagnosis"),
        clinical="resolved" if resolved else "active",
        encounter=reference("Encounter", visit.id),
        onsetDateTime=visit.start.date().isoformat(),
        abatementDateTime=over.isoformat() if resolved else None,
        recordedDate=moment(visit.start),
        recorder=reference("Practitioner", visit.doctor[0], visit.doctor[1].text),
    )


def _condition(
    id: str, person: Person, illness: Illness, category: dict[str, Any], clinical: str, **more: Any
) -> Resource:
    return resource(
        "Condition",
        id,
        clinicalStatus=terminology("condition-clinical", clinical),
        verificationStatus=terminology("condition-ver-status", "confirmed"),
        category=[category],
        code=concept(
            illness.name,
            coding(ICD_10, illness.code),
            coding(f"{NATIONAL}.2.3.3.11", illness.code, illness.name),
        ),
        subject=reference("Patient", person.id, person.name.text),
        **more,
    )


def _slug(illness: Illness) -> str:
    return illness.code.lower()


def prescriptions(
    person: Person, visit: Visit, condition: str, status: str, tables: Tables
) -> Iterator[Resource]:
    """Yield what is prescribed at `visit` for `condition`, whose id that is."""
    illness = visit.reason.illness
    for position, key in enumerate(illness.medicines if illness else (), 1):
        medicine = tables.medicines[key]
        id = f"{visit.id}-m{position}"
        yield resource(
            "MedicationRequest",
            id,
            status=status,
            intent="order",
            medicationCodeableConcept=concept(medicine.name, coding(ATC, medicine.atc)),
            subject=reference("Patient", person.id, person.name.text),
            encounter=reference("Encounter", visit.id),
            authoredOn=moment(_written(visit)),
            requester=reference("Practitioner", visit.doctor[0], visit.doctor[1].text),
            reasonReference=[reference("Condition", condition)],
            groupIdentifier=identifier("1.20", visit.id.upper()),
            dosageInstruction=[_dosage(medicine)],
        )


def _written(visit: Visit) -> datetime:
    return min(visit.start + timedelta(minutes=10), visit.end)


def _dosage(medicine: Medicine) -> dict[str, Any]:
    amount: float = int(medicine.dose) if medicine.dose == int(medicine.dose) else medicine.dose
    unit = medicine.unit
    return {
        "text": f"{medicine.route}，一次{amount}{unit}，一日{medicine.times}次",
        "timing": {"repeat": {"frequency": medicine.times, "period": 1, "periodUnit": "d"}},
        "route": concept(medicine.route),
        "doseAndRate": [
            {"doseQuantity": {"value": amount, "unit": unit, "system": UCUM, "code": unit}}
        ],
    }
