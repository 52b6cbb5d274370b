"""The authorization endpoint: a browser comes with a request of an app, and is sent on to consent.

Spec: https://www.rfc-editor.org/rfc/rfc6749#section-3.1,
https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code
"""

from flask import Blueprint, request
from werkzeug.wrappers import Response as Answer

from server.auth import authorization, parameters, pending, pushed
from server.auth.authorization import Redirected
from server.fhir.outcome import BadRequest
from server.identity.throttle import Throttle
from server.portal import session as browser
from server.portal.pages import dressed
from server.portal.sent import sent

_FORM = "application/x-www-form-urlencoded"


def authorize() -> Blueprint:
    """Return the blueprint of ``/authorize``."""
    blueprint = Blueprint("authorize", __name__)
    blueprint.add_url_rule("/authorize", "ask", _ask, methods=["GET", "POST"])
    return blueprint


def _ask() -> Answer:
    if request.method == "POST" and request.mimetype != _FORM:
        raise BadRequest.because("authorize-parameters")
    body = request.get_data() if request.method == "POST" else b""
    services = browser.services()
    try:
        given = parameters.read(request.query_string, body)
        found = pushed.taken(services, given)
        asked = authorization.asked(services, found or given, is_pushed=found is not None)
        launch = authorization.launched(services, asked)
    except Redirected as refusal:
        return sent(refusal.location(services.interpreters.settings.root_url))
    Throttle(services).attempt("authorize", browser.address())
    id = pending.add(services, asked, browser.kept_form_token(), launch)
    return dressed(sent(f"/consent/{id}"))
