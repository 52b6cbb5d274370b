"""Pages that neither repeat nor miss: a cursor names the last row, not a number of rows.

The cursor is sealed, bound to its query and expires, so that it tells nothing,
and can neither be made up nor carried over to another question.
"""

import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from server.fhir.outcome import BadRequest, Gone

PARAMETER = "_cursor"
_LIFETIME_SECONDS = 24 * 3600
_NONCE_BYTES = 12
Sort = Sequence[tuple[str, int]]


class Cursors:
    """Makes and reads cursors sealed with what `secret` returns, the same for all servers."""

    def __init__(self, secret: Callable[[], bytes]) -> None:
        self._secret = secret

    @cached_property
    def _seal(self) -> ChaCha20Poly1305:
        return ChaCha20Poly1305(self._secret())

    def make(self, question: str, values: Sequence[Any]) -> str:
        """Return the cursor behind the row with sort `values` in the answer to `question`."""
        nonce = os.urandom(_NONCE_BYTES)
        content = orjson.dumps([int(time.time()), *values])
        sealed = nonce + self._seal.encrypt(nonce, content, question.encode())
        return urlsafe_b64encode(sealed).decode().rstrip("=")

    def read(self, question: str, cursor: str) -> list[Any]:
        """Return the sort values in `cursor`.

        Raises Gone if it has expired, BadRequest if it was not made here for `question`.
        """
        try:
            sealed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            opened = self._seal.decrypt(nonce, content, question.encode())
        except (InvalidTag, ValueError):
            raise BadRequest.because("cursor-invalid") from None
        made, *values = orjson.loads(opened)
        if time.time() - made > _LIFETIME_SECONDS:
            raise Gone.because("cursor-expired", hours=_LIFETIME_SECONDS // 3600)
        return list(values)


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


def behind_exactly(sort: Sort, values: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the conditions for the rows behind the row with `values`, to be run one by one.

    Each is one stretch of an index by `sort`, so that of rows that are equal in the first field,
    which may be half of all, none is read again. Only a descending field, or the first, may
    miss some; those that ascend in the first and have none are not included, unless the row
    is one of them.
    """
    found: list[dict[str, Any]] = []
    for last in reversed(range(len(sort))):
        (field, direction), value = sort[last], values[last]
        if value is not None:
            equal = {name: values[number] for number, (name, _) in enumerate(sort[:last])}
            later = {"$gt": value} if direction > 0 else {"$not": {"$gte": value}}
            found.append({**equal, field: later})
    return found


def behind_in_memory(sort: Sort, values: Sequence[Any]) -> dict[str, Any]:
    """Return the condition for the rows behind the row with `values`, whatever may be missing.

    No index is entered by it. A missing value is None, which is the last of a descending field;
    of an ascending one, a field before it tells that it is missing.
    """
    found: list[dict[str, Any]] = []
    equal: dict[str, Any] = {}
    for (field, direction), value in zip(sort, values, strict=True):
        if value is not None:
            later = {"$gt": value} if direction > 0 else {"$not": {"$gte": value}}
            found.append({**equal, field: later})
        equal[field] = value
    return {"$or": found}
