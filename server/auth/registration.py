"""Dynamic registration: an app or a system asks to be registered, and waits for approval.

What is registered is nothing before an administrator has looked at it. The client reads, changes
and removes what it said with a token of its own; whatever a code or a signature depends on is
looked at again when it changes.

Spec: https://www.rfc-editor.org/rfc/rfc7591, https://www.rfc-editor.org/rfc/rfc7592
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Any

import orjson
from authlib.oauth2.rfc6749 import InvalidClientError
from flask import Blueprint, Response, jsonify, make_response, request

from server.access import scopes
from server.access.caller import ANONYMOUS, Caller
from server.audit.event import CLIENT_CHANGED, Act, Event, own
from server.auth import amending, shelves, visit
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
_REGISTERED, _REMOVED = own("client-registered", "C"), own("client-removed", "D")
_ECHOED = (
    "redirect_uris", "post_logout_redirect_uris", "grant_types", "scope", "contacts",
    "client_uri", "logo_uri", "policy_uri", "tos_uri", "launch_uri", "jwks_uri", "jwks",
    "legal_name", "retention_days",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Registered:
    """A new client, and what is told once: its secret, if it has one, and its own token."""

    record: Record
    secret: str | None
    token: str


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
    made = add(services, client_registration.read(_body()))
    said = {**_said(services, made.record), "registration_access_token": made.token}
    if made.secret:
        said |= {"client_secret": made.secret, "client_secret_expires_at": 0}
    return make_response(jsonify(said), 201)


def add(services: Services, metadata: Mapping[str, Any], by: Caller = ANONYMOUS) -> Registered:
    """Register a client that waits for approval; `by` is who does so, if they are known.

    Raises Faulty if it asks for scopes that there are not, or that only a system has.
    """
    client_id, token, secret = token_urlsafe(16), token_urlsafe(32), None
    record = amending.begun(_fields(metadata))
    record |= {"created": datetime.now(UTC), "registration_token": shelves.digest(token)}
    if by.account is not None:
        record["registered_by"] = by.account
    if record["auth_method"] == "client_secret_basic":
        secret = token_urlsafe(32)
        record["secret"] = passwords.hashed(secret)
    _note(services, _REGISTERED, client_id, by)
    services.store.shelf(shelves.CLIENTS).add(client_id, record)
    return Registered({"id": client_id, **record}, secret, token)


def _fields(metadata: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(metadata)
    kept.pop("response_types", None)
    is_system = "client_credentials" in metadata["grant_types"]
    asked = scopes.parse(metadata["scope"])
    levels = {scope.level for scope in asked.clinical}
    if asked.malformed or levels & ({"patient", "user"} if is_system else {"system"}):
        raise Faulty("invalid_client_metadata", "scope", {"scope": "scope"})
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
    values = amending.changed(record, fields)
    _note(services, CLIENT_CHANGED, record["id"])
    changed = services.store.shelf(shelves.CLIENTS).change(record["id"], values)
    if changed is None:
        raise NotFound.because("url-unknown")
    if changed["status"] != "approved":
        _silence(services, record["id"])
    return jsonify(_said(services, changed))


def _removed(services: Services, record: Record) -> None:
    _note(services, _REMOVED, record["id"])
    services.store.shelf(shelves.CLIENTS).take(record["id"])
    _silence(services, record["id"])


def _note(services: Services, act: Act, client_id: str, by: Caller = ANONYMOUS) -> None:
    facts = (("client", client_id),)
    services.trail.append(Event(act=act, caller=by, address=visit.address(), facts=facts))


def _silence(services: Services, client_id: str) -> None:
    """Have every token of a client end now."""
    tokens = Tokens(services.store.shelf(shelves.TOKENS), services.trail.bump)
    tokens.revoke_all("client", client_id)


def _said(services: Services, record: Record) -> dict[str, Any]:
    """Return what the client is told of itself."""
    last = amending.said(record)
    told = {name: last[name] for name in _ECHOED if last.get(name) is not None}
    if last["purpose"]:
        told["purpose"] = last["purpose"]["zh"]
    if record["status"] == "approved":
        told["scope"] = record["scope"]
    if waiting := amending.waiting(record):
        told["tongkang_waiting"] = list(waiting)
    return {
        "client_id": record["id"],
        "client_id_issued_at": int(record["created"].timestamp()),
        "client_name": last["name"],
        "token_endpoint_auth_method": record["auth_method"],
        "response_types": ["code"] if "authorization_code" in record["grant_types"] else [],
        "registration_client_uri": endpoint(
            services.interpreters.settings, f"register/{record['id']}"
        ),
        "tongkang_status": record["status"],
        **told,
    }
