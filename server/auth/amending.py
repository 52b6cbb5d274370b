"""What a client changes about itself: what counts at once, and what waits for a review.

What it said last is kept beside what is in force: what an administrator granted may be less, and
what they reviewed may be older. To take an address or a key away counts at once. New keys
beside old ones wait while the old ones stay in force, so that keys change without downtime. Any
other change to what was reviewed ends the approval until it is reviewed again.

Spec: https://www.rfc-editor.org/rfc/rfc7592#section-2.2
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson

from server.store.shelf import Record

REVIEWED = (
    "name", "legal_name", "purpose", "scope", "redirect_uris", "post_logout_redirect_uris",
    "launch_uri", "jwks", "jwks_uri", "policy_uri", "retention_days", "grant_types", "auth_method",
)  # fmt: skip
"""What a client says of itself that people rely on."""
SAID = (*REVIEWED, "contacts", "client_uri", "logo_uri", "tos_uri", "kind")
"""All that a client says of itself."""
_LISTS = ("redirect_uris", "post_logout_redirect_uris")
Fields = Mapping[str, Any]


def begun(fields: Fields) -> dict[str, Any]:
    """Return the record of a client that says `fields` of itself and has not been reviewed."""
    return {**fields, "status": "pending", **_kept(fields)}


def changed(record: Record, fields: Fields) -> dict[str, Any]:
    """Return the values that the record of a client gets when it says `fields` of itself now.

    Their status, if there is one among them, is new.
    """
    before, now = said(record), _whole(fields)
    if now["scope"] == record.get("scope"):
        now["scope"] = before["scope"]  # what it was told is in force, and so no change
    different = {name for name in REVIEWED if now[name] != before[name]}
    if record["status"] != "approved":
        status = record["status"] if not different or record["status"] == "suspended" else "pending"
        return {**now, "status": status, **_kept(now)}
    harmless = {name for name in different if _is_less(record, now, name)}
    keys = _common(record, now)
    seen = {**(record.get("seen") or before), **{name: now[name] for name in harmless}}
    if different - harmless - {"jwks"} or ("jwks" in different - harmless and not keys["keys"]):
        return {**now, "status": "pending", "seen": seen, "is_waiting": False, **_kept(now)}
    values = {name: now[name] for name in SAID if name in harmless or name not in REVIEWED}
    if "jwks" in different:
        values["jwks"] = keys
    return {**values, "seen": seen, "is_waiting": seen["jwks"] != now["jwks"], **_kept(now)}


def approved(record: Record) -> dict[str, Any]:
    """Return the values that a record gets when all that its client says is approved."""
    now = said(record)
    return {**now, "seen": now, "is_waiting": False}


def waiting(record: Record) -> tuple[str, ...]:
    """Return the names of what a client has changed since it was reviewed."""
    before, now = record.get("seen"), said(record)
    return tuple(name for name in REVIEWED if before and now[name] != before.get(name))


def said(record: Record) -> dict[str, Any]:
    """Return what the client of `record` said of itself last; None is what it did not say."""
    return _whole(record.get("said") or record)


def mark(record: Record) -> str | None:
    """Return a mark of what the client said last, so that nothing else is approved."""
    found: str | None = record.get("mark")
    return found


def _kept(fields: Fields) -> dict[str, Any]:
    """Return what is kept of what a client said."""
    whole = _whole(fields)
    return {"said": whole, "mark": sha256(orjson.dumps(whole)).hexdigest()}


def _whole(fields: Fields) -> dict[str, Any]:
    whole = {name: fields.get(name) for name in SAID}
    lists = {name: list(whole[name] or ()) for name in (*_LISTS, "contacts")}
    return {**whole, **lists, "scope": whole["scope"] or ""}


def _is_less(record: Record, now: Fields, name: str) -> bool:
    """Tell whether `name` is now a part of what is in force, so that nothing is new."""
    if name == "jwks":
        return now[name] is not None and _common(record, now) == now[name]
    return name in _LISTS and set(now[name] or ()) <= set(record.get(name) or ())


def _common(record: Record, now: Fields) -> dict[str, Any]:
    """Return those keys of a client that are in force and stay."""
    known = (record.get("jwks") or {}).get("keys", ())
    return {"keys": [key for key in (now["jwks"] or {}).get("keys", ()) if key in known]}
