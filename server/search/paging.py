"""Pages that neither repeat nor miss: a cursor names the last row, not a number of rows.

The cursor is sealed, bound to its query and expires, so that it tells nothing,
and can neither be made up nor carried over to another question.
"""

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken

from server.fhir.outcome import BadRequest, Gone

PARAMETER = "_cursor"
_LIFETIME_SECONDS = 24 * 3600
Sort = Sequence[tuple[str, int]]


class Cursors:
    """Makes and reads cursors sealed with what `secret` returns, the same for all servers."""

    def __init__(self, secret: Callable[[], bytes]) -> None:
        self._secret = secret

    @cached_property
    def _seal(self) -> Fernet:
        return Fernet(urlsafe_b64encode(self._secret()))

    def make(self, question: str, values: Sequence[Any]) -> str:
        """Return the cursor behind the row with sort `values` in the answer to `question`."""
        sealed = self._seal.encrypt(orjson.dumps([_digest(question), *values]))
        return sealed.decode().rstrip("=")

    def read(self, question: str, cursor: str) -> list[Any]:
        """Return the sort values in `cursor`.

        Raises Gone if it has expired, BadRequest if it was not made here for `question`.
        """
        try:
            sealed = cursor + "=" * (-len(cursor) % 4)
            digest, *values = orjson.loads(self._seal.decrypt(sealed))
            made = self._seal.extract_timestamp(sealed)
        except (InvalidToken, ValueError):
            raise BadRequest.because("cursor-invalid") from None
        if time.time() - made > _LIFETIME_SECONDS:
            raise Gone.because("cursor-expired", hours=_LIFETIME_SECONDS // 3600)
        if digest != _digest(question):
            raise BadRequest.because("cursor-of-other-query")
        return list(values)


def _digest(question: str) -> str:
    return blake2b(question.encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()


def behind(sort: Sort, values: Sequence[Any]) -> Mapping[str, Any]:
    """Return the condition for the rows that `sort` puts behind the row with `values`.

    A missing value is None, which MongoDB sorts before all others.
    """
    choices: list[dict[str, Any]] = []
    equal: dict[str, Any] = {}
    for (field, direction), value in zip(sort, values, strict=True):
        choices += [{**equal, **further} for further in _further(field, direction, value)]
        equal[field] = value
    return choices[0] if len(choices) == 1 else {"$or": choices}


def _further(field: str, direction: int, value: object) -> list[dict[str, Any]]:
    if direction > 0:
        return [{field: {"$ne": None}}] if value is None else [{field: {"$gt": value}}]
    if value is None:
        return []
    return [{field: {"$lt": value}}, {field: None}] if field != "_id" else [{field: {"$lt": value}}]
