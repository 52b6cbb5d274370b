"""Tokens for trying out, without registration, sign-in or consent; never in production.

They are made of the same records as others, by the same code, so that they work and end as others
do.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_hex

from server.access import scopes
from server.access.scopes import Scopes
from server.auth import shelves
from server.auth.clients import approved
from server.auth.tokens import ACCESS_SECONDS, Issue, Tokens
from server.fhir.outcome import BadRequest, Forbidden, NotFound
from server.identity import shelves as identity
from server.services import Services

CLIENT = "development"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a token shall be for: its scope, and who stands behind it.

    `patient` is the id of the Patient in context. `role` makes it a member of staff of `division`.
    `client` is the id of the client that it is for, one for trying out if there is none.
    """

    scope: str
    patient: str | None = None
    role: str | None = None
    division: str | None = None
    client: str | None = None


def token(services: Services, wanted: Wanted) -> str:
    """Return a new access token.

    Raises Forbidden in production, BadRequest if the scope gives nothing, needs a patient, or is
    more than the client was approved for, NotFound if there is no such client.
    """
    if services.interpreters.settings.mode == "production":
        raise Forbidden.because("token-not-in-production")
    asked = scopes.parse(wanted.scope)
    levels = {scope.level for scope in asked.clinical}
    if asked.malformed or not levels or ("system" in levels and len(levels) > 1):
        raise BadRequest.because("scope-malformed")
    if "patient" in levels and wanted.patient is None:
        raise BadRequest.because("scope-needs-patient")
    account = None if "system" in levels else _account(services, wanted)
    client = _client(services, wanted, asked)
    grant = token_hex(16)
    services.store.shelf(shelves.GRANTS).add(grant, _grant(account, wanted, client))
    context = {} if wanted.patient is None else {"patient": wanted.patient}
    issue = Issue(grant=grant, client=client, account=account, scope=asked.text, context=context)
    return Tokens(services.store.shelf(shelves.TOKENS), lambda: None).access(issue)


def _grant(account: str | None, wanted: Wanted, client: str) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "client": client,
        "account": account,
        "patient": f"Patient/{wanted.patient}" if wanted.patient else None,
        "scope": wanted.scope,
        "labels": [],
        "is_sample": True,
        "status": "active",
        "created": now,
        "expires_at": now + timedelta(seconds=ACCESS_SECONDS),
    }


def _client(services: Services, wanted: Wanted, asked: Scopes) -> str:
    """Return the id of the client that a token is for."""
    if wanted.client is not None:
        found = approved(services, wanted.client)
        if found is None:
            raise NotFound.because("client-unknown")
        if not found.allowed.cover(asked):
            raise BadRequest.because("scope-beyond-client")
        return found.id
    record = {
        "name": "开发用令牌 Development token",
        "kind": "app",
        "status": "approved",
        "created": datetime.now(UTC),
        "redirect_uris": [],
        "grant_types": [],
        "auth_method": "none",
        "scope": "",
        "is_sample": True,
    }
    services.store.shelf(shelves.CLIENTS).put(CLIENT, record)
    return CLIENT


def _account(services: Services, wanted: Wanted) -> str:
    """Return the id of an account that nobody can sign in to."""
    id = f"development-{token_hex(8)}"
    whom = {"person": f"Patient/{wanted.patient}"} if wanted.patient else {}
    staff = {"role": wanted.role, "division": wanted.division} if wanted.role else {}
    record = {
        "kind": "staff" if wanted.role else "resident",
        "name": "开发用账号 Development account",
        "status": "active",
        "created": datetime.now(UTC),
        **(staff or whom),
    }
    services.store.shelf(identity.ACCOUNTS).add(id, record)
    return id
