"""Dynamic registration: an app or a system asks to be registered, and waits for approval.

What is registered is nothing before an administrator has looked at it. The client reads, changes
and removes what it said with a token of its own; whatever a code or a signature depends on is
looked at again when it changes.

Spec: https://www.rfc-editor.org/rfc/rfc7591, https://www.rfc-editor.org/rfc/rfc7592
"""

from collections.abc import Callable
from hmac import compare_digest
from typing import Any

import orjson
from authlib.oauth2.rfc6749 import InvalidClientError
from flask import Blueprint, Response, jsonify, make_response, request

from server.auth import amending, cors, enrolment, shelves, visit
from server.auth.requests import answered
from server.auth.review import noted
from server.auth.server import endpoint
from server.identity.throttle import Throttle
from server.records import client_registration
from server.records.client_registration import Faulty
from server.services import Services
from server.store.shelf import Record, digest

_LARGEST = 64 * 1024
_ECHOED = (
    "redirect_uris", "post_logout_redirect_uris", "grant_types", "scope", "contacts",
    "client_uri", "logo_uri", "policy_uri", "tos_uri", "launch_uri", "jwks_uri",
    "legal_name", "retention_days",
)  # fmt: skip


def registration(services: Callable[[], Services], known: cors.Known) -> Blueprint:
    """Return the blueprint of the registration endpoints."""
    blueprint = Blueprint("registration", __name__)

    @blueprint.post("/register")
    @answered
    def register() -> Response:
        Throttle(services()).attempt("registration", visit.address())
        return _or_fault(lambda: _registered(services()))

    @blueprint.route("/register/<client_id>", methods=["GET", "PUT", "DELETE"])
    @answered
    def manage(client_id: str) -> Response:
        record = _owned(services(), client_id)
        if request.method == "DELETE":
            _removed(services(), record)
            return make_response("", 204)
        if request.method == "PUT":
            return _or_fault(lambda: _changed(services(), record))
        return jsonify(_said(services(), record))

    cors.allow(blueprint, known)
    return blueprint


def _or_fault(made: Callable[[], Response]) -> Response:
    try:
        return made()
    except Faulty as fault:
        said = {"error": fault.error, "error_description": f"Look at: {fault.about}."}
        return make_response(jsonify(said), 400)


def _body() -> Any:  # noqa: ANN401  # any JSON
    request.max_content_length = _LARGEST  # also of a body that does not say how long it is
    if (request.content_length or 0) > _LARGEST:
        raise Faulty("invalid_client_metadata", "size")
    try:
        return orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        raise Faulty("invalid_client_metadata", "body") from None


def _registered(services: Services) -> Response:
    record, secrets = enrolment.add(services, client_registration.read(_body()))
    noted(services, record, "registered", address=visit.address())
    said = {**_said(services, record), **secrets}
    if "client_secret" in secrets:
        said["client_secret_expires_at"] = 0
    return make_response(jsonify(said), 201)


def _owned(services: Services, client_id: str) -> Record:
    """Return the client whose registration token the request has."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    record = services.store.shelf(shelves.CLIENTS).find(client_id)
    kept = (record or {}).get("registration_token", "")
    is_bearer = scheme.lower() == "bearer"
    if record is None or not kept or not is_bearer or not compare_digest(kept, digest(token)):
        raise InvalidClientError(status_code=401, description="The token is not the client's.")
    return record


def _changed(services: Services, record: Record) -> Response:
    body = _body()
    if not isinstance(body, dict) or body.get("client_id") != record["id"]:
        raise Faulty("invalid_client_metadata", "client_id")
    changed = enrolment.change(services, record, client_registration.read(body))
    noted(services, changed, "changed", address=visit.address())
    return jsonify(_said(services, changed))


def _removed(services: Services, record: Record) -> None:
    enrolment.remove(services, record)
    noted(services, record, "removed", address=visit.address())


def _said(services: Services, record: Record) -> dict[str, Any]:
    """Return what the client is told of itself."""
    told = {name: record[name] for name in _ECHOED if record.get(name) is not None}
    keys = (record.get("proposed") or record).get("jwks")
    if keys is not None:
        told["jwks"] = keys
    if record.get("signing_alg"):
        told["token_endpoint_auth_signing_alg"] = record["signing_alg"]
    if purpose := amending.said(record)["purpose"]:
        told["purpose"] = purpose["zh"]
    if waiting := amending.waiting(record):
        told["tongkang_waiting"] = list(waiting)
    return {
        "client_id": record["id"],
        "client_id_issued_at": int(record["created"].timestamp()),
        "client_name": record["name"],
        "token_endpoint_auth_method": record["auth_method"],
        "response_types": ["code"] if "authorization_code" in record["grant_types"] else [],
        "registration_client_uri": endpoint(
            services.interpreters.settings, f"register/{record['id']}"
        ),
        "require_pushed_authorization_requests": bool(record.get("require_pushed")),
        "tongkang_status": record["status"],
        **told,
    }
