"""Residents' own readings: entered by themselves, marked so, and never mixed up with others (R3.4).

Spec: https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from flask import Blueprint, Response, request

from server.fhir.json import Resource
from server.fhir.outcome import Issue, NotFound
from server.portal import overview
from server.portal.pages import page, say, see_other
from server.portal.trace import recorded
from server.portal.visitor import Visitor, resident
from server.records import readings
from server.records.readings import LOINC, Part, Reading, Refused
from server.services import Services

_SHOWN = 100
_CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
_UCUM = "http://unitsofmeasure.org"
_NAMES: Mapping[str, str] = {
    "pressure": "reading-pressure",
    "systolic": "reading-systolic",
    "diastolic": "reading-diastolic-label",
    "glucose": "reading-glucose",
    "weight": "reading-weight",
    "height": "reading-height",
    "heart-rate": "reading-heart-rate",
    "temperature": "reading-temperature",
    "oxygen": "reading-oxygen",
    "steps": "reading-steps",
}
_UNITS = {"mm[Hg]": "mmHg", "Cel": "℃", "{steps}/d": "reading-steps-unit"}


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/me/readings``."""
    blueprint = Blueprint("readings", __name__)
    recorded(blueprint, services)

    @blueprint.get("/me/readings")
    def shown() -> Response:
        who = resident(services())
        return _shown(services(), who, request.args.get("kind", ""))

    @blueprint.post("/me/readings")
    def added() -> Response:
        return _added(services(), resident(services()))

    return blueprint


def _added(services: Services, who: Visitor) -> Response:
    kind = readings.KINDS.get(request.values.get("kind", ""))
    if kind is None:
        raise NotFound.because("page-missing")
    zone = services.interpreters.zone
    patient = who.patient(who.person)
    try:
        reading = readings.read(
            kind, request.form, zone, datetime.now(zone), str(patient.get("birthDate", ""))
        )
    except Refused as refused:
        return _shown(services, who, kind.name, refused.faults)
    who.desk.create(observation(reading, who))
    return see_other(who.at("/me/readings", done=kind.name))


def observation(reading: Reading, who: Visitor) -> Resource:
    """Return `reading` of the person that `who` looks at as an Observation, marked as their own."""
    kind = reading.kind
    resource: Resource = {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": _CATEGORIES, "code": kind.category}]}],
        "code": _code(kind.codes or kind.parts[0].codes, kind.name),
        "subject": {"reference": who.person},
        "effectiveDateTime": reading.when.isoformat(timespec="seconds"),
        "performer": [_performer(who)],
        "method": {"text": "自测 / self-measured"},
    }
    if kind.codes:
        resource["component"] = [
            {
                "code": _code(part.codes, part.name),
                "valueQuantity": _quantity(part, reading.values[part.name]),
            }
            for part in kind.parts
        ]
    else:
        resource["valueQuantity"] = _quantity(kind.parts[0], reading.values[kind.parts[0].name])
    if reading.note:
        resource["note"] = [{"text": reading.note}]
    return resource


def _performer(who: Visitor) -> dict[str, str]:
    """Return who measured; by name only if not the person themselves.

    A Patient that is the performer has the Observation in their own record, too.
    """
    by = {"display": str(who.session.account["name"])}
    return {"reference": who.person, **by} if who.is_own else by


def _code(codes: tuple[tuple[str, str], ...], name: str) -> dict[str, Any]:
    coded = [{"system": LOINC, "code": code, "display": display} for code, display in codes]
    return {"coding": coded, "text": say(_NAMES[name])}


def _quantity(part: Part, value: Decimal) -> dict[str, Any]:
    # Every digit stays as it was entered.
    exact = orjson.Fragment(str(value).encode())
    return {"value": exact, "unit": part.unit, "system": _UCUM, "code": part.unit}


def _shown(
    services: Services, who: Visitor, name: str, faults: Mapping[str, Issue] | None = None
) -> Response:
    zone, cursor = services.interpreters.zone, request.args.get("cursor")
    kind = readings.KINDS.get(name)
    found, cursor = overview.measured_of(
        who.desk, who.person, zone, _SHOWN, cursor, (overview.BY_THEMSELVES,)
    )
    return page(
        "readings.html",
        who.session,
        faults=faults,
        who=who,
        kinds={each: say(_NAMES[each]) for each in readings.KINDS},
        kind=kind,
        fields=[] if kind is None else [_field(part) for part in kind.parts],
        given=request.form,
        now=datetime.now(zone).strftime("%Y-%m-%dT%H:%M"),
        done=say(_NAMES[done]) if (done := request.args.get("done", "")) in _NAMES else "",
        measures=found,
        cursor=cursor,
    )


def _field(part: Part) -> dict[str, str]:
    unit = _UNITS.get(part.unit, part.unit)
    return {
        "name": part.name,
        "label": say(_NAMES[part.name]),
        "unit": say(unit) if unit.startswith("reading-") else unit,
        "hint": say("reading-limits", least=part.least, most=part.most),
    }
