"""What is measured at a visit, as Observations that fit the resident's age, sex and illnesses.

Spec: https://hl7.org/fhir/R4/observation.html
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from server.demo.person import Person
from server.demo.shapes import (
    DATA_ELEMENT,
    LOINC,
    coding,
    concept,
    decimal,
    moment,
    quantity,
    reference,
    resource,
    terminology,
)
from server.demo.tables import Curve, Illness, Measure, Tables
from server.demo.visits import CHECK_UP, INPATIENT, Visit
from server.fhir.json import Resource

_CATEGORY = {"vital-signs": "Vital Signs", "laboratory": "Laboratory"}
_PROFILES = {
    "blood-pressure": "cn-blood-pressure",
    "vital-signs": "cn-vital-signs",
    "laboratory": "cn-laboratory",
}
_PRESSURE = ("systolic", "diastolic")
_INDEX = "body-mass-index"
_BODY = ("height", "weight")
_BLOOD = ("fasting-glucose", "cholesterol", "triglyceride", "hdl-cholesterol", "ldl-cholesterol")
_GROWN = 18
_CUFF_FITS = 7
_INTO_THE_VISIT = timedelta(minutes=5)

Values = Mapping[str, Decimal | int]


@dataclass(frozen=True, slots=True)
class Body:
    """A resident's body: `own` is by how many standard deviations it differs, for each measure."""

    sex: str
    born: date
    own: Mapping[str, float]
    illnesses: frozenset[str]


def body(random: Random, person: Person, illnesses: Iterable[Illness], tables: Tables) -> Body:
    """Return the body of `person`, whom `illnesses` never leave."""
    own = {key: _normal(random) for key in tables.measures}
    own["weight"] = 0.6 * own["height"] + 0.8 * own["weight"]
    return Body(person.sex, person.born, own, frozenset(illness.code for illness in illnesses))


def observations(
    random: Random, person: Person, visit: Visit, body: Body, tables: Tables
) -> Iterator[Resource]:
    """Yield the Observations of `visit`."""
    age = (visit.start.date() - body.born).days / 365.25
    keys = _keys(visit, age)
    values = _values(random, visit, body, [tables.measures[key] for key in keys])
    if "systolic" in values:
        yield _blood_pressure(person, visit, values, tables)
    for key in keys:
        if key not in _PRESSURE:
            yield _observation(person, visit, tables.measures[key], values[key])


def _values(
    random: Random, visit: Visit, body: Body, measures: Iterable[Measure]
) -> dict[str, Decimal | int]:
    now = body.illnesses
    if visit.reason.illness is not None:
        now |= {visit.reason.illness.code}
    day = replace(body, illnesses=now)
    values = {
        measure.key: _value(random, measure, day, visit)
        for measure in measures
        if measure.key != _INDEX
    }
    if "systolic" in values:
        values["diastolic"] = min(values["diastolic"], values["systolic"] - 15)
    if "height" in values and "weight" in values:
        metres = values["height"] / Decimal(100)
        values[_INDEX] = decimal(float(values["weight"] / (metres * metres)), 1)
    return values


def _keys(visit: Visit, age: float) -> tuple[str, ...]:
    pressure = _PRESSURE if age >= _CUFF_FITS else ()
    reason = visit.reason
    if reason.kind == CHECK_UP:
        grown = (_INDEX, *_BLOOD) if age >= _GROWN else ()
        return (*pressure, "heart-rate", "temperature", *_BODY, *grown)
    if reason.chronic and reason.illness is not None:
        return (*pressure, *reason.illness.measures)
    stay = ("heart-rate", "weight") if reason.kind == INPATIENT else ()
    return (*pressure, "temperature", *stay)


def _value(random: Random, measure: Measure, body: Body, visit: Visit) -> Decimal | int:
    age = (visit.start.date() - body.born).days / 365.25
    deviation = measure.steady * body.own[measure.key] + (1 - measure.steady) * _normal(random)
    typical = _typical(measure.curves[body.sex], age)
    raised = sum(measure.raised.get(code, 0.0) for code in sorted(body.illnesses))
    value = typical * (1 + measure.spread * deviation) + raised
    return decimal(min(max(value, measure.least), measure.most), measure.decimals)


def _typical(curve: Curve, age: float) -> float:
    before = curve[0]
    for after in curve[1:]:
        if age <= after[0]:
            share = (age - before[0]) / (after[0] - before[0])
            return before[1] + share * (after[1] - before[1])
        before = after
    return before[1]


def _normal(random: Random) -> float:
    # Irwin-Hall: three draws make a bell without tails, so no value is absurd.
    return (random.random() + random.random() + random.random() - 1.5) * 2


def _observation(person: Person, visit: Visit, measure: Measure, value: Decimal | int) -> Resource:
    grown = person.age >= _GROWN
    body = [reference("Observation", f"{visit.id}-{key}") for key in _BODY]
    return _shell(
        person,
        visit,
        measure,
        code=_code(measure),
        valueQuantity=quantity(value, measure.unit),
        interpretation=_interpretation(measure, value) if grown else None,
        referenceRange=_range(measure) if grown else None,
        derivedFrom=body if measure.key == _INDEX else None,
    )


def _blood_pressure(person: Person, visit: Visit, values: Values, tables: Tables) -> Resource:
    display = "Blood pressure panel with all children optional"
    parts = [tables.measures[key] for key in _PRESSURE]
    return _shell(
        person,
        visit,
        replace(parts[0], key="blood-pressure"),
        code=concept("血压", coding(LOINC, "85354-9", display)),
        component=[
            {"code": _code(part), "valueQuantity": quantity(values[part.key], part.unit)}
            for part in parts
        ],
    )


def _shell(
    person: Person, visit: Visit, measure: Measure, code: dict[str, Any], **value: Any
) -> Resource:
    when = min(visit.start + _INTO_THE_VISIT, visit.end)
    category = measure.category
    return resource(
        "Observation",
        f"{visit.id}-{measure.key}",
        profile=_PROFILES.get(measure.key) or _PROFILES[category],
        status="final",
        category=[terminology("observation-category", category, _CATEGORY[category])],
        code=code,
        subject=reference("Patient", person.id, person.name.text),
        encounter=reference("Encounter", visit.id),
        effectiveDateTime=moment(when),
        performer=[
            reference("Practitioner", visit.doctor[0], visit.doctor[1].text),
            reference("Organization", visit.institution.id, visit.institution.name),
        ],
        **value,
    )


def _code(measure: Measure) -> dict[str, Any]:
    return concept(
        measure.name,
        coding(LOINC, measure.loinc, measure.display),
        coding(DATA_ELEMENT, measure.element, measure.name),
    )


def _range(measure: Measure) -> list[dict[str, Any]] | None:
    if measure.normal is None:
        return None
    low, high = (
        quantity(decimal(limit, measure.decimals), measure.unit) for limit in measure.normal
    )
    return [{"low": low, "high": high}]


def _interpretation(measure: Measure, value: Decimal | int) -> list[dict[str, Any]] | None:
    if measure.normal is None:
        return None
    low, high = (decimal(limit, measure.decimals) for limit in measure.normal)
    code, display = ("N", "Normal")
    if value < low:
        code, display = ("L", "Low")
    elif value > high:
        code, display = ("H", "High")
    return [terminology("v3-ObservationInterpretation", code, display)]
