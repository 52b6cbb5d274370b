"""Dynamic registration: an app or a system asks to be registered, and waits for approval.

What is registered is nothing before an administrator has looked at it. The client reads, changes
and removes what it said with a token of its own; whatever a code or a signature depends on is
looked at again when it changes.

Spec: https://www.rfc-editor.org/rfc/rfc7591, https://www.rfc-editor.org/rfc/rfc7592
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Any

import orjson
from authlib.oauth2.rfc6749 import InvalidClientError
from flask import Blueprint, Response, jsonify, make_response, request

from server.access import scopes
from server.auth import shelves, visit
from server.auth.requests import answered
from server.auth.server import endpoint
from server.auth.tokens import Tokens
from server.fhir.outcome import NotFound
from server.identity import passwords
from server.identity.throttle import Throttle
from server.records import client_registration
from server.records.client_registration import Faulty
from server.services import Services
from server.store.shelf import Record

_LARGEST = 64 * 1024
_ECHOED = (
    "client_name", "redirect_uris", "post_logout_redirect_uris", "grant_types", "scope", "contacts",
    "client_uri", "logo_uri", "policy_uri", "tos_uri", "launch_uri", "jwks_uri", "jwks",
    "legal_name", "retention_days",
)  # fmt: skip
_REVIEWED = (
    "redirect_uris",
    "post_logout_redirect_uris",
    "jwks",
    "jwks_uri",
    "scope",
    "grant_types",
    "auth_method",
    "client_name",
)


def registration(services: Callable[[], Services]) -> Blueprint:
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

    return blueprint


def _or_fault(made: Callable[[], Response]) -> Response:
    try:
        return made()
    except Faulty as fault:
        said = {"error": fault.error, "error_description": f"Look at: {fault.about}."}
        return make_response(jsonify(said), 400)


def _body() -> Any:  # noqa: ANN401  # any JSON
    if (request.content_length or 0) > _LARGEST:
        raise Faulty("invalid_client_metadata", "size")
    try:
        return orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        raise Faulty("invalid_client_metadata", "body") from None


def _registered(services: Services) -> Response:
    record, secret = add(services, client_registration.read(_body()))
    token = token_urlsafe(32)
    shelf = services.store.shelf(shelves.CLIENTS)
    shelf.change(record["id"], {"registration_token": shelves.digest(token)})
    said = {**_said(services, record), "registration_access_token": token}
    if secret:
        said |= {"client_secret": secret, "client_secret_expires_at": 0}
    return make_response(jsonify(said), 201)


def add(services: Services, metadata: Mapping[str, Any]) -> tuple[Record, str | None]:
    """Register a client that waits for approval; return its record, and its secret if it has one.

    Raises Faulty if it asks for scopes that there are not, or that only a system has.
    """
    client_id = token_urlsafe(16)
    fields, secret = _fields(metadata), None
    if fields["auth_method"] == "client_secret_basic":
        secret = token_urlsafe(32)
        fields["secret"] = passwords.hashed(secret)
    record = {**fields, "status": "pending", "created": datetime.now(UTC)}
    services.store.shelf(shelves.CLIENTS).add(client_id, record)
    return {"id": client_id, **record}, secret


def _fields(metadata: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(metadata)
    kept.pop("response_types", None)
    is_system = "client_credentials" in metadata["grant_types"]
    asked = scopes.parse(metadata["scope"])
    levels = {scope.level for scope in asked.clinical}
    if asked.malformed or levels & ({"patient", "user"} if is_system else {"system"}):
        raise Faulty("invalid_client_metadata", "scope")
    kept["name"] = kept.pop("client_name")
    kept["auth_method"] = kept.pop("token_endpoint_auth_method")
    kept["kind"] = "backend" if is_system else "app"
    if "purpose" in kept:
        kept["purpose"] = {"zh": kept["purpose"], "en": kept["purpose"]}
    return kept


def _owned(services: Services, client_id: str) -> Record:
    """Return the client whose registration token the request has."""
    token = request.headers.get("Authorization", "").partition(" ")[2]
    record = services.store.shelf(shelves.CLIENTS).find(client_id)
    kept = (record or {}).get("registration_token", "")
    if record is None or not kept or not compare_digest(kept, shelves.digest(token)):
        raise InvalidClientError(status_code=401, description="The token is not the client's.")
    return record


def _changed(services: Services, record: Record) -> Response:
    body = _body()
    if not isinstance(body, dict) or body.get("client_id") != record["id"]:
        raise Faulty("invalid_client_metadata", "client_id")
    fields = _fields(client_registration.read(body))
    if fields["auth_method"] != record["auth_method"] or fields["kind"] != record["kind"]:
        raise Faulty("invalid_client_metadata", "token_endpoint_auth_method")
    if any(fields.get(name) != record.get(name) for name in _REVIEWED):
        fields["status"] = "pending"
        _silence(services, record["id"])
    changed = services.store.shelf(shelves.CLIENTS).change(record["id"], fields)
    if changed is None:
        raise NotFound.because("url-unknown")
    return jsonify(_said(services, changed))


def _removed(services: Services, record: Record) -> None:
    services.store.shelf(shelves.CLIENTS).take(record["id"])
    _silence(services, record["id"])


def _silence(services: Services, client_id: str) -> None:
    """Have every token of a client end now."""
    tokens = Tokens(services.store.shelf(shelves.TOKENS), services.trail.bump)
    tokens.revoke_all("client", client_id)


def _said(services: Services, record: Record) -> dict[str, Any]:
    """Return what the client is told of itself."""
    told = {name: record[name] for name in _ECHOED if name in record}
    return {
        "client_id": record["id"],
        "client_id_issued_at": int(record["created"].timestamp()),
        "client_name": record["name"],
        "token_endpoint_auth_method": record["auth_method"],
        "response_types": ["code"] if "authorization_code" in record["grant_types"] else [],
        "registration_client_uri": endpoint(
            services.interpreters.settings, f"register/{record['id']}"
        ),
        "tongkang_status": record["status"],
        **told,
    }
