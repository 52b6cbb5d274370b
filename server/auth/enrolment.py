"""What a client says of itself, kept: new, changed, and removed.

A client that is new waits for approval. So does one that changes what a code, a signature or a
person's consent depends on, see `amending`.

Spec: https://www.rfc-editor.org/rfc/rfc7591#section-2, https://www.rfc-editor.org/rfc/rfc7592
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from secrets import token_hex, token_urlsafe
from typing import Any

from server.access import scopes
from server.auth import amending, clients, consents, shelves
from server.auth.tokens import Tokens
from server.fhir.outcome import Conflict
from server.identity import passwords
from server.records.client_registration import Faulty
from server.services import Services
from server.store.shelf import Record, digest

PENDING = "pending"
_SECRET = "client_secret_basic"  # noqa: S105  # the name of a method


def add(
    services: Services, metadata: Mapping[str, Any], by: str | None = None
) -> tuple[Record, dict[str, str]]:
    """Register a client that waits for approval; return its record, and what only it may know.

    That is ``registration_access_token``, and ``client_secret`` if it has one. `by` is the id of
    the account that registers it, if it is known. Raises Faulty if it asks for scopes that there
    are not, or that only a system has.
    """
    client_id, told = token_hex(16), {"registration_access_token": token_urlsafe(32)}
    fields = amending.begun(_fields(metadata))
    if by is not None:
        fields["registered_by"] = by
    if fields["auth_method"] == _SECRET:
        told["client_secret"] = token_urlsafe(32)
        fields["secret"] = passwords.hashed(told["client_secret"])
    record = {
        **fields,
        "revision": token_hex(8),
        "registration_token": digest(told["registration_access_token"]),
        "status": PENDING,
        "created": datetime.now(UTC),
    }
    services.store.shelf(shelves.CLIENTS).add(client_id, record)
    return {"id": client_id, **record}, told


def change(services: Services, record: Record, metadata: Mapping[str, Any]) -> Record:
    """Have a client say something else of itself; return its record as it is then.

    Raises Faulty as `add` does, Conflict if it was changed or reviewed at the same time.
    """
    fields = _fields(metadata)
    if fields["auth_method"] != record["auth_method"] or fields["kind"] != record["kind"]:
        raise Faulty("invalid_client_metadata", "token_endpoint_auth_method")
    values = {**amending.changed(record, fields), "revision": token_hex(8)}
    seen = {"revision": record.get("revision"), "status": record["status"]}
    changed = services.store.shelf(shelves.CLIENTS).change(record["id"], values, seen)
    if changed is None:
        raise Conflict.because("client-changed")
    if changed["status"] != record["status"]:
        silence(services, record["id"])
    elif changed["redirect_uris"] != record.get("redirect_uris"):
        _forget_requests(services, record["id"])
    return changed


def remove(services: Services, record: Record) -> None:
    """Have a client remove itself and all that it was granted."""
    services.store.shelf(shelves.CLIENTS).take(record["id"])
    silence(services, record["id"])
    consents.withdraw_client(services, record["id"], clients.itself(record))


def silence(services: Services, client_id: str) -> None:
    """Have every token, code, launch and request of a client end now."""
    _forget_requests(services, client_id)
    Tokens.of(services).revoke_all("client", client_id)


def _forget_requests(services: Services, client_id: str) -> None:
    """Have all end that could become a token of a client yet; of codes the tombstones stay."""
    services.store.shelf(shelves.CODES).remove({"client": client_id, "used": False})
    for layout in (shelves.PUSHED, shelves.PENDING, shelves.LAUNCHES):
        services.store.shelf(layout).remove({"client": client_id})


def _fields(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a client says of itself as its record has it."""
    kept = dict(metadata)
    kept.pop("response_types", None)
    is_system = "client_credentials" in metadata["grant_types"]
    asked = scopes.parse(metadata["scope"])
    levels = {scope.level for scope in asked.clinical}
    if asked.malformed or levels & ({"patient", "user"} if is_system else {"system"}):
        raise Faulty("invalid_client_metadata", "scope", {"scope": "scope"})
    kept["name"] = kept.pop("client_name")
    kept["require_pushed"] = kept.pop("require_pushed_authorization_requests")
    kept["auth_method"] = kept.pop("token_endpoint_auth_method")
    if "token_endpoint_auth_signing_alg" in kept:
        kept["signing_alg"] = kept.pop("token_endpoint_auth_signing_alg")
    kept["kind"] = "backend" if is_system else "app"
    if "purpose" in kept:
        kept["purpose"] = {"zh": kept["purpose"], "en": kept["purpose"]}
    return kept
