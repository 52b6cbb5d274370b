"""An authorization code for tokens, once, by who has its verifier.

Spec: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3, https://www.rfc-editor.org/rfc/rfc7636#section-4.6
"""

import hmac
import re
from typing import Any

from authlib.oauth2.rfc6749.errors import (
    InvalidGrantError,
    InvalidRequestError,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from server.access import scopes
from server.auth import answers, codes, grants
from server.auth.answers import Earned
from server.auth.server import METHODS
from server.auth.tokens import Tokens
from server.services import Services

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class CodeGrant(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]  # Authlib has no types
    """One redemption of a code."""

    GRANT_TYPE = "authorization_code"
    TOKEN_ENDPOINT_AUTH_METHODS = tuple(METHODS)

    def validate_token_request(self) -> None:
        """Raise an error unless the code is good, this client's, and its verifier is right."""
        client = self.authenticate_token_endpoint_client()
        self.request.client = client
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError
        form = self.request.form
        self._secret = str(form.get("code") or "")
        if not self._secret:
            raise InvalidRequestError("code is missing.")
        code = codes.burn(self._services, self._secret)
        if code is None:
            self._end_if_replayed()
            raise InvalidGrantError("The code is not good.")
        if code["client"] != client.get_client_id():
            raise InvalidGrantError("The code is not good.")
        if form.get("redirect_uri") != code["redirect_uri"]:
            raise InvalidGrantError("redirect_uri is not that of the request.")
        if not _is_verified(str(form.get("code_verifier") or ""), code["challenge"]):
            raise InvalidGrantError("code_verifier is wrong.")
        self._code = code

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Return status, body and headers of the answer."""
        code = self._code
        found = grants.alive(self._services, code["grant"])
        if found is None:
            raise InvalidGrantError("The authorisation has ended.")
        grant, account = found
        scope = scopes.parse(code["scope"])
        answer = answers.issued(
            self._services,
            Earned(
                grant=grant,
                account=account,
                client=self.request.client.record,
                scope=scope,
                refreshing=scope,
                context=code["context"],
                sign_in={name: code[name] for name in ("auth_time", "factors", "nonce")},
            ),
        )
        # Whoever came second may have looked for tokens to end before there were any.
        self._end_if_replayed()
        return 200, answer, self.TOKEN_RESPONSE_HEADER

    def _end_if_replayed(self) -> None:
        code = codes.replayed(self._services, self._secret)
        if code is not None:
            Tokens.of(self._services).revoke_all("grant", code["grant"])

    @property
    def _services(self) -> Services:
        found: Services = self.server.services
        return found


def _is_verified(verifier: str, challenge: str) -> bool:
    if not _VERIFIER.fullmatch(verifier):
        return False
    return hmac.compare_digest(create_s256_code_challenge(verifier), challenge)
