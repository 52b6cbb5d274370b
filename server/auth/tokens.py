"""Opaque tokens: random, kept only as a hash, revoked everywhere at once.

A record has: kind (access, refresh, delegated), grant, client, account, scope, context, issued,
expires_at; a refresh token also `family`, the chain of those that replaced one another, and `used`;
what was delegated has the id of its `parent`.

Spec: https://www.rfc-editor.org/rfc/rfc6749#section-1.4, https://www.rfc-editor.org/rfc/rfc9700
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_hex, token_urlsafe
from typing import Any, Literal, Self

from server.auth import shelves
from server.services import Services
from server.store.shelf import Plain, Record, Shelf, digest

ACCESS_SECONDS = 3600
BACKEND_SECONDS = 300
REFRESH_SECONDS = 180 * 24 * 3600
_BYTES = 32
Kind = Literal["access", "refresh"]
DELEGATED = "delegated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What a token is for. `context` is the launch context, such as ``{"patient": "a"}``.

    `sign_in` tells how the person signed in, `claims` what an id token beside it says of them.
    """

    grant: str
    client: str
    account: str | None
    scope: str
    context: Mapping[str, Any]
    sign_in: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)


class Tokens:
    """The tokens on `shelf`; `bump` tells every process that one was revoked."""

    def __init__(self, shelf: Shelf, bump: Callable[[], object]) -> None:
        self._shelf = shelf
        self._bump = bump

    @classmethod
    def of(cls, services: Services) -> Self:
        """Return the tokens on the database of `services`."""
        return cls(services.store.shelf(shelves.TOKENS), services.trail.bump)

    def access(self, issue: Issue, seconds: int = ACCESS_SECONDS) -> str:
        """Return a new access token that is good for `seconds`."""
        return self._add("access", issue, seconds, {})

    def refresh(
        self, issue: Issue, family: str | None = None, seconds: int = REFRESH_SECONDS
    ) -> str:
        """Return a new refresh token, of a new family unless it replaces one of `family`."""
        more = {"family": family or token_urlsafe(_BYTES), "used": False}
        return self._add("refresh", issue, seconds, more)

    def find(self, token: str) -> Record | None:
        """Return the record of `token`; None if there is none, or not any more."""
        return self._shelf.find(digest(token))

    def use(self, token: str) -> Record | None:
        """Mark a refresh token as used and return it; of several callers one gets it."""
        unused: dict[str, Plain] = {"kind": "refresh", "used": False}
        return self._shelf.change(digest(token), {"used": True}, unused)

    def delegate(self, token: str, ends: datetime) -> Record | None:
        """Return a new record with the rights of an access token, None if it is not good.

        Nobody can present it, and it ends with that token if that is revoked, but not if it only
        expires.
        """
        parent = digest(token)
        found = self._shelf.find(parent)
        if found is None or found["kind"] != "access":
            return None
        id = f"{DELEGATED}:{token_hex(_BYTES)}"
        record = {name: value for name, value in found.items() if name != "id"}
        record |= {"kind": DELEGATED, "parent": parent, "expires_at": ends}
        self._shelf.add(id, record)
        if self._shelf.find(parent) is None:  # revoked meanwhile
            self._shelf.take(id)
            return None
        return {"id": id, **record}

    def revoke(self, token: str) -> None:
        """Revoke one token, and what was delegated by it."""
        self._shelf.take(digest(token))
        self._shelf.remove({"parent": digest(token)})
        self._bump()

    def revoke_all(self, field: Literal["grant", "client", "account", "family"], id: str) -> None:
        """Revoke every token of a grant, a client, an account or a family."""
        self._shelf.remove({field: id})
        self._bump()

    def _add(self, kind: Kind, issue: Issue, seconds: int, more: Mapping[str, Any]) -> str:
        token = token_urlsafe(_BYTES)
        now = datetime.now(UTC)
        record = {
            "kind": kind,
            "grant": issue.grant,
            "client": issue.client,
            "account": issue.account,
            "scope": issue.scope,
            "context": dict(issue.context),
            "sign_in": dict(issue.sign_in),
            "claims": dict(issue.claims),
            "issued": now,
            "expires_at": now + timedelta(seconds=seconds),
            **more,
        }
        self._shelf.add(digest(token), record)
        return token
