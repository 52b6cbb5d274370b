"""Launches from within an EMR: what an app is told about where it was opened.

A launch is for one app and one member of staff, is good for five minutes and used once.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from authlib.oauth2.rfc6749.errors import InvalidRequestError

from server.auth import shelves
from server.services import Services
from server.store.shelf import Record, digest

LIFE = timedelta(minutes=5)
PARAMETERS = (
    "patient",
    "encounter",
    "fhirContext",
    "need_patient_banner",
    "smart_style_url",
    "intent",
    "tenant",
)
"""What of a context a token answer tells, by the names that SMART gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A launch of the app `client` for the person of `account`; `context` is what it is told."""

    client: str
    account: str
    context: Mapping[str, Any] = field(default_factory=dict)


def add(services: Services, launch: Launch) -> str:
    """Return the value of the parameter ``launch``."""
    secret, now = token_urlsafe(32), datetime.now(UTC)
    record = {
        "client": launch.client,
        "account": launch.account,
        "context": dict(launch.context),
        "created": now,
        "expires_at": now + LIFE,
    }
    services.store.shelf(shelves.LAUNCHES).add(digest(secret), record)
    return secret


def taken(services: Services, secret: str, client: str) -> Record:
    """Return the launch that `secret` names, which is used up now.

    Raises InvalidRequestError if there is none, not any more, or if it is another client's.
    """
    shelf = services.store.shelf(shelves.LAUNCHES)
    name = digest(secret)
    found = shelf.find(name)
    if found is None or found["client"] != client or shelf.take(name) is None:
        raise InvalidRequestError("launch is not known, or was used.")
    return found


def told(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of `context` stands in the answers with tokens."""
    return {name: context[name] for name in PARAMETERS if name in context}
