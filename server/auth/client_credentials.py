"""The client credentials grant: tokens for systems, which sign who they are.

Spec: https://www.rfc-editor.org/rfc/rfc6749#section-4.4,
https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
"""

from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

from authlib.oauth2.rfc6749 import InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

from server.access import scopes
from server.access.scopes import Scopes
from server.audit.event import Event, own
from server.auth import rights, shelves, visit
from server.auth.assertion import METHOD
from server.auth.tokens import BACKEND_SECONDS, Issue

SYSTEM_SIGNED_IN = own("token-issued", "E")


class ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]  # Authlib has no types
    """Gives a system what it was approved for, for five minutes, and nothing to refresh it with."""

    TOKEN_ENDPOINT_AUTH_METHODS = (METHOD,)

    def validate_requested_scope(self) -> None:
        """Raise InvalidScopeError unless all that is asked for was approved."""
        self.granted()

    def granted(self) -> Scopes:
        """Return the scopes that the token will have."""
        asked = scopes.parse(self.request.form.get("scope", ""))
        levels = {scope.level for scope in asked.clinical}
        if levels != {"system"} or asked.malformed or asked.words:
            raise InvalidScopeError("A system asks for scopes of the level system.")
        if not self.request.client.allowed.cover(asked):
            raise InvalidScopeError("The client was not approved for all of this.")
        return asked

    def generate_token(self, **_given: Any) -> dict[str, Any]:  # Authlib's
        """Return the token response."""
        client, asked = self.request.client, self.granted()
        if client.record["kind"] != "backend":
            raise UnauthorizedClientError("The client is no system.")
        services = self.server.services
        grant, now = token_hex(16), datetime.now(UTC)
        record = {
            "kind": "backend",
            "client": client.id,
            "account": None,
            "scope": asked.text,
            "labels": list(client.record.get("labels", ())),
            "purpose": client.record.get("purpose_of_use"),
            "status": "active",
            "created": now,
            "expires_at": now + timedelta(seconds=2 * BACKEND_SECONDS),
        }
        services.store.shelf(shelves.GRANTS).add(grant, record)
        facts = (("scope", asked.text),)
        caller = rights.system(client.record, record | {"id": grant})
        services.trail.append(
            Event(act=SYSTEM_SIGNED_IN, caller=caller, address=visit.address(), facts=facts)
        )
        issue = Issue(grant=grant, client=client.id, account=None, scope=asked.text, context={})
        return {
            "access_token": self.server.tokens.access(issue, BACKEND_SECONDS),
            "token_type": "Bearer",
            "expires_in": BACKEND_SECONDS,
            "scope": asked.text,
        }
