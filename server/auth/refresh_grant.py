"""A refresh token for new tokens; it is replaced each time, and one that comes again ends them all.

Spec: https://www.rfc-editor.org/rfc/rfc6749#section-6, https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
"""

from typing import Any

from authlib.oauth2.rfc6749.errors import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from server.access import scopes
from server.access.scopes import Scopes
from server.auth import answers, clients, grants, shelves
from server.auth.answers import Earned
from server.auth.server import METHODS
from server.auth.tokens import Tokens
from server.services import Services
from server.store.shelf import Record


class RefreshGrant(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]  # Authlib has no types
    """One use of a refresh token."""

    GRANT_TYPE = "refresh_token"
    TOKEN_ENDPOINT_AUTH_METHODS = tuple(METHODS)

    def validate_token_request(self) -> None:
        """Raise an error unless the token is this client's, unused, and covers what is asked."""
        form = self.request.form
        secret = str(form.get("refresh_token") or "")
        if not secret:
            raise InvalidRequestError("refresh_token is missing.")
        token = self._tokens.find(secret)
        self._client = self._authenticated(token)
        if "refresh_token" not in (self._client.get("grant_types") or ()):
            raise UnauthorizedClientError
        if token is None or token["kind"] != "refresh" or token["client"] != self._client["id"]:
            raise InvalidGrantError("The refresh token is not good.")
        if token["used"]:
            self._tokens.revoke_all("grant", token["grant"])
            raise InvalidGrantError("The refresh token is not good.")
        self._whole = scopes.parse(token["scope"])
        self._scope = _narrowed(self._whole, form.get("scope"))
        found = grants.alive(self._services, token["grant"])
        if found is None:
            raise InvalidGrantError("The authorisation has ended.")
        self._grant, self._account = found
        self._token, self._secret = token, secret

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Return status, body and headers of the answer."""
        token = self._token
        if self._tokens.use(self._secret) is None:
            self._tokens.revoke_all("grant", token["grant"])
            raise InvalidGrantError("The refresh token is not good.")
        answer = answers.issued(
            self._services,
            Earned(
                grant=self._grant,
                account=self._account,
                client=self._client,
                scope=self._scope,
                refreshing=self._whole,
                context=token["context"],
                sign_in=token["sign_in"],
                family=token["family"],
            ),
        )
        if self._tokens.find(self._secret) is None:
            # It came a second time meanwhile, and all tokens there were have ended: these, too.
            self._tokens.revoke_all("grant", token["grant"])
            raise InvalidGrantError("The refresh token is not good.")
        return 200, answer, self.TOKEN_RESPONSE_HEADER

    def _authenticated(self, token: Record | None) -> Record:
        """Return the client that asks; a public one may leave it to the token to say which."""
        named = self.request.form.get("client_id") or self.request.form.get("client_assertion")
        if (
            token
            and token["kind"] == "refresh"
            and not named
            and "Authorization" not in self.request.headers
        ):
            client = self._services.store.shelf(shelves.CLIENTS).find(token["client"])
            if clients.counts(client, self._services) and client["auth_method"] == "none":
                return client
        found: Record = self.authenticate_token_endpoint_client().record
        return found

    @property
    def _services(self) -> Services:
        found: Services = self.server.services
        return found

    @property
    def _tokens(self) -> Tokens:
        return Tokens.of(self._services)


def _narrowed(whole: Scopes, text: str | None) -> Scopes:
    """Return what is asked of `whole`. Raises InvalidScopeError if it is more, or malformed."""
    if not text:
        return whole
    asked = scopes.read(text)
    if asked.malformed or not whole.cover(asked) or not (asked.clinical or asked.words):
        raise InvalidScopeError("The scope is more than what was granted.")
    return asked
