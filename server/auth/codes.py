"""Authorization codes: good for a minute, for one redemption; what remains is a tombstone.

It outlives the tokens that came of it, so that a code that comes again is known as one that was
stolen, and ends them.

Spec: https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1, https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from server.auth import shelves
from server.services import Services
from server.store.shelf import Record, digest

LIFE = timedelta(seconds=60)
_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What a code is for. `session` says how the person signed in: ``auth_time``, ``factors``."""

    grant: Record
    redirect_uri: str
    challenge: str
    nonce: str | None
    scope: str
    context: Mapping[str, Any]
    session: Mapping[str, Any]


def add(services: Services, code: Code) -> str:
    """Return a new code."""
    secret, now = token_urlsafe(_BYTES), datetime.now(UTC)
    record = {
        "grant": code.grant["id"],
        "client": code.grant["client"],
        "account": code.grant["account"],
        "redirect_uri": code.redirect_uri,
        "challenge": code.challenge,
        "nonce": code.nonce,
        "scope": code.scope,
        "context": dict(code.context),
        **code.session,
        "used": False,
        "replayed": False,
        "until": now + LIFE,
        "expires_at": code.grant["expires_at"] + LIFE,
    }
    services.store.shelf(shelves.CODES).add(digest(secret), record)
    return secret


def burn(services: Services, secret: str) -> Record | None:
    """Use a code up and return it; of several callers one gets it. None if it was not good.

    That it came again is noted, for whoever has it in hand just now.
    """
    shelf, name = services.store.shelf(shelves.CODES), digest(secret)
    found = shelf.change(name, {"used": True}, {"used": False})
    if found is None:
        shelf.change(name, {"replayed": True})
        return None
    return found if found["until"] > datetime.now(UTC) else None


def replayed(services: Services, secret: str) -> Record | None:
    """Return the code named `secret` if it came more than once."""
    return services.store.shelf(shelves.CODES).first({"_id": digest(secret), "replayed": True})
