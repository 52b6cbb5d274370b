"""Proof that a database is whole: every version there, every index entry right.

Reads each type once, current versions and history side by side in the order of
their ids, so that memory does not grow with the data. The database may be in
use: what looks wrong is looked at again, all of it at one moment.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

import orjson
from bson.binary import Binary
from pymongo.client_session import ClientSession

from server.fhir.json import Resource
from server.store.collections import NONE
from server.store.documents import BURIED, KEPT_ENTRIES, NOT_ENTRIES, Document
from server.store.engine import Engine

_TOMBSTONE = frozenset(("_id", "v", "lu", "del", *BURIED))
_SUPERSEDED = NOT_ENTRIES | {"rid", "until", *KEPT_ENTRIES}
_BATCH = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with `id` of `type`. `rule` is a word for the kind of fault."""

    type: str
    id: str
    rule: str


class Verification:
    """Compares what is stored with what `entries` computes from the resources themselves.

    Of a type that is being `reindexed` just now, the entries are not looked at.
    """

    def __init__(
        self,
        engine: Engine,
        entries: Callable[[Resource], dict[str, Any]],
        reindexed: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._engine = engine
        self._entries = entries
        self._reindexed = reindexed

    def types(self) -> list[str]:
        """Return the types to look at."""
        return self._engine.collections.types()

    def size(self, type: str) -> int:
        """Return about how many resources of `type` there are."""
        return self._engine.collections.current(type, NONE).estimated_document_count()

    def findings(self, type: str) -> Iterator[Finding | None]:
        """Yield each finding for `type`, and None after each resource, for a progress bar."""
        collections = self._engine.collections
        current = collections.current(type, NONE).find(sort=[("_id", 1)], batch_size=_BATCH)
        history = collections.history(type).find(sort=[("rid", 1)], batch_size=_BATCH)
        for id, document, past in _side_by_side(current, groupby(history, _resource_id)):
            if not id:
                for each in past:
                    yield Finding(type, str(each["_id"]), "history-without-id")
            elif any(self._faults(type, document, past)):
                for rule in self._faults(type, *self._at_one_moment(type, id)):
                    yield Finding(type, id, rule)
            if document is not None:
                yield None

    def _at_one_moment(self, type: str, id: str) -> tuple[Document | None, list[Document]]:
        """Return the current version and the superseded ones, none of them from before the rest."""
        collections = self._engine.collections

        def read(session: ClientSession) -> tuple[Document | None, list[Document]]:
            current = collections.current(type, NONE).find_one({"_id": id}, session=session)
            return current, list(collections.history(type).find({"rid": id}, session=session))

        return self._engine.transaction(read)

    def _faults(self, type: str, current: Document | None, past: list[Document]) -> Iterator[str]:
        if current is None:
            if past:
                yield "history-without-current"
            return
        if not all(_is_numbered(document) for document in (current, *past)):
            yield "version-without-number"
            return
        chain = [*sorted(past, key=lambda document: int(document["v"])), current]
        yield from self.record_faults(type, current)
        for document in chain[:-1]:
            yield from _superseded_faults(type, document)
        yield from _chain_faults(chain)

    def record_faults(self, type: str, document: Document) -> Iterator[str]:
        """Yield what is wrong with a current version by itself."""
        if document.get("del"):
            if not document.keys() <= _TOMBSTONE:
                yield "tombstone-with-content"
            return
        resource = _resource(document)
        if resource is None:
            yield "not-json"
            return
        yield from _stamp_faults(type, document["_id"], document, resource)
        stored = {name: value for name, value in document.items() if name not in NOT_ENTRIES}
        # Without its type a resource has no entries to compare with.
        is_indexed = resource.get("resourceType") == type and not self._reindexed(type)
        if is_indexed and stored != self._entries(resource):
            yield "index-disagrees"


def _side_by_side(
    current: Iterable[Document], history: Iterator[tuple[str, Iterator[Document]]]
) -> Iterator[tuple[str, Document | None, list[Document]]]:
    """Yield each id with its current and its superseded versions, of which one may be missing."""
    id, past = _next(history)
    for document in current:
        while id is not None and id < document["_id"]:
            yield id, None, past
            id, past = _next(history)
        if id == document["_id"]:
            yield document["_id"], document, past
            id, past = _next(history)
        else:
            yield document["_id"], document, []
    while id is not None:
        yield id, None, past
        id, past = _next(history)


def _next(
    history: Iterator[tuple[str, Iterator[Document]]],
) -> tuple[str | None, list[Document]]:
    for id, documents in history:
        return id, list(documents)
    return None, []


def _resource_id(document: Document) -> str:
    id = document.get("rid")
    return id if isinstance(id, str) else ""


def _is_numbered(document: Document) -> bool:
    return all(isinstance(document.get(name), int) for name in ("v", "lu"))


def _chain_faults(chain: list[Document]) -> Iterator[str]:
    if [document["v"] for document in chain] != list(range(1, len(chain) + 1)):
        yield "versions-not-contiguous"
    for old, new in pairwise(chain):
        if old.get("until") != new["lu"] or old["lu"] >= new["lu"]:
            yield "times-not-in-order"
        # Who may see a deletion is decided by the compartments of what was deleted.
        if new.get("del") and new.get("comp") != old.get("comp"):
            yield "tombstone-compartments-disagree"
    if any("post" in document for document in chain[1:]) or chain[0].get("post", True) is not True:
        yield "post-misplaced"


def _superseded_faults(type: str, document: Document) -> Iterator[str]:
    if document["_id"] != f"{document['rid']}/{document['v']}":
        yield "history-id-disagrees"
    if not document.keys() <= _SUPERSEDED:
        yield "history-with-entries"
    if document.get("del"):
        return
    resource = _resource(document)
    if resource is None:
        yield "history-not-json"
    else:
        yield from _stamp_faults(type, document["rid"], document, resource)


def _stamp_faults(type: str, id: str, document: Document, resource: Resource) -> Iterator[str]:
    meta = resource.get("meta")
    stamp = meta if isinstance(meta, dict) else {}
    if resource.get("resourceType") != type:
        yield "type-disagrees"
    if resource.get("id") != id:
        yield "id-disagrees"
    if stamp.get("versionId") != str(document["v"]):
        yield "version-disagrees"
    if _microseconds(stamp.get("lastUpdated")) != document["lu"]:
        yield "time-disagrees"


def _microseconds(instant: object) -> int | None:
    """Return `instant`, FHIR's text for a moment, in microseconds since 1970, or None."""
    try:
        return (datetime.fromisoformat(str(instant)) - _EPOCH) // _MICROSECOND
    except (ValueError, TypeError):  # no date, or one without a zone
        return None


def _resource(document: Document) -> Resource | None:
    raw = document.get("raw")
    if not isinstance(raw, bytes | Binary):
        return None
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
