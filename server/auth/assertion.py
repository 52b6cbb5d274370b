"""Client authentication by a signed assertion: ``private_key_jwt``.

Spec: https://www.rfc-editor.org/rfc/rfc7523,
https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeGuard

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from server.auth import shelves
from server.auth.clients import Client
from server.auth.jwks import Fetcher, Jwks, Unreachable
from server.services import Services
from server.store.shelf import Taken, digest

METHOD = "private_key_jwt"
ALGORITHMS: Mapping[str, tuple[str, type[RSAKey] | type[ECKey]]] = {
    "RS384": ("RSA", RSAKey),
    "ES384": ("EC", ECKey),
}
LONGEST_SECONDS = 300
_SKEW = 60
_LARGEST = 8192


class Assertions:
    """The client authentication method of one process, as Authlib calls it."""

    def __init__(self, services: Services, audiences: tuple[str, ...], fetcher: Fetcher) -> None:
        self._services = services
        self._audiences = audiences
        self._fetcher = fetcher

    def __call__(self, query_client: Any, request: Any) -> Client | None:  # noqa: ANN401  # Authlib's
        """Return the client whose assertion `request` carries, None if there is none.

        Raises InvalidClientError if it does not show who the client is.
        """
        if request.form.get("client_assertion") is None:
            return None
        # One object for each request, for it holds what the request says.
        return _Assertion(self._services, self._audiences, self._fetcher)(query_client, request)


class _Assertion(JWTBearerClientAssertion):  # type: ignore[misc]  # Authlib has no types
    CLIENT_AUTH_METHOD = METHOD

    def __init__(self, services: Services, audiences: tuple[str, ...], fetcher: Fetcher) -> None:
        super().__init__(leeway=_SKEW)
        self._services = services
        self._audiences = audiences
        self._fetcher = fetcher

    def __call__(self, query_client: Any, request: Any) -> Client:  # noqa: ANN401  # Authlib's
        form = request.form
        assertion = form.get("client_assertion", "")
        if form.get("client_assertion_type") != self.CLIENT_ASSERTION_TYPE:
            _refuse("client_assertion_type")
        if len(assertion) > _LARGEST or not assertion.isascii():
            _refuse("client_assertion")
        headers, claims = self.extract_assertion(assertion)
        client = query_client(claims["sub"]) if isinstance(claims.get("sub"), str) else None
        if client is None or not client.check_endpoint_auth_method(METHOD, "token"):
            _refuse("sub")
        if form.get("client_id", client.id) != client.id:
            _refuse("client_id")
        self._verify(assertion, self._key(client, headers), headers["alg"], client.id)
        found: Client = client
        return found

    def _key(self, client: Client, headers: Mapping[str, Any]) -> RSAKey | ECKey:
        """Return the one key of `client` that `headers` name."""
        algorithm = str(headers.get("alg"))
        if algorithm not in ALGORITHMS or headers.get("typ", "JWT") != "JWT" or "crit" in headers:
            _refuse("header")
        if client.record.get("signing_alg") not in (None, algorithm):
            _refuse("alg")
        if "jku" in headers and headers["jku"] != client.record.get("jwks_uri"):
            _refuse("jku")
        kind, make = ALGORITHMS[algorithm]
        if not isinstance(headers.get("kid"), str):
            _refuse("kid")
        found = self._named(client, kind, headers["kid"])
        if len(found) != 1:
            _refuse("kid")
        try:
            return make.import_key({name: one for name, one in found[0].items() if name != "d"})
        except (JoseError, ValueError, TypeError, KeyError):
            _refuse("key")

    def _named(self, client: Client, kind: str, kid: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401  # any JSON
        """Return the keys of `client` of this kind and name; fetched anew if there is none."""
        found: list[Mapping[str, Any]] = []
        for anew in (False, True):
            keys = self._jwks(client, anew=anew)["keys"]
            found = [
                key
                for key in keys
                if isinstance(key, dict) and key.get("kty") == kind and key.get("kid") == kid
            ]
            if found:
                break
        return found

    def _jwks(self, client: Client, *, anew: bool) -> Jwks:
        url = client.record.get("jwks_uri")
        if url is None:
            return client.record.get("jwks") or {"keys": []}
        try:
            return self._fetcher.keys(url, anew=anew)
        except Unreachable:
            _refuse("jwks_uri")

    def _verify(self, assertion: str, key: RSAKey | ECKey, algorithm: str, client_id: str) -> None:
        try:
            claims = jwt.decode(assertion, key, [algorithm]).claims
        except (JoseError, ValueError, TypeError):
            _refuse("signature")
        now = time.time()
        expires, jti = claims.get("exp"), claims.get("jti")
        if not _is_number(expires):
            _refuse("exp")
        if claims.get("iss") != client_id or claims.get("aud") not in self._audiences:
            _refuse("iss or aud")
        if not now - _SKEW < expires <= now + LONGEST_SECONDS + _SKEW:
            _refuse("exp")
        for name in ("nbf", "iat"):
            if name in claims and not (_is_number(claims[name]) and claims[name] <= now + _SKEW):
                _refuse(name)
        if not isinstance(jti, str) or not jti:
            _refuse("jti")
        self._use(client_id, jti, expires)

    def _use(self, client_id: str, jti: str, expires: float) -> None:
        """Note that an assertion was used. Raises InvalidClientError if it was before."""
        name = digest(f"{client_id}\0{jti}")
        until = datetime.fromtimestamp(expires, UTC) + timedelta(seconds=2 * _SKEW)
        try:
            self._services.store.shelf(shelves.ASSERTIONS).add(name, {"expires_at": until})
        except Taken:
            _refuse("jti")


def _is_number(value: Any) -> TypeGuard[float]:  # noqa: ANN401  # any JSON
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refuse(what: str) -> NoReturn:
    raise InvalidClientError(description=f"The assertion is not good: {what}.")
