"""A request for authorization: what makes it a good one, and what it asks for.

While it is unknown whose request it is, and where its answer may go, what is wrong is said to the
person on a page; after that to the client, by redirection.

Spec: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1, https://www.rfc-editor.org/rfc/rfc7636#section-4.3
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import (
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
    UnsupportedResponseTypeError,
)

from server.access import scopes
from server.access.scopes import Scopes
from server.auth import clients, launches, redirects, shelves
from server.auth.parameters import Parameters, is_text
from server.fhir.outcome import BadRequest
from server.services import Services
from server.store.shelf import Record

PROMPTS = frozenset({"none", "login", "consent", "select_account"})
_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_SECONDS = re.compile(r"[0-9]{1,9}")
_TEXTS = ("scope", "aud", "resource", "launch", "nonce", "prompt", "display", "login_hint")
_LONGEST = 16_000


class Redirected(Exception):
    """An error that the client is told of, by redirection to `address`."""

    def __init__(self, address: str, state: str | None, error: OAuth2Error) -> None:
        super().__init__(error.error)
        self.address, self.state, self.error = address, state, error

    def location(self, issuer: str) -> str:
        """Return where the browser is sent."""
        told = [("error", str(self.error.error))]
        if self.error.description:
            told.append(("error_description", self.error.description))
        if self.state is not None:
            told.append(("state", unquote(self.state, errors="surrogateescape")))
        return redirects.extended(self.address, [*told, ("iss", issuer)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A good request. `state` is kept percent-encoded, for it may be any bytes.

    `prompts` is as OpenID Connect has it, `max_age` in seconds; `launch` names a launch context.
    """

    client: Record
    redirect_uri: str
    state: str
    scope: Scopes
    challenge: str
    nonce: str | None = None
    prompts: frozenset[str] = frozenset()
    max_age: int | None = None
    launch: str | None = None


def asked(services: Services, given: Parameters, *, is_pushed: bool = False) -> Asked:
    """Return what is asked for with the parameters `given`, which a client may have pushed before.

    Raises BadRequest if it is unknown whom to tell what is wrong, Redirected if not.
    """
    client, address = _whom(services, given)
    state = given.get("state")
    encoded = None if state is None else quote(state, safe="", errors="surrogateescape")
    try:
        _check_form(given, client, is_pushed=is_pushed)
        if encoded is None:
            raise InvalidRequestError("state is missing.")
        _check_audience(services, given)
        return Asked(
            client=client,
            redirect_uri=address,
            state=encoded,
            scope=_scope(services, client, given),
            challenge=_challenge(given),
            nonce=given.get("nonce"),
            prompts=_prompts(given),
            max_age=_max_age(given),
            launch=given.get("launch"),
        )
    except OAuth2Error as error:
        raise Redirected(address, encoded, error) from error


def grantable(services: Services, client: Record, wanted: Scopes) -> Scopes:
    """Return what of `wanted` can be granted to `client` now."""
    allowed = wanted.within(scopes.parse(client.get("scope") or ""))
    known = services.interpreters.types
    return Scopes(
        tuple(
            one
            for one in allowed.clinical
            if one.level != "system" and (one.type == "*" or one.type in known)
        ),
        tuple(
            word
            for word in allowed.words
            if word not in ("fhirUser", "profile") or "openid" in allowed
        ),
    )


def launched(services: Services, request: Asked) -> Record | None:
    """Return the launch that a request names, which is used up now; None if it names none.

    Raises Redirected if it is not good.
    """
    if request.launch is None:
        return None
    try:
        found = launches.taken(services, request.launch, request.client["id"])
    except OAuth2Error as error:
        raise Redirected(request.redirect_uri, request.state, error) from error
    return {"account": found["account"], "context": found["context"]}


def _whom(services: Services, given: Parameters) -> tuple[Record, str]:
    """Return the client and the address that its answer goes to."""
    client_id, address = given.get("client_id"), given.get("redirect_uri")
    if client_id is None or not _CLIENT_ID.fullmatch(client_id):
        raise BadRequest.because("authorize-client")
    client = services.store.shelf(shelves.CLIENTS).find(client_id)
    if not clients.counts(client, services):
        raise BadRequest.because("authorize-client")
    if address is None or not redirects.is_registered(address, client.get("redirect_uris") or ()):
        raise BadRequest.because("authorize-redirect")
    return client, address


def _check_form(given: Parameters, client: Record, *, is_pushed: bool) -> None:
    """Raise an error unless the request is whole and of the one kind that there is."""
    if given.repeated or given.is_split:
        raise InvalidRequestError("A parameter is repeated, or they come from two places.")
    for name in _TEXTS:
        value = given.get(name)
        if value is not None and not (is_text(value) and len(value) <= _LONGEST):
            raise InvalidRequestError(f"{name} is malformed.")
    if given.get("request") is not None:
        raise OAuth2Error(error="request_not_supported")
    if given.get("request_uri") is not None:
        raise OAuth2Error(error="request_uri_not_supported")
    if client.get("require_pushed") and not is_pushed:
        raise InvalidRequestError("This client has to push its requests.")
    if given.get("response_type") is None:
        raise InvalidRequestError("response_type is missing.")
    if given.get("response_type") != "code":
        # Not with the type in its text, which Authlib would refuse to say.
        error = UnsupportedResponseTypeError("code")
        error.description = "The response type is code."
        raise error
    if given.get("response_mode") not in (None, "query"):
        raise InvalidRequestError("response_mode is query.")


def _check_audience(services: Services, given: Parameters) -> None:
    base = services.interpreters.settings.base_url
    named = [one for one in (given.get("aud"), given.get("resource")) if one is not None]
    if not named or any(one.removesuffix("/") != base for one in named):
        raise InvalidRequestError("aud is not the FHIR base of this server.")


def _challenge(given: Parameters) -> str:
    challenge = given.get("code_challenge")
    if challenge is None or given.get("code_challenge_method") != "S256":
        raise InvalidRequestError("code_challenge with the method S256 is needed.")
    if not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequestError("code_challenge is malformed.")
    return challenge


def _scope(services: Services, client: Record, given: Parameters) -> Scopes:
    """Return what of the scope can be granted to `client`; more than that is never asked for."""
    if "authorization_code" not in (client.get("grant_types") or ()):
        raise UnauthorizedClientError
    found = grantable(services, client, scopes.read(given.get("scope") or ""))
    launch = given.get("launch")
    if ("launch" in found) != (launch is not None):
        raise InvalidRequestError("launch and the scope launch go together.")
    if not found.clinical and "openid" not in found:
        raise InvalidScopeError("Nothing that was asked for can be granted.")
    return found


def _prompts(given: Parameters) -> frozenset[str]:
    found = frozenset((given.get("prompt") or "").split())
    if not found <= PROMPTS or ("none" in found and len(found) > 1):
        raise InvalidRequestError("prompt is malformed.")
    return found


def _max_age(given: Parameters) -> int | None:
    text = given.get("max_age")
    if text is None:
        return None
    if not _SECONDS.fullmatch(text):
        raise InvalidRequestError("max_age is malformed.")
    return int(text)
