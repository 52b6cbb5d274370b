"""What the server itself keeps secret, encrypted before it is stored: keys, second factors.

The keys for it lie in a file and not in the database, so that a copy of the database tells none of
these secrets. Each line of the file is a key, 32 bytes in Base64: the first encrypts, all of them
decrypt. What is encrypted names its key, and is bound to the place where it is kept.

Spec: https://csrc.nist.gov/pubs/sp/800/38/d/final,
https://cheatsheetseries.owasp.org/cheatsheets/Cryptographic_Storage_Cheat_Sheet.html
"""

import logging
import os
from base64 import b64decode, b64encode
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes, token_hex

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from server.fhir.outcome import Unavailable
from server.settings import Settings
from server.store.mongod import CannotStart

_MARK = "aes-256-gcm"
_KEY_BYTES, _NONCE_BYTES, _ID_CHARACTERS = 32, 12, 16
_log = logging.getLogger("tongkang.store")


def check(settings: Settings) -> None:
    """Raise CannotStart if the keys of `settings` cannot be used; an open server needs none."""
    if settings.access == "oauth":
        Safe(settings).keys  # noqa: B018  # raises it


class Safe:
    """Encrypts and decrypts with the keys that `settings` name, which are read at first need.

    In development the file is made if there is none.
    """

    def __init__(self, settings: Settings) -> None:
        self._path = settings.secret_key_file
        self._may_make = settings.mode == "development"

    @cached_property
    def keys(self) -> dict[str, AESGCM]:
        """The keys by their ids, the one that encrypts first.

        Raises CannotStart if they cannot be read, or are none.
        """
        try:
            if self._may_make:
                _make(self._path)
            found = [b64decode(line, validate=True) for line in self._path.read_bytes().split()]
        except (OSError, ValueError) as error:
            raise CannotStart.because("secret-key-unreadable", path=self._path) from error
        if not found or any(len(key) != _KEY_BYTES for key in found):
            raise CannotStart.because("secret-key-unreadable", path=self._path)
        return {sha256(key).hexdigest()[:_ID_CHARACTERS]: AESGCM(key) for key in found}

    def closed(self, text: str, place: str) -> str:
        """Return `text` as it may be kept at `place`, such as ``_accounts/a``."""
        kept = self.closed_bytes(text.encode(), place)
        id, content = kept[:_ID_CHARACTERS].decode(), kept[_ID_CHARACTERS:]
        return f"{_MARK}:{id}:{b64encode(content).decode()}"

    def opened(self, kept: str, place: str) -> str:
        """Return the text that is kept at `place`; what was kept before there were keys is plain.

        Raises Unavailable if it was encrypted with a key that is not there, or elsewhere.
        """
        mark, _, rest = kept.partition(":")
        if mark != _MARK:
            return kept
        id, _, content = rest.partition(":")
        try:
            raw = b64decode(content)
        except ValueError as error:
            raise _unreadable(id) from error
        return self.opened_bytes(id.encode() + raw, place).decode()

    def closed_bytes(self, content: bytes, place: str) -> bytes:
        """Return `content` as it may be kept at `place`."""
        id, key = next(iter(self.keys.items()))
        nonce = token_bytes(_NONCE_BYTES)
        return id.encode() + nonce + key.encrypt(nonce, content, place.encode())

    def opened_bytes(self, kept: bytes, place: str) -> bytes:
        """Return what is kept at `place`.

        Raises Unavailable if it was encrypted with a key that is not there, or elsewhere.
        """
        id, rest = kept[:_ID_CHARACTERS].decode("ascii", "replace"), kept[_ID_CHARACTERS:]
        try:
            return self.keys[id].decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], place.encode())
        except (KeyError, InvalidTag, ValueError) as error:
            raise _unreadable(id) from error

    def is_current(self, kept: str) -> bool:
        """Tell whether `kept` is encrypted with the key that encrypts now."""
        return kept.startswith(f"{_MARK}:{next(iter(self.keys))}:")


def _unreadable(key: str) -> Unavailable:
    _log.error("what is kept secret cannot be decrypted", extra={"key": key})
    return Unavailable.because("secret-key-missing")


def _make(path: Path) -> None:
    """Make the file with a new key if there is none; of several processes one does."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}-{token_hex(8)}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(b64encode(token_bytes(_KEY_BYTES)) + b"\n")
    with suppress(FileExistsError):
        path.hardlink_to(new)
    new.unlink()
