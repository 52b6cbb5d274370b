"""Launching an app from within an EMR: by the EMR itself, or by a member of staff on a page.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from flask import Blueprint, Response, jsonify, make_response, request

from server.auth import bearer, launching, redirects
from server.auth.requests import answered
from server.fhir.outcome import BadRequest, Forbidden
from server.identity import access
from server.portal import session as browser
from server.portal.pages import dressed
from server.portal.sent import sent
from server.records import launch_request
from server.records.launch_request import Faulty
from server.services import Services


def launches(services: Callable[[], Services]) -> Blueprint:
    """Return the blueprint of ``/launches``."""
    blueprint = Blueprint("launches", __name__)

    @blueprint.post("/launches")
    def launch() -> Response:
        if "Authorization" in request.headers:
            return _by_system(services())
        return _by_staff(services())

    return blueprint


@answered
def _by_system(services: Services) -> Response:
    token = bearer.presented(request.environ)
    made = launching.by_system(services, token, _read(_json()))
    return make_response(jsonify(made), 201)


def _by_staff(services: Services) -> Response:
    if request.is_json:
        raise Forbidden.because("launch-forbidden")  # a system without its token
    session = browser.require_signed_in()
    form = {name: value for name, value in request.form.items() if name != "csrf" and value}
    allowed = access.of(services, session)
    made = launching.by_staff(services, session.account, allowed, _read(form))
    if not made["launch_uri"]:
        return make_response(jsonify(made), 201)
    told = (("iss", made["iss"]), ("launch", made["launch"]))
    return dressed(sent(redirects.extended(made["launch_uri"], told)))


def _json() -> object:
    try:
        return orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        raise BadRequest.because("launch-malformed", about="JSON") from None


def _read(body: object) -> Mapping[str, Any]:
    try:
        return launch_request.read(body)
    except Faulty as fault:
        raise BadRequest.because("launch-malformed", about=fault.args[0]) from None
