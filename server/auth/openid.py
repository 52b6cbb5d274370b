"""OpenID Connect: who signed in, told to a client that was allowed to know.

The subject is the random id of the account, never a number that identifies a person.

Spec: https://openid.net/specs/openid-connect-core-1_0.html#IDToken,
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data
"""

from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from joserfc.errors import JoseError

from server.access.policy import Masks
from server.access.scopes import Scopes
from server.auth.keys import Keys
from server.services import Services
from server.store.shelf import Record

LIFE = timedelta(hours=1)
ONE_FACTOR, TWO_FACTORS = "urn:tongkang:acr:1", "urn:tongkang:acr:2"


def subject(account: Mapping[str, Any]) -> str:
    """Return the claim sub of an account."""
    return str(account["id"])


def claims(
    services: Services, account: Record, scope: Scopes, masks: Mapping[str, Masks]
) -> dict[str, Any]:
    """Return the claims about a person that `scope` lets be told.

    Where `masks`, by type, do not show the client names such as the person's, there is none.
    """
    found: dict[str, Any] = {"sub": subject(account)}
    person = account.get("person") or ""
    if "fhirUser" in scope and person:
        found["fhirUser"] = f"{services.interpreters.settings.base_url}/{person}"
    if "profile" in scope and "name" not in masks.get(person.partition("/")[0], Masks()).elements:
        found["name"] = account["name"]
    return found


def id_token(
    services: Services,
    client: str,
    said: Mapping[str, Any],
    sign_in: Mapping[str, Any],
    access_token: str,
) -> str:
    """Return the signed token that tells `client` the claims `said`, beside an access token.

    `sign_in` is when and how the person signed in: ``auth_time``, ``factors``, ``nonce``.
    """
    now = datetime.now(UTC)
    told: dict[str, Any] = {
        **said,
        "iss": services.interpreters.settings.root_url,
        "aud": client,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFE).timestamp()),
        "auth_time": int(sign_in["auth_time"].timestamp()),
        "at_hash": _half(access_token),
        **_ways(sign_in["factors"]),
    }
    if sign_in.get("nonce"):
        told["nonce"] = sign_in["nonce"]
    return Keys(services).sign(told)


def hinted(services: Services, token: str) -> dict[str, Any] | None:
    """Return the claims of an id_token of ours, also of one that has expired; None if it is not."""
    try:
        found = Keys(services).claims(token)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return found if found.get("iss") == services.interpreters.settings.root_url else None


def _ways(factors: Collection[str]) -> dict[str, Any]:
    """Return how the person proved who they are, as RFC 8176 names it."""
    if len(factors) > 1:
        return {"acr": TWO_FACTORS, "amr": [*factors, "mfa"]}
    return {"acr": ONE_FACTOR, "amr": list(factors)}


def _half(token: str) -> str:
    """Return the left half of the hash of `token`, as RS256 has it."""
    digest = sha256(token.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
