"""Token introspection: what a resource server may ask of a token.

Spec: https://www.rfc-editor.org/rfc/rfc7662,
https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html
"""

from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError, UnauthorizedClientError
from flask import request

from server.auth import clients, launches, rights
from server.auth.clients import Client
from server.auth.server import METHODS, Server, issuer

INACTIVE: Mapping[str, Any] = {"active": False}


def introspected(server: Server) -> Mapping[str, Any]:
    """Return what is said of the token in the form of this request.

    Raises InvalidClientError or UnauthorizedClientError if the caller may not ask.
    """
    caller = _caller(server)
    if not caller.record.get("may_introspect"):
        raise UnauthorizedClientError("The client may not introspect tokens.", status_code=403)
    record = server.tokens.find(request.form.get("token", ""))
    if record is None or record.get("used") or rights.of(server.services, record) is None:
        return INACTIVE
    settings = server.services.interpreters.settings
    said: dict[str, Any] = {
        "active": True,
        "scope": record["scope"],
        "client_id": record["client"],
        "token_type": "Bearer",
        "iat": int(record["issued"].timestamp()),
        "exp": int(record["expires_at"].timestamp()),
        "iss": issuer(settings),
        "aud": settings.base_url,
    }
    said.update(launches.told(record["context"]))
    said.update(record.get("claims") or {})
    return said


def _caller(server: Server) -> Client:
    """Return the client that asks: it has a token of its own, or says who it is."""
    header = request.headers.get("Authorization", "")
    if header[:7].lower() != "bearer ":
        methods = [method for method in METHODS if method != "none"]
        asked = server.create_oauth2_request(None)
        found: Client = server.authenticate_client(asked, methods, "introspection")
        return found
    record = server.tokens.find(header[7:])
    client = None
    if record is not None and record["kind"] == "access" and record["account"] is None:
        client = clients.approved(server.services, record["client"])
    if client is None or record is None or rights.of(server.services, record) is None:
        raise InvalidClientError(status_code=401, description="The token is not good.")
    return client
