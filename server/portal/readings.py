"""Residents' own readings: entered by themselves, marked so, and never mixed up with others (R3.4).

Spec: https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from flask import Blueprint, Response, redirect, request

from server.fhir.json import Resource
from server.fhir.outcome import Issue
from server.interactions import self_measured
from server.portal import measures
from server.portal.pages import language, page, say
from server.portal.session import require_csrf
from server.portal.trace import recorded
from server.portal.visitor import Visitor, resident
from server.records import readings
from server.records.forms import Refused
from server.records.readings import LOINC, Part, Reading
from server.services import Services

TAG = f"{self_measured.SYSTEM}|{self_measured.CODE}"
"""How search asks for readings that a resident took."""
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
        require_csrf()
        who = resident(services())
        return _added(services(), who)

    return blueprint


def _added(services: Services, who: Visitor) -> Response:
    kind = readings.KINDS.get(request.form.get("kind", ""))
    if kind is None:
        return _shown(services, who, "", status=422)
    zone = services.interpreters.zone
    patient = who.patient(who.person)
    try:
        reading = readings.read(
            kind, request.form, zone, datetime.now(zone), str(patient.get("birthDate", ""))
        )
    except Refused as refused:
        return _shown(services, who, kind.name, refused.faults, 422)
    who.desk.create(observation(reading, who))
    whose = "" if who.is_own else f"&person={who.person.partition('/')[2]}"
    return redirect(f"/me/readings?done={kind.name}{whose}", 303)  # type: ignore[return-value]


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
        "performer": [{"reference": who.persons[0], "display": who.session.account["name"]}],
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


def _code(codes: tuple[tuple[str, str], ...], name: str) -> dict[str, Any]:
    coded = [{"system": LOINC, "code": code, "display": display} for code, display in codes]
    return {"coding": coded, "text": say(_NAMES[name])}


def _quantity(part: Part, value: Decimal) -> dict[str, Any]:
    # Every digit stays as it was entered.
    exact = orjson.Fragment(str(value).encode())
    return {"value": exact, "unit": part.unit, "system": _UCUM, "code": part.unit}


def _shown(
    services: Services,
    who: Visitor,
    name: str,
    faults: Mapping[str, Issue] | None = None,
    status: int = 200,
) -> Response:
    zone = services.interpreters.zone
    query = (("patient", who.person), ("_tag", TAG), ("_sort", "-date"), ("_count", "100"))
    found = who.desk.search("Observation", query, request.args.get("cursor"))
    kind = readings.KINDS.get(name)
    return page(
        "readings.html",
        who.session,
        status,
        who=who,
        kinds={each: say(_NAMES[each]) for each in readings.KINDS},
        kind=kind,
        fields=[] if kind is None else [_field(part) for part in kind.parts],
        given=request.form,
        faults={at: fault.text(language()) for at, fault in (faults or {}).items()},
        now=datetime.now(zone).strftime("%Y-%m-%dT%H:%M"),
        done=say(_NAMES[done]) if (done := request.args.get("done", "")) in _NAMES else "",
        measures=list(measures.measures(found.matches, language(), zone).values()),
        cursor=found.cursor,
    )


def _field(part: Part) -> dict[str, str]:
    unit = _UNITS.get(part.unit, part.unit)
    return {
        "name": part.name,
        "label": say(_NAMES[part.name]),
        "unit": say(unit) if unit.startswith("reading-") else unit,
        "hint": say("reading-limits", least=part.least, most=part.most),
    }
