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

    A missing value is None; only a descending field may miss some, for MongoDB puts them last
    there. The first field is bounded on its own, so that an index is entered at the right
    place; what a tie puts before is taken out by ``$nor``, since an ``$or`` misleads the planner.
    """
    (first, direction), value = sort[0], values[0]
    if len(sort) == 1:
        return {first: {"$gt" if direction > 0 else "$lt": value}}
    if value is None:
        return {first: None, "$nor": _before(sort, values)}
    bound = {"$gte": value} if direction > 0 else {"$not": {"$gt": value}}
    return {first: bound, "$nor": _before(sort, values)}


def _before(sort: Sort, values: Sequence[Any]) -> list[dict[str, Any]]:
    """Return conditions, one of which holds for a row that ties in the first field, not behind."""
    passed: list[dict[str, Any]] = []
    equal: dict[str, Any] = {sort[0][0]: values[0]}
    for (field, direction), value in zip(sort[1:], values[1:], strict=True):
        sooner = "$lt" if direction > 0 else "$gt"
        operator = f"{sooner}e" if field == "_id" else sooner
        passed.append({**equal, field: {"$ne": None} if value is None else {operator: value}})
        equal[field] = value
    return passed
