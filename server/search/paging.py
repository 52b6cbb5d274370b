"""Pages that neither repeat nor miss: a cursor names the last row, not a number of rows.

The cursor is signed, bound to its query and expires, so that it can neither be
made up nor carried over to another question.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Any

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from server.fhir.outcome import BadRequest, Gone

PARAMETER = "_cursor"
_LIFETIME_SECONDS = 24 * 3600
Sort = Sequence[tuple[str, int]]


class Cursors:
    """Makes and reads cursors signed with what `secret` returns, the same for all servers of a database."""

    def __init__(self, secret: Callable[[], bytes]) -> None:
        self._secret = secret

    @cached_property
    def _serializer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._secret(), salt="tongkang.cursor")

    def make(self, question: str, values: Sequence[Any]) -> str:
        """Return the cursor for the page behind the row with sort `values` in the answer to `question`."""
        made = self._serializer.dumps([_digest(question), *values])
        return made if isinstance(made, str) else made.decode()

    def read(self, question: str, cursor: str) -> list[Any]:
        """Return the sort values in `cursor`.

        Raises Gone if it has expired, BadRequest if it was not made here for `question`.
        """
        try:
            digest, *values = self._serializer.loads(cursor, max_age=_LIFETIME_SECONDS)
        except SignatureExpired:
            raise Gone.because("cursor-expired", hours=_LIFETIME_SECONDS // 3600) from None
        except BadSignature:
            raise BadRequest.because("cursor-invalid") from None
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


def _further(field: str, direction: int, value: Any) -> list[dict[str, Any]]:
    if direction > 0:
        return [{field: {"$ne": None}}] if value is None else [{field: {"$gt": value}}]
    if value is None:
        return []
    return [{field: {"$lt": value}}, {field: None}] if field != "_id" else [{field: {"$lt": value}}]
