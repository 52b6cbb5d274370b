"""Ids of what rows come to, which are the same whenever a row is read again.

They are made of who somebody is, so a key of the database goes into them: nobody can tell whose
number one was made of.

Spec: https://www.rfc-editor.org/rfc/rfc9562#section-5.5
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID


@dataclass(frozen=True, slots=True)
class StableIds:
    """Makes ids by a secret `key`."""

    key: bytes

    def of(self, *parts: str) -> str:
        """Return the id that `parts`, in their order, always have."""
        told = "\0".join(parts).encode("utf-8", "surrogatepass")
        digest = hmac.digest(self.key, told, sha256)
        return str(UUID(bytes=digest[:16], version=5))
