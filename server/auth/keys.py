"""The keys that id tokens are signed with: in the database, encrypted, and changed in time.

A new key is published before it signs, and an old one for as long as what it signed is good. The
newest has no end: there is always one that signs, however long nobody signed in.

Spec: https://openid.net/specs/openid-connect-core-1_0.html#RotateSigningKeys
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from joserfc import jwt
from joserfc.jwk import RSAKey

from server.auth import shelves
from server.services import Services
from server.store.shelf import Record, Shelf, Taken, digest

ALGORITHM = "RS256"
_BITS = 2048
_SIGNS = timedelta(days=90)
_AHEAD = timedelta(days=1)
_STAYS = timedelta(days=90)
_FIRST = "first"


@dataclass(frozen=True, slots=True)
class Known:
    """One key: it signs from `since` until the next does, and is published until `until`.

    That is None as long as there is no next one.
    """

    id: str
    since: datetime
    until: datetime | None


class Keys:
    """The signing keys on the database of `services`."""

    def __init__(self, services: Services) -> None:
        self._shelf: Shelf = services.store.shelf(shelves.KEYS)
        self._safe = services.safe

    def published(self) -> dict[str, Any]:
        """Return the public keys as a JWK Set."""
        return {"keys": [self._public(record) for record in self._all()]}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return `claims` as a signed JWT."""
        record = self._signing()
        header = {"alg": ALGORITHM, "kid": record["id"], "typ": "JWT"}
        return jwt.encode(header, dict(claims), self._key(record), [ALGORITHM])

    def claims(self, token: str) -> dict[str, Any]:
        """Return the claims of an id token that was signed here.

        Raises JoseError or ValueError if it was not.
        """
        known = {record["id"]: self._key(record) for record in self._all()}

        def key(obj: Any) -> RSAKey:  # noqa: ANN401  # joserfc's guest
            found = known.get(obj.headers().get("kid"))
            if found is None:
                message = "There is no such key."
                raise ValueError(message)
            return found

        return dict(jwt.decode(token, key, [ALGORITHM]).claims)

    def known(self) -> list[Known]:
        """Return when each key signs, in the order in which they do."""
        ordered = sorted(self._all(), key=lambda record: record["signs_from"])
        return [Known(one["id"], one["signs_from"], one.get("expires_at")) for one in ordered]

    def rotate(self) -> None:
        """Publish a new key now, which signs from tomorrow on."""
        newest = max(self._all(), key=_since)
        signs_from = datetime.now(UTC) + _AHEAD
        # Of several processes that find out that it is time, one makes the key.
        self._add(digest(newest["id"])[:16], signs_from)
        self._shelf.change(newest["id"], {"expires_at": signs_from + _STAYS})

    def encrypt(self) -> None:
        """Encrypt with the key that does so now what is plain, or was encrypted with another."""
        for record in self._shelf.all({}):
            kept = record["key"]
            if not isinstance(kept, str) or not self._safe.is_current(kept):
                self._shelf.change(
                    record["id"], {"key": self._closed(record["id"], self._key(record))}
                )

    def _closed(self, id: str, key: RSAKey) -> str:
        return self._safe.closed(orjson.dumps(key.as_dict(private=True)).decode(), _place(id))

    def _key(self, record: Record) -> RSAKey:
        kept = record["key"]
        if isinstance(kept, str):
            kept = orjson.loads(self._safe.opened(kept, _place(record["id"])))
        return RSAKey.import_key(kept)

    def _public(self, record: Record) -> dict[str, Any]:
        key = self._key(record).as_dict(private=False)
        return {**key, "kid": record["id"], "use": "sig", "alg": ALGORITHM}

    def _all(self) -> list[Record]:
        found = self._shelf.all({})
        if not found:
            self._add(_FIRST, datetime.now(UTC))
            found = self._shelf.all({})
        return found

    def _signing(self) -> Record:
        known = sorted(self._all(), key=_since)
        # After the first key was made, which signs from that moment.
        now = datetime.now(UTC)
        if known[-1]["signs_from"] + _SIGNS - _AHEAD < now:
            self.rotate()
        return next((one for one in reversed(known) if one["signs_from"] <= now), known[0])

    def _add(self, id: str, signs_from: datetime) -> None:
        key = RSAKey.generate_key(_BITS, private=True)
        record = {
            "key": self._closed(id, key),
            "signs_from": signs_from,
            "created": datetime.now(UTC),
        }
        with suppress(Taken):  # another process was quicker
            self._shelf.add(id, record)


def _since(record: Record) -> datetime:
    found: datetime = record["signs_from"]
    return found


def _place(id: str) -> str:
    return f"{shelves.KEYS.name}/{id}"
