"""JSON Patch: operations that each change one place of a document, all of them or none.

Numbers keep their digits; a ``test`` compares them by value. A patch that is no JSON Patch is a bad
request; one that cannot be applied to what is there is unprocessable.

Spec: https://www.rfc-editor.org/rfc/rfc6902, https://www.rfc-editor.org/rfc/rfc6901
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.fhir import json
from server.fhir.outcome import BadRequest, TooLarge, Unprocessable

MOST_OPERATIONS = 1000
MOST_BYTES = 16_000_000
"""How many bytes the operations of one patch may write and compare together."""
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}").fullmatch
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*", re.DOTALL).fullmatch
_WITH_VALUE = frozenset(("add", "replace", "test"))
_WITH_SOURCE = frozenset(("move", "copy"))
_OPERATIONS = _WITH_VALUE | _WITH_SOURCE | {"remove"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, the one at `place` of the patch, counted from 0.

    `path` and `source`, which the RFC calls from, are names and indexes from the outside in.
    """

    place: int
    op: str
    path: tuple[str, ...]
    source: tuple[str, ...] = ()
    value: Any = None


def operations(document: bytes, max_depth: int) -> tuple[Operation, ...]:
    """Return the operations of the JSON Patch `document`.

    Raises BadRequest if it is none, TooLarge if it has more than 1,000 or nests too deep.
    """
    rows: list[Any] = json.exact(json.parse_array(document, max_depth)[1])
    if len(rows) > MOST_OPERATIONS:
        raise TooLarge.because("patch-too-many-operations", limit=MOST_OPERATIONS)
    return tuple(_operation(place, row) for place, row in enumerate(rows))


def applied(patch: Sequence[Operation], resource: bytes) -> bytes:
    """Return the JSON object `resource` with all of `patch` done to it; itself if nothing changes.

    Raises Unprocessable if an operation cannot be done, TooLarge if the result grows too large.
    """
    document = json.exact(resource)
    before = json.dumps(document)
    change = _Change(document)
    for operation in patch:
        change.make(operation)
    if not isinstance(change.document, dict):
        raise Unprocessable.because("patch-result-not-an-object")
    after = _written(change.document)
    return resource if after == before else after


def asks(patch: Sequence[Operation]) -> bool:
    """Tell whether `patch` asks what there is, so that whether it can be done tells of it."""
    return any(operation.op == "test" for operation in patch)


def _operation(place: int, row: Any) -> Operation:  # noqa: ANN401  # any JSON
    if not isinstance(row, dict):
        raise BadRequest.because("patch-operation-not-an-object", place=place)
    op = row.get("op")
    if not isinstance(op, str) or op not in _OPERATIONS:
        raise BadRequest.because("patch-operation-unknown", place=place, name=str(op)[:40])
    if op in _WITH_VALUE and "value" not in row:
        raise BadRequest.because("patch-member-missing", place=place, op=op, name="value")
    source = _pointer(place, op, row, "from") if op in _WITH_SOURCE else ()
    return Operation(place, op, _pointer(place, op, row, "path"), source, row.get("value"))


def _pointer(place: int, op: str, row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    if name not in row:
        raise BadRequest.because("patch-member-missing", place=place, op=op, name=name)
    text = row[name]
    if not isinstance(text, str) or not _POINTER(text):
        shown = text if isinstance(text, str) else "-"
        raise BadRequest.because("patch-pointer-malformed", place=place, pointer=shown[:80])
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])


def _written(value: Any) -> bytes:  # noqa: ANN401  # any JSON
    try:
        return json.dumps(value)
    except TypeError:  # what the writer says of too deep a nesting
        raise TooLarge.because("json-too-deep") from None


class _Change:
    """A document that is being changed in place."""

    def __init__(self, document: Any) -> None:  # noqa: ANN401  # any JSON
        self.document = document
        self._room = MOST_BYTES

    def make(self, operation: Operation) -> None:
        """Do `operation`."""
        match operation:
            case Operation(op="add", path=path, value=value):
                self._add(operation, path, self._copied(value))
            case Operation(op="remove", path=path):
                self._take(operation, path)
            case Operation(op="replace", path=path, value=value):
                self._replace(operation, path, self._copied(value))
            case Operation(op="move"):
                self._move(operation)
            case Operation(op="copy", path=path, source=source):
                self._add(operation, path, self._copied(self._at(operation, source)))
            case _:
                self._test(operation)

    def _copied(self, value: Any) -> Any:  # noqa: ANN401  # any JSON
        """Return a copy of `value`, which may be put in once more, or be changed where it is.

        Ten copies of a document into itself would make a thousand of it.
        """
        return json.exact(self._measured(value))

    def _measured(self, value: Any) -> bytes:  # noqa: ANN401  # any JSON
        """Return `value` as JSON bytes. Raises TooLarge if the patch has come to too many."""
        written = _written(value)
        self._room -= len(written)
        if self._room < 0:
            raise TooLarge.because("patch-too-much-work", limit=MOST_BYTES)
        return written

    def _at(self, operation: Operation, path: Sequence[str]) -> Any:  # noqa: ANN401  # any JSON
        """Return what is at `path`. Raises Unprocessable if nothing is."""
        found = self.document
        for name in path:
            match found:
                case dict() if name in found:
                    found = found[name]
                case list():
                    found = found[_index(operation, name, len(found), path)]
                case _:
                    raise _missing(operation, path)
        return found

    def _add(self, operation: Operation, path: Sequence[str], value: Any) -> None:  # noqa: ANN401
        if not path:
            self.document = value
            return
        *above, name = path
        match self._at(operation, above):
            case dict() as holder:
                holder[name] = value
            case list() as holder:
                # A new item may stand behind the last one.
                end = len(holder)
                holder.insert(end if name == "-" else _index(operation, name, end + 1, path), value)
            case _:
                raise _missing(operation, path)

    def _take(self, operation: Operation, path: Sequence[str]) -> Any:  # noqa: ANN401  # any JSON
        """Return what is at `path`, and remove it."""
        taken = self._at(operation, path)
        if not path:
            self.document = None
            return taken
        *above, name = path
        holder = self._at(operation, above)
        del holder[int(name) if isinstance(holder, list) else name]
        return taken

    def _replace(self, operation: Operation, path: Sequence[str], value: Any) -> None:  # noqa: ANN401
        self._at(operation, path)
        if not path:
            self.document = value
            return
        *above, name = path
        holder = self._at(operation, above)
        holder[int(name) if isinstance(holder, list) else name] = value

    def _move(self, operation: Operation) -> None:
        source, path = operation.source, operation.path
        if source != path and path[: len(source)] == source:
            raise Unprocessable.because("patch-move-into-itself", place=operation.place)
        self._add(operation, path, self._take(operation, source))

    def _test(self, operation: Operation) -> None:
        found = self._measured(self._at(operation, operation.path))
        if json.comparable(found) != json.comparable(_written(operation.value)):
            raise Unprocessable.because(
                "patch-test-failed", place=operation.place, pointer=_text(operation.path)
            )


def _index(operation: Operation, name: str, end: int, path: Sequence[str]) -> int:
    """Return the index that `name` is, which has to be below `end`."""
    if not _INDEX(name) or int(name) >= end:
        raise Unprocessable.because(
            "patch-index-unknown", place=operation.place, name=name[:40], pointer=_text(path)
        )
    return int(name)


def _missing(operation: Operation, path: Sequence[str]) -> Unprocessable:
    return Unprocessable.because("patch-target-missing", place=operation.place, pointer=_text(path))


def _text(path: Sequence[str]) -> str:
    escaped = (name.replace("~", "~0").replace("/", "~1") for name in path)
    return "".join(f"/{name}" for name in escaped)[:80]
