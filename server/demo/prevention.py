"""Vaccinations and allergies of a resident of the demo region.

Spec: https://hl7.org/fhir/R4/immunization.html
"""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from server.demo.institutions import Institution
from server.demo.person import Person
from server.demo.shapes import (
    NATIONAL,
    at,
    coding,
    concept,
    moment,
    reference,
    resource,
    terminology,
)
from server.demo.tables import Tables, Vaccine
from server.fhir.json import Resource

_CHILD = 7
_DAYS_A_MONTH = 30.44
_ALLERGIC = 0.06


def immunizations(
    random: Random, person: Person, centre: Institution, tables: Tables, reference_date: date
) -> Iterator[Resource]:
    """Yield the doses given before `reference_date`: all of a child's, last year's of others."""
    for vaccine in tables.vaccines:
        for dose, day in enumerate(_days(random, person, vaccine, reference_date), 1):
            if day < reference_date:
                yield _immunization(person, vaccine, dose, day, centre)


def _days(random: Random, person: Person, vaccine: Vaccine, reference_date: date) -> list[date]:
    if vaccine.months:
        if person.age >= _CHILD:
            return []
        return [_dose_day(random, person, month) for month in vaccine.months]
    youngest, oldest = vaccine.ages
    wanted = random.random() * 100 < vaccine.share and vaccine.sex in (None, person.sex)
    if not wanted or not youngest < person.age <= oldest:
        return []
    return [reference_date - timedelta(random.randint(20, 360))]


def _dose_day(random: Random, person: Person, month: int) -> date:
    return person.born + timedelta(round(month * _DAYS_A_MONTH) + random.randint(0, 14))


def _immunization(
    person: Person, vaccine: Vaccine, dose: int, day: date, centre: Institution
) -> Resource:
    doctor, doctor_name = centre.staff[0]
    return resource(
        "Immunization",
        f"{person.id}-i{vaccine.code}-{dose}",
        status="completed",
        vaccineCode=concept(
            vaccine.name, coding(f"{NATIONAL}.2.3.1.210", vaccine.code, vaccine.name)
        ),
        patient=reference("Patient", person.id, person.name.text),
        occurrenceDateTime=moment(at(day, 540)),
        primarySource=True,
        location=reference("Location", centre.room("outpatient")),
        lotNumber=f"DEMO{day:%Y%m}",
        performer=[{"actor": reference("Practitioner", doctor, doctor_name.text)}],
        protocolApplied=[{"doseNumberPositiveInt": dose}],
    )


def allergies(
    random: Random, person: Person, tables: Tables, reference_date: date
) -> Iterator[Resource]:
    """Yield the allergy of one resident in sixteen or so."""
    if random.random() >= _ALLERGIC:
        return
    weights = [allergen.weight for allergen in tables.allergens]
    allergen = random.choices(tables.allergens, weights)[0]
    lived = (reference_date - person.born).days
    recorded = person.born + timedelta(random.randrange(max(1, lived)))
    yield resource(
        "AllergyIntolerance",
        f"{person.id}-allergy",
        clinicalStatus=terminology("allergyintolerance-clinical", "active"),
        verificationStatus=terminology("allergyintolerance-verification", "confirmed"),
        type="allergy",
        category=[allergen.category],
        criticality="low",
        code=concept(allergen.name, coding(f"{NATIONAL}.2.3.1.137", allergen.code, allergen.name)),
        patient=reference("Patient", person.id, person.name.text),
        recordedDate=recorded.isoformat(),
        reaction=[{"manifestation": [concept(allergen.manifestation)], "severity": "mild"}],
    )
