"""What a client changes about itself: what counts at once, and what waits for a review.

What it said last is kept beside what is in force: what an administrator granted may be less, and
what they looked at may be older. To take an address or a key away, or to ask for less trust, counts
at once. New keys beside old ones wait while the old ones stay in force, so that keys change without
a break. Any other change to what people rely on ends the approval until it is looked at again.

Spec: https://www.rfc-editor.org/rfc/rfc7592#section-2.2
"""

from collections.abc import Mapping
from typing import Any

from server.store.shelf import Record

REVIEWED = (
    "name", "legal_name", "purpose", "scope", "redirect_uris", "post_logout_redirect_uris",
    "launch_uri", "jwks", "jwks_uri", "policy_uri", "retention_days", "grant_types", "auth_method",
    "require_pushed",
)  # fmt: skip
"""What a client says of itself that people rely on."""
SAID = (*REVIEWED, "contacts", "client_uri", "logo_uri", "tos_uri", "kind", "signing_alg")
"""All that a client says of itself."""
_LISTS = ("redirect_uris", "post_logout_redirect_uris")
_GRANTED = ("scope", "purpose", "require_pushed")
"""What an administrator may put otherwise than the client did."""
Fields = Mapping[str, Any]


def begun(fields: Fields) -> dict[str, Any]:
    """Return the record of a client that says `fields` of itself and has not been looked at."""
    return {**fields, "said": _whole(fields)}


def changed(record: Record, fields: Fields) -> dict[str, Any]:
    """Return the values that the record of a client gets when it says `fields` of itself now."""
    before, now = said(record), _whole(fields)
    if now["scope"] == record.get("scope"):
        now["scope"] = before["scope"]  # what it was told is in force, and so no change
    values = {**now, "said": now, "proposed": None, "is_waiting": False}
    if record["status"] != "approved":
        # Who was suspended stays so until somebody lifts it.
        is_other = any(now[name] != before[name] for name in REVIEWED)
        again = is_other and record["status"] != "suspended"
        return {**values, "status": "pending" if again else record["status"]}
    return {**values, **_in_force(record, now, _whole(record.get("seen") or before))}


def approved(record: Record) -> dict[str, Any]:
    """Return the values that a record gets when what its client says of itself is approved."""
    now = said(record)
    in_force = {name: value for name, value in now.items() if name not in _GRANTED}
    return {**in_force, "seen": now, "proposed": None, "is_waiting": False}


def waiting(record: Record) -> tuple[str, ...]:
    """Return the names of what a client has changed since it was looked at."""
    if not record.get("seen"):
        return ()
    before, now = _whole(record["seen"]), said(record)
    return tuple(name for name in REVIEWED if now[name] != before[name])


def said(record: Record) -> dict[str, Any]:
    """Return what the client of `record` said of itself last; None is what it did not say."""
    return _whole(record.get("said") or record)


def _whole(fields: Fields) -> dict[str, Any]:
    whole = {name: fields.get(name) for name in SAID}
    lists = {name: list(whole[name] or ()) for name in (*_LISTS, "contacts")}
    said = {"scope": whole["scope"] or "", "require_pushed": bool(whole["require_pushed"])}
    return {**whole, **lists, **said}


def _in_force(record: Record, now: Fields, seen: Fields) -> dict[str, Any]:
    """Return what becomes of an approved client of which `seen` was looked at last.

    It is compared with that, not with what was said last, which may be waiting still.
    """
    different = {name for name in REVIEWED if now[name] != seen[name]}
    harmless = {name for name in different if _is_less(record, now, name)}
    keys, heavy = _common(record, now), different - harmless
    values: dict[str, Any] = {"seen": {**seen, **{name: now[name] for name in harmless}}}
    if heavy - {"jwks"} or (heavy and not keys["keys"]):
        return {**values, "status": "pending"}
    values |= {name: record.get(name) for name in _GRANTED}
    values["require_pushed"] = values["require_pushed"] or now["require_pushed"]
    if heavy:
        values["seen"]["jwks"] = keys
        values |= {"jwks": keys, "proposed": {"jwks": now["jwks"]}, "is_waiting": True}
    return values


def _is_less(record: Record, now: Fields, name: str) -> bool:
    """Tell whether `name` is now a part of what is in force, so that nothing is new."""
    if name == "require_pushed":
        return bool(now[name])
    if name == "jwks":
        return bool(now[name]) and _common(record, now) == now[name]
    return name in _LISTS and set(now[name]) <= set(record.get(name) or ())


def _common(record: Record, now: Fields) -> dict[str, Any]:
    """Return those keys of a client that are in force and stay."""
    known = (record.get("jwks") or {}).get("keys", ())
    return {"keys": [key for key in (now["jwks"] or {}).get("keys", ()) if key in known]}
