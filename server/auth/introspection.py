"""Token introspection: what a resource server may ask of a token.

Spec: https://www.rfc-editor.org/rfc/rfc7662,
https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html
"""

from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError, UnauthorizedClientError
from flask import request

from server.access.caller import Caller, Party
from server.audit.event import Event, own
from server.auth import clients, launches, rights, visit
from server.auth.clients import Client
from server.auth.server import METHODS, Server, issuer
from server.identity.throttle import Throttle
from server.services import Services
from server.settings import Settings
from server.store.shelf import Record

INTROSPECTED = own("token-introspected", "R")
INACTIVE: Mapping[str, Any] = {"active": False}


def introspected(server: Server) -> Mapping[str, Any]:
    """Return what is said of the token in the form of this request.

    Raises InvalidClientError or UnauthorizedClientError if the caller may not ask, TooMany if it
    asks for too many that there are not.
    """
    caller = _caller(server)
    if not caller.record.get("may_introspect"):
        raise UnauthorizedClientError("The client may not introspect tokens.", status_code=403)
    record = server.tokens.find(request.form.get("token", ""))
    if record is not None and (record.get("used") or rights.of(server.services, record) is None):
        record = None
    if record is None:
        # Who knows no token can but guess.
        Throttle(server.services).attempt("token", f"introspection {caller.id}")
    _note(server.services, caller, record)
    return INACTIVE if record is None else _said(server.services.interpreters.settings, record)


def _said(settings: Settings, record: Record) -> Mapping[str, Any]:
    said: dict[str, Any] = {
        "active": True,
        "scope": record["scope"],
        "client_id": record["client"],
        "iat": int(record["issued"].timestamp()),
        "exp": int(record["expires_at"].timestamp()),
        "iss": issuer(settings),
        "aud": settings.base_url,
    }
    if record["kind"] == "access":
        said |= {"token_type": "Bearer"}
    said.update(launches.told(record["context"]))
    said.update(record.get("claims") or {})
    return said


def _note(services: Services, caller: Client, record: Record | None) -> None:
    """Have the trail know who asked of which client's token."""
    asked = Caller(kind="system", client=Party(caller.id, caller.record["name"]))
    facts = (("client", record["client"]), ("grant", record["grant"])) if record else ()
    services.trail.append(
        Event(act=INTROSPECTED, caller=asked, address=visit.address(), facts=facts)
    )


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
