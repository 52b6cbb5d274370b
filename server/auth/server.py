"""The authorization server of one process: Authlib's, with our clients, tokens and strictness.

Spec: https://www.rfc-editor.org/rfc/rfc6749, https://www.rfc-editor.org/rfc/rfc9700
"""

from collections.abc import Iterable
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc6749.util import extract_basic_authorization

from server.auth import clients, shelves, visit
from server.auth.assertion import METHOD, Assertions
from server.auth.clients import Client
from server.auth.jwks import Fetcher
from server.auth.tokens import Tokens
from server.identity.throttle import Throttle
from server.services import Services
from server.settings import Settings

SECRET = "client_secret_basic"  # noqa: S105  # the name of a method
METHODS = [METHOD, SECRET, "none"]
"""How clients say who they are, in the order of trust."""


class Server(AuthorizationServer):  # type: ignore[misc]  # Authlib has no types
    """Authlib's server on `services`, with `grants`; a grant may have extensions."""

    def __init__(self, services: Services, grants: Iterable[tuple[type, list[Any]]]) -> None:
        super().__init__(None, self._client, self._saved)
        self.services = services
        self.tokens = Tokens(services.store.shelf(shelves.TOKENS), services.trail.bump)
        settings = services.interpreters.settings
        fetcher = Fetcher(loopback=settings.jwks_loopback)
        self.load_config({})
        self.register_client_auth_method(METHOD, Assertions(services, audiences(settings), fetcher))
        self.register_client_auth_method(SECRET, _by_secret)
        for grant, extensions in grants:
            self.register_grant(grant, extensions)

    def _client(self, client_id: str) -> Client | None:
        return clients.approved(self.services, client_id)

    def handle_error_response(self, request: object, error: OAuth2Error) -> None:
        """Raise what is wrong, for the endpoints tell all errors alike."""
        del request
        raise error

    @staticmethod
    def _saved(token: object, request: object) -> None:
        """Do nothing: each grant issues its tokens as it makes them."""


def issuer(settings: Settings) -> str:
    """Return the issuer identifier of the authorization server."""
    return settings.root_url


def endpoint(settings: Settings, path: str) -> str:
    """Return the URL of the endpoint at `path`."""
    return f"{settings.root_url}/{path}"


def audiences(settings: Settings) -> tuple[str, ...]:
    """Return whom a client's assertion may be for: the token endpoint, that for PAR, the issuer."""
    return endpoint(settings, "token"), endpoint(settings, "par"), issuer(settings)


def _by_secret(query_client: Any, request: Any) -> Client | None:  # noqa: ANN401  # Authlib's
    """Return the client whose id and secret stand in the Authorization header."""
    if "Authorization" not in request.headers:
        return None
    try:
        client_id, secret = extract_basic_authorization(request.headers)
    except (ValueError, TypeError):
        client_id = secret = None
    throttle, whose = Throttle(visit.services()), f"{visit.address()} {client_id}"
    # Before the secret is compared, which takes time that others could use.
    throttle.attempt("client", whose)
    client: Client | None = query_client(client_id) if client_id and secret else None
    named = request.form.get("client_id", client_id)
    if client is None or named != client_id or not client.check_client_secret(secret):
        raise InvalidClientError(status_code=401, description="The client is not known.")
    throttle.forget("client", whose)
    return client
