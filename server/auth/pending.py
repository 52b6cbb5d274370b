"""Requests for authorization that wait for a person to sign in and decide.

Each has a name of its own, so that tabs do not mix, and belongs to the browser it was made in. It
is answered once, and only while its client and the address of its answer count.

Spec: https://www.rfc-editor.org/rfc/rfc9700#section-4.7
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from server.auth import clients, redirects, shelves
from server.auth.authorization import Asked
from server.fhir.outcome import Forbidden
from server.services import Services
from server.store.shelf import Record, digest

LIFE = timedelta(minutes=20)
_BYTES = 32


def add(
    services: Services, asked: Asked, browser: str | None, launch: Mapping[str, Any] | None
) -> str:
    """Keep a request of `browser`, made with the context `launch`; return its name.

    If the browser did not say which it is, the request is of the one that opens it first.
    """
    id, now = token_urlsafe(_BYTES), datetime.now(UTC)
    record = {
        "browser": None if browser is None else digest(browser),
        "client": asked.client["id"],
        "redirect_uri": asked.redirect_uri,
        "state": asked.state,
        "scope": asked.scope.text,
        "challenge": asked.challenge,
        "nonce": asked.nonce,
        "prompts": sorted(asked.prompts),
        "max_age": asked.max_age,
        "launch": None if launch is None else dict(launch),
        "patient": None,
        "created": now,
        "expires_at": now + LIFE,
    }
    services.store.shelf(shelves.PENDING).add(id, record)
    return id


def of(services: Services, id: str, browser: str) -> Record:
    """Return the request named `id`.

    Raises Forbidden if it is not of `browser`, is answered, or has no client any more.
    """
    shelf, name = services.store.shelf(shelves.PENDING), digest(browser)
    found = shelf.change(id, {"browser": name}, {"browser": None}) or shelf.find(id)
    if found is None or found["browser"] != name:
        raise Forbidden.because("consent-unknown")
    client_of(services, found)
    return found


def client_of(services: Services, pending: Record) -> Record:
    """Return the client of a request.

    Raises Forbidden if it does not count any more, or has taken away where the answer goes.
    """
    client = services.store.shelf(shelves.CLIENTS).find(pending["client"])
    if not clients.counts(client, services) or not redirects.is_registered(
        pending["redirect_uri"], client.get("redirect_uris") or ()
    ):
        raise Forbidden.because("consent-unknown")
    return client


def choose_patient(services: Services, pending: Record, patient: str | None) -> Record:
    """Return the request with the patient (``Patient/a``) that a member of staff looked up."""
    shelf = services.store.shelf(shelves.PENDING)
    found = shelf.change(pending["id"], {"patient": patient})
    if found is None:
        raise Forbidden.because("consent-unknown")
    return found


def answer(services: Services, pending: Record) -> None:
    """Take the request away, for it is answered. Raises Forbidden if somebody was faster."""
    if services.store.shelf(shelves.PENDING).take(pending["id"]) is None:
        raise Forbidden.because("consent-unknown")
