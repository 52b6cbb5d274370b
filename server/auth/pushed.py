"""Requests for authorization that a client pushes beforehand, so that no browser can change them.

Spec: https://www.rfc-editor.org/rfc/rfc9126
"""

from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from flask import request

from server.auth import authorization, parameters, shelves, visit
from server.auth.authorization import Redirected
from server.auth.parameters import Parameters
from server.auth.server import METHODS, Server
from server.fhir.outcome import BadRequest
from server.identity.throttle import Throttle
from server.services import Services
from server.store.shelf import digest

LIFE = timedelta(seconds=90)
PREFIX = "urn:ietf:params:oauth:request_uri:"
_KEPT = (
    "response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "aud",
    "resource", "launch", "nonce", "prompt", "max_age", "code_challenge", "code_challenge_method",
    "request",
)  # fmt: skip


def push(server: Server) -> dict[str, Any]:
    """Keep the request in this form, if it is a good one, and return the name of it.

    Raises OAuth2Error if it is not, or if the client is not who it says; TooMany in the end.
    """
    client = server.authenticate_client(server.create_oauth2_request(None), METHODS, "par")
    Throttle(server.services).attempt("push", f"{visit.address()} {client.id}")
    form = {name: request.form[name] for name in _KEPT if request.form.get(name)}
    if form.setdefault("client_id", client.id) != client.id or "request_uri" in request.form:
        raise InvalidRequestError("client_id is another one, or there is a request_uri.")
    try:
        authorization.asked(server.services, parameters.once(form), is_pushed=True)
    except Redirected as refusal:
        raise refusal.error from refusal
    except BadRequest:
        raise InvalidRequestError("redirect_uri is not registered.") from None
    secret, now = token_urlsafe(32), datetime.now(UTC)
    record = {"client": client.id, "given": form, "created": now, "expires_at": now + LIFE}
    server.services.store.shelf(shelves.PUSHED).add(digest(secret), record)
    return {"request_uri": PREFIX + secret, "expires_in": int(LIFE.total_seconds())}


def taken(services: Services, given: Parameters) -> Parameters | None:
    """Return the request that ``request_uri`` names, used up now; None if it names none of ours.

    Raises BadRequest if it is not there, not any more, or is another client's.
    """
    name = given.get("request_uri")
    if name is None or not name.startswith(PREFIX):
        return None
    found = services.store.shelf(shelves.PUSHED).take(digest(name.removeprefix(PREFIX)))
    if found is None or found["client"] != given.get("client_id"):
        raise BadRequest.because("authorize-pushed")
    return parameters.once(found["given"])
