"""The answer with tokens, the same for every way to them.

Spec: https://www.rfc-editor.org/rfc/rfc6749#section-5.1,
https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#response-5
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from server.access.scopes import REFRESHING, Scopes
from server.auth import launches, openid, rights
from server.auth.tokens import ACCESS_SECONDS, Issue, Tokens
from server.services import Services
from server.store.shelf import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """What tokens are for: an authorisation `grant` of `account`, whole or narrowed to `scope`.

    `refreshing` is the scope that the refresh token keeps, `family` the one that it replaces.
    `sign_in` says when and how the person signed in: ``auth_time``, ``factors``, ``nonce``.
    """

    grant: Record
    account: Record
    client: Record
    scope: Scopes
    refreshing: Scopes
    context: Mapping[str, Any]
    sign_in: Mapping[str, Any]
    family: str | None = None


def issued(services: Services, earned: Earned) -> dict[str, Any]:
    """Return the members of the answer, with new tokens."""
    tokens, scope = Tokens.of(services), earned.scope
    left = int((earned.grant["expires_at"] - datetime.now(UTC)).total_seconds())
    seconds = max(1, min(ACCESS_SECONDS, left))
    said = _claims(services, earned) if "openid" in scope else {}
    access = tokens.access(_issue(earned, scope, said), seconds)
    answer = {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": seconds,
        "scope": scope.text,
        **launches.told(earned.context),
    }
    can_refresh = "refresh_token" in (earned.client.get("grant_types") or ())
    if can_refresh and any(word in earned.refreshing for word in REFRESHING):
        kept = _issue(earned, earned.refreshing, said)
        answer["refresh_token"] = tokens.refresh(kept, earned.family, max(1, left))
    if said:
        client = earned.client["id"]
        answer["id_token"] = openid.id_token(services, client, said, earned.sign_in, access)
    return answer


def _claims(services: Services, earned: Earned) -> dict[str, Any]:
    return openid.claims(services, earned.account, earned.scope, rights.masks(earned.client))


def _issue(earned: Earned, scope: Scopes, claims: Mapping[str, Any]) -> Issue:
    return Issue(
        grant=earned.grant["id"],
        client=earned.grant["client"],
        account=earned.grant["account"],
        scope=scope.text,
        context=earned.context,
        sign_in=earned.sign_in,
        claims=claims,
    )
