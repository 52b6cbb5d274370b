"""The pages on which residents read their own record, and that of those they act for."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from server.fhir.outcome import NotFound
from server.identity import emergency
from server.portal import overview, visits
from server.portal.emergencies import statuses
from server.portal.measures import ASKED
from server.portal.pages import page
from server.portal.trace import recorded
from server.portal.visitor import Visitor, resident
from server.services import Services

_FEW, _SOME, _MANY = 5, 20, 200
_BEGINNING = 40


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/me`` and what is listed below it."""
    blueprint = Blueprint("record", __name__)
    recorded(blueprint, services)

    @blueprint.get("/me")
    def me() -> Response:
        return _overview(services(), resident(services()))

    @blueprint.get("/me/visits")
    def timeline() -> Response:
        return _timeline(services(), resident(services()))

    @blueprint.get("/me/visits/<id>")
    def visit(id: str) -> Response:
        return _visit(services(), resident(services()), id)

    @blueprint.get("/me/results")
    def results() -> Response:
        return _results(services(), resident(services()))

    @blueprint.get("/me/<any(conditions, allergies, medicines, immunizations):kind>")
    def listed(kind: str) -> Response:
        return _listed(services(), resident(services()), kind)

    return blueprint


def _overview(services: Services, who: Visitor) -> Response:
    zone = services.interpreters.zone
    return _page(
        "me.html",
        who,
        patient=who.patient(who.person),
        statuses=statuses(),
        looks=emergency.of_patient(services, who.person),
        **overview.parts(who.desk, who.person, zone, _FEW),
    )


def _timeline(services: Services, who: Visitor) -> Response:
    check_ups = request.args.get("kind") == "check-ups"
    kind = (("type", visits.CHECK_UP),) if check_ups else ()
    zone, cursor = services.interpreters.zone, request.args.get("cursor")
    seen, cursor = overview.visited_by(who.desk, who.person, zone, _SOME, cursor, kind)
    return _page("visits.html", who, visits=seen, check_ups=check_ups, cursor=cursor)


def _visit(services: Services, who: Visitor, id: str) -> Response:
    zone, desk, person = services.interpreters.zone, who.desk, who.person
    seen, _ = overview.visited_by(desk, person, zone, 1, query=(("_id", id),))
    if not seen:
        raise NotFound.because("page-missing")
    here = (("encounter", f"Encounter/{id}"),)
    after = request.args.get("results")
    found, results = overview.measured_of(desk, person, zone, _MANY, after, here)
    after = request.args.get("medicines")
    given, medicines = overview.listed(desk, person, "medicines", zone, _MANY, after, here)
    return _page(
        "visit.html",
        who,
        visit=seen[0],
        measures=found,
        medicines=given,
        more={"results": results, "medicines": medicines},
    )


def _results(services: Services, who: Visitor) -> Response:
    """Show all results, or those that ``?code=`` names or, if they have none, ``?text=``."""
    named = next(((name, request.args[name]) for name in ASKED if name in request.args), None)
    query = (overview.BY_INSTITUTIONS, *((_asked(*named),) if named else ()))
    zone, cursor = services.interpreters.zone, request.args.get("cursor")
    found, cursor = overview.measured_of(who.desk, who.person, zone, _MANY, cursor, query)
    if named is not None and named[0] == "text":
        # A search by text finds what begins with it.
        found = [one for one in found if one.named == named]
    if named is not None and not found and cursor is None:
        raise NotFound.because("page-missing")
    return _page(
        "results.html" if named is None else "result.html", who, measures=found, cursor=cursor
    )


def _listed(services: Services, who: Visitor, kind: str) -> Response:
    zone, cursor = services.interpreters.zone, request.args.get("cursor")
    found, cursor = overview.listed(who.desk, who.person, kind, zone, _SOME, cursor)
    return _page(
        "entries.html",
        who,
        kind=kind,
        title=overview.PARTS[kind],
        entries=found,
        cursor=cursor,
    )


def _asked(name: str, value: str) -> tuple[str, str]:
    """Return the parameter that searches for the measure that is `named` so."""
    parameter, asked = ("code:text", value[:_BEGINNING]) if name == "text" else (name, value)
    return parameter, asked.replace("\\", "\\\\").replace(",", "\\,").replace("$", "\\$")


def _page(template: str, who: Visitor, **given: Any) -> Response:  # the template's
    return page(template, who.session, who=who, **given)
