"""The pages that tell residents who looked at their record, and take their complaints.

Spec: 人口健康信息管理办法(试行) article 18, https://hl7.org/fhir/R4/auditevent.html
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from flask import Blueprint, Response, request

from server.audit.event import TRAIL_USED, own
from server.fhir.outcome import Issue, NotFound
from server.identity import internal
from server.portal import complaints, trace
from server.portal.desk import Desk, Query
from server.portal.disclosures import Disclosure, disclosure
from server.portal.pages import language, page, see_other
from server.portal.trace import recorded
from server.portal.visitor import Visitor, resident
from server.records import forms
from server.records.forms import Text
from server.services import Services

_COUNT = "50"
_ENOUGH = 10
_MOST_PAGES = 20
_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_REASON = Text(least=4, most=1000)


def pages(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/me/access``."""
    blueprint = Blueprint("lookers", __name__)
    recorded(blueprint, services)

    @blueprint.get("/me/access")
    def shown() -> Response:
        return _shown(services(), resident(services()))

    @blueprint.get("/me/access/<id>/complaint")
    def asked(id: str) -> Response:
        who = resident(services())
        return _form(who, _one(services(), who, id))

    @blueprint.post("/me/access/<id>/complaint")
    def filed(id: str) -> Response:
        who = resident(services())
        return _filed(services(), who, _one(services(), who, id))

    return blueprint


def _shown(services: Services, who: Visitor) -> Response:
    zone = services.interpreters.zone
    month = request.args.get("month", "")
    query = [("patient", who.person), ("_sort", "-date"), ("_count", _COUNT)]
    all = request.args.get("own") == "yes"
    if matched := _MONTH.fullmatch(month):
        year, number = int(matched[1]), int(matched[2])
        start = datetime(year, number, 1, tzinfo=zone)
        end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
        query += [("date", f"ge{start.isoformat()}"), ("date", f"lt{end.isoformat()}")]
    found, cursor = _looks(services, who, query, all=all)
    return page(
        "access.html",
        who.session,
        who=who,
        month=month if matched else "",
        own=all,
        disclosures=found,
        complaints=complaints.of_patient(services, who.person),
        cursor=cursor,
        done="done" in request.args,
    )


def _looks(
    services: Services, who: Visitor, query: Query, *, all: bool
) -> tuple[list[Disclosure], str | None]:
    """Return disclosures, and where they go on; not what residents see of themselves here.

    Those are many, and said only when asked for (`all`).
    """
    desk, zone = _desk(services, who), services.interpreters.zone
    account = who.session.account["id"]
    shown: list[Disclosure] = []
    cursor = request.args.get("cursor")
    for _ in range(_MOST_PAGES):
        found = desk.search("AuditEvent", query, cursor)
        told = [disclosure(one, who.person, language(), zone) for one in found.matches]
        shown += [one for one in told if all or not (one.by_portal and one.account == account)]
        cursor = found.cursor
        if cursor is None or len(shown) >= _ENOUGH:
            break
    return shown, cursor


def _filed(services: Services, who: Visitor, about: Disclosure) -> Response:
    if about.id in complaints.of_patient(services, who.person):
        return _form(who, about, {"reason": Issue("conflict", "complaint-there")})
    said, faults = forms.texts(request.form, reason=_REASON)
    if faults:
        return _form(who, about, faults)
    told = " · ".join(
        part for part in (about.when, about.who, about.institution, about.software) if part
    )
    complaints.file(services, who.session.account, who.person, about.id, told, said["reason"])
    caller = who.desk.access.caller
    trace.note(services, caller, own("complaint-filed", "C"), concerned=(who.person,))
    return see_other(who.at("/me/access", done="yes"))


def _form(who: Visitor, about: Disclosure, faults: Mapping[str, Issue] | None = None) -> Response:
    return page(
        "complaint.html",
        who.session,
        faults=faults,
        who=who,
        one=about,
        given=request.form,
    )


def _one(services: Services, who: Visitor, id: str) -> Disclosure:
    """Return the access that the AuditEvent `id` records, if it is about this person."""
    query = (("patient", who.person), ("_id", id))
    found = _desk(services, who).search("AuditEvent", query)
    if not found.matches:
        raise NotFound.because("page-missing")
    return disclosure(found.matches[0], who.person, language(), services.interpreters.zone)


def _desk(services: Services, who: Visitor) -> Desk:
    """Return the desk that has the trail, as far as it is about this person.

    That they look is recorded, but not what of the trail they see.
    """
    caller = who.desk.access.caller
    trace.note(services, caller, TRAIL_USED, concerned=(who.person,))
    return Desk(services, internal.trail_of(services, caller, who.person), language())
