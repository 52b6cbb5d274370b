"""The copy of a whole record that a resident takes away: FHIR JSON, NDJSON, or HTML to read.

It is written while it is read, so that a long record takes no more memory than a short one. It
has what the resident may see, with every digit, and says when it was taken and from where.

Spec: https://hl7.org/fhir/R4/bundle.html, https://hl7.org/fhir/R4/provenance.html
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain, islice
from typing import Any

import orjson
from flask import Blueprint, Response, request

from server.fhir import json
from server.fhir.json import Resource
from server.fhir.outcome import NotFound
from server.portal import paper, trace
from server.portal.desk import Desk
from server.portal.pages import dressed, page
from server.portal.trace import recorded
from server.portal.visitor import Visitor, resident
from server.services import Services

_FIRST = (
    "Patient",
    "Condition",
    "AllergyIntolerance",
    "MedicationRequest",
    "Immunization",
    "Encounter",
    "Observation",
)
_COUNT = "500"
_FORMS = {
    "json": "application/fhir+json",
    "ndjson": "application/fhir+ndjson",
    "html": "text/html; charset=utf-8",
}


_ABOUT = ("subject", "patient", "beneficiary")
"""The elements that say whom a resource is about."""


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/me/copy``."""
    blueprint = Blueprint("copy", __name__)
    recorded(blueprint, services)

    @blueprint.get("/me/copy")
    def asked() -> Response:
        who = resident(services())
        return page("copy.html", who.session, who=who)

    @blueprint.post("/me/copy")
    def taken() -> Response:
        who = resident(services())
        form = request.form.get("form", "")
        if form not in _FORMS:
            raise NotFound.because("page-missing")
        return _taken(services(), who, form)

    return blueprint


def _taken(services: Services, who: Visitor, form: str) -> Response:
    now = datetime.now(services.interpreters.zone)
    base = services.interpreters.settings.base_url
    stated = provenance(who.person, base, now)
    desk = Desk(services, who.desk.access, who.desk.language)
    record = _begun(_record(desk, who.person, _types(services, desk), trace.piecemeal(services)))
    match form:
        case "json":
            parts = _bundle(record, stated, base, now)
        case "ndjson":
            parts = _lines(record, stated)
        case _:
            patient = who.patient(who.person)
            parts = paper.written(record, patient, base, now, who.desk.language)
    response = Response(parts, content_type=_FORMS[form])
    name = f"tongkang-{who.person.partition('/')[2]}-{now:%Y%m%d}.{form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return dressed(response)


def _begun(record: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Return `record`, of which the first page has been asked for: a refusal can still be told."""
    return chain(list(islice(record, 1)), record)


def provenance(person: str, base: str, now: datetime) -> Resource:
    """Return what says of a copy of the record of `person` when it was made, and where."""
    activity = {"system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"}
    return {
        "resourceType": "Provenance",
        "target": [{"reference": person}],
        "recorded": now.isoformat(timespec="seconds"),
        "activity": {"coding": [{**activity, "code": "disclose"}], "text": "copy for the resident"},
        "agent": [{"who": {"display": "Tongkang 通康", "identifier": {"value": base}}}],
    }


def _types(services: Services, desk: Desk) -> list[str]:
    members = services.interpreters.definitions.compartments["Patient"]
    inside = {type for type, codes in members.items() if codes} | {"Patient"}
    seen = sorted(type for type in inside if desk.access.has(type, "s"))
    return [*(type for type in _FIRST if type in seen), *(one for one in seen if one not in _FIRST)]


def _record(
    desk: Desk, person: str, types: list[str], told: Callable[[Desk], None]
) -> Iterator[tuple[str, bytes]]:
    """Yield (reference, resource) of all in the record of `person`, a page at a time.

    `told` records a page before any of it goes out. What is about somebody else, and names the
    person as who measured or wrote it, is in the record of the other.
    """
    for type in types:
        cursor: str | None = None
        while True:
            found = desk.compartment(person, type, (("_count", _COUNT),), cursor)
            told(desk)
            yield from (one for one in found.matches if _is_about(*one, person))
            cursor = found.cursor
            if cursor is None:
                break


def _is_about(reference: str, body: bytes, person: str) -> bool:
    """Tell whether the resource `body` is about `person`, or about nobody in particular."""
    if reference.startswith("Patient/"):
        return reference == person
    named = [
        str(one.get("reference", ""))
        for whom in map(orjson.loads(body).get, _ABOUT)
        for one in (whom if isinstance(whom, list) else [whom])
        if isinstance(one, dict)
    ]
    patients = [one for one in named if one.startswith("Patient/")]
    return not patients or person in patients


def _bundle(
    record: Iterator[tuple[str, bytes]], stated: Resource, base: str, now: datetime
) -> Iterator[bytes]:
    head: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": now.isoformat(timespec="seconds"),
    }
    yield json.dumps(head)[:-1] + b',"entry":[' + json.dumps({"resource": stated})
    for reference, body in record:
        yield b',\n{"fullUrl":%b,"resource":%b}' % (json.dumps(f"{base}/{reference}"), body)
    yield b"]}\n"


def _lines(record: Iterator[tuple[str, bytes]], stated: Resource) -> Iterator[bytes]:
    yield json.dumps(stated) + b"\n"
    for _, body in record:
        yield body + b"\n"
