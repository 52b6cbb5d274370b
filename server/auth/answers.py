"""The answer with tokens, the same for every way to them.

Spec: https://www.rfc-editor.org/rfc/rfc6749#section-5.1,
https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#response-5
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from server.access.scopes import REFRESHING, Scopes
from server.auth import launches, openid
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
    tokens, grant = Tokens.of(services), earned.grant
    left = int((grant["expires_at"] - datetime.now(UTC)).total_seconds())
    seconds = max(1, min(ACCESS_SECONDS, left))
    context = {**earned.context, "sign_in": dict(earned.sign_in)}
    issue = Issue(
        grant=grant["id"],
        client=grant["client"],
        account=grant["account"],
        scope=earned.scope.text,
        context=context,
    )
    access = tokens.access(issue, seconds)
    answer = {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": seconds,
        "scope": earned.scope.text,
        **launches.told(earned.context),
    }
    can_refresh = "refresh_token" in (earned.client.get("grant_types") or ())
    if can_refresh and any(word in earned.refreshing for word in REFRESHING):
        kept = Issue(
            grant=grant["id"],
            client=grant["client"],
            account=grant["account"],
            scope=earned.refreshing.text,
            context=context,
        )
        answer["refresh_token"] = tokens.refresh(kept, earned.family, max(1, left))
    if "openid" in earned.scope:
        answer["id_token"] = openid.id_token(services, earned.account, issue, access)
    return answer
