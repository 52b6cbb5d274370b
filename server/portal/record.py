"""The pages on which residents read their own record, and that of those they act for."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from server.fhir.outcome import NotFound
from server.identity import emergency
from server.portal import entries, measures, overview, visits
from server.portal.desk import Query
from server.portal.emergencies import statuses
from server.portal.pages import language, page
from server.portal.trace import recorded
from server.portal.visitor import Visitor, resident
from server.portal.words import moment
from server.services import Services

_FEW, _SOME, _MANY = 5, 20, 200


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
        moment=lambda when: moment(when.isoformat(), zone),
        **overview.parts(who.desk, who.person, zone, _FEW),
    )


def _timeline(services: Services, who: Visitor) -> Response:
    check_ups = request.args.get("kind") == "check-ups"
    kind = (("type", visits.CHECK_UP),) if check_ups else ()
    query = _query(who, *visits.QUERY, *kind, ("_count", str(_SOME)))
    seen = who.desk.search("Encounter", query, request.args.get("cursor"))
    zone = services.interpreters.zone
    return _page(
        "visits.html",
        who,
        visits=[visits.visit(one, seen.included, language(), zone) for one in seen.matches],
        check_ups=check_ups,
        cursor=seen.cursor,
    )


def _visit(services: Services, who: Visitor, id: str) -> Response:
    query = _query(who, *visits.QUERY, ("_id", id))
    seen = who.desk.search("Encounter", query)
    if not seen.matches:
        raise NotFound.because("page-missing")
    zone = services.interpreters.zone
    here = ("encounter", f"Encounter/{id}")
    found = who.desk.search("Observation", _query(who, here, ("_sort", "-date"), ("_count", "100")))
    medicines = entries.KINDS["medicines"]
    given = who.desk.search(medicines.type, _query(who, here, ("_count", "100")))
    return _page(
        "visit.html",
        who,
        visit=visits.visit(seen.matches[0], seen.included, language(), zone),
        measures=list(measures.measures(found.matches, language(), zone).values()),
        medicines=[entries.entry(medicines, one, language(), zone) for one in given.matches],
    )


def _results(services: Services, who: Visitor) -> Response:
    zone, code = services.interpreters.zone, request.args.get("code")
    query = [
        overview.BY_INSTITUTIONS,
        ("_sort", "-date"),
        ("_count", str(_MANY if code is None else 100)),
    ]
    if code is not None:
        query.append(("code", _escaped(code)))
    found = who.desk.search("Observation", _query(who, *query), request.args.get("cursor"))
    if code is not None and not found.matches:
        raise NotFound.because("page-missing")
    return _page(
        "results.html" if code is None else "result.html",
        who,
        measures=list(measures.measures(found.matches, language(), zone).values()),
        code=code,
        cursor=found.cursor,
    )


def _listed(services: Services, who: Visitor, kind: str) -> Response:
    zone, cursor = services.interpreters.zone, request.args.get("cursor")
    found, cursor = overview.listed(who.desk, who.person, kind, zone, _SOME, cursor)
    return _page(
        "entries.html",
        who,
        kind=kind,
        title=entries.KINDS[kind].title,
        entries=found,
        cursor=cursor,
    )


def _query(who: Visitor, *more: tuple[str, str]) -> Query:
    return (("patient", who.person), *more)


def _escaped(code: str) -> str:
    """Return `code`, ``system|code``, as one value of a search parameter."""
    return code.replace("\\", "\\\\").replace(",", "\\,").replace("$", "\\$")


def _page(template: str, who: Visitor, **given: Any) -> Response:  # the template's
    return page(template, who.session, who=who, **given)
