"""The authorization endpoint: a browser comes with a request of an app, and is sent on to consent.

Spec: https://www.rfc-editor.org/rfc/rfc6749#section-3.1,
https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code
"""

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, request
from werkzeug.wrappers import Response as Answer

from server.auth import authorization, launches, parameters, pending
from server.auth.authorization import Asked, Redirected
from server.fhir.outcome import BadRequest
from server.portal import session as browser
from server.portal.pages import dressed
from server.portal.sent import sent
from server.services import Services
from server.store.shelf import Record

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
        asked = authorization.asked(services, parameters.read(request.query_string, body))
        launch = _launch(services, asked)
    except Redirected as refusal:
        return sent(refusal.location(services.interpreters.settings.root_url))
    token = browser.form_token()
    id = pending.add(services, asked, token, launch)
    return browser.keep_form_token(dressed(sent(f"/consent/{id}")), token)


def _launch(services: Services, asked: Asked) -> Record | None:
    if asked.launch is None:
        return None
    try:
        found = launches.taken(services, asked.launch, asked.client["id"])
    except OAuth2Error as error:
        raise Redirected(asked.redirect_uri, asked.state, error) from error
    return {"account": found["account"], "context": found["context"]}
