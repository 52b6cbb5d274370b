"""Proof that a database is whole: every version there, every index entry right.

Reads each type once, current versions and history side by side in the order of
their ids, so that memory does not grow with the data.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

import orjson
from bson.binary import Binary

from server.fhir.json import Resource
from server.store.documents import Document
from server.store.engine import Engine

_OWN = frozenset(("_id", "v", "lu", "raw", "del", "post"))
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with `id` of `type`. `rule` is a word for the kind of fault."""

    type: str
    id: str
    rule: str


class Verification:
    """Compares what is stored with what `entries` computes from the resources themselves."""

    def __init__(self, engine: Engine, entries: Callable[[Resource], dict[str, Any]]) -> None:
        self._engine = engine
        self._entries = entries

    def types(self) -> list[str]:
        """Return the types to look at."""
        return self._engine.collections.types()

    def size(self, type: str) -> int:
        """Return about how many resources of `type` there are."""
        return self._engine.collections.current(type).estimated_document_count()

    def findings(self, type: str) -> Iterator[Finding | None]:
        """Yield each finding for `type`, and None after each resource, for a progress bar."""
        collections = self._engine.collections
        current = collections.current(type).find(sort=[("_id", 1)], batch_size=_BATCH)
        history = collections.history(type).find(sort=[("rid", 1)], batch_size=_BATCH)
        past = groupby(history, key=lambda document: str(document["rid"]))
        id, versions = _next(past)
        for document in current:
            while id is not None and id < document["_id"]:
                yield Finding(type, id, "history-without-current")
                id, versions = _next(past)
            mine = versions if id == document["_id"] else []
            for rule in (*self._faults(document), *_chain_faults(document, mine)):
                yield Finding(type, document["_id"], rule)
            if id == document["_id"]:
                id, versions = _next(past)
            yield None
        while id is not None:
            yield Finding(type, id, "history-without-current")
            id, versions = _next(past)

    def _faults(self, document: Document) -> Iterator[str]:
        if document.get("del"):
            return
        resource = _resource(document)
        if resource is None:
            yield "not-json"
            return
        yield from _stamp_faults(document, document["_id"], resource)
        stored = {name: value for name, value in document.items() if name not in _OWN}
        if stored != self._entries(resource):
            yield "index-disagrees"


def _next(past: Iterator[tuple[str, Iterator[Document]]]) -> tuple[str | None, list[Document]]:
    for id, documents in past:
        return id, sorted(documents, key=lambda document: int(document["v"]))
    return None, []


def _chain_faults(current: Document, past: list[Document]) -> Iterator[str]:
    if [document["v"] for document in past] != list(range(1, current["v"])):
        yield "versions-not-contiguous"
    chain = [*past, current]
    for old, new in pairwise(chain):
        if old["until"] != new["lu"] or old["lu"] >= new["lu"]:
            yield "times-not-in-order"
    for document in past:
        if document.get("del"):
            continue
        resource = _resource(document)
        if resource is None:
            yield "history-not-json"
        else:
            yield from _stamp_faults(document, document["rid"], resource)


def _stamp_faults(document: Document, id: str, resource: Resource) -> Iterator[str]:
    if resource.get("id") != id:
        yield "id-disagrees"
    if resource.get("meta", {}).get("versionId") != str(document["v"]):
        yield "version-disagrees"


def _resource(document: Document) -> Resource | None:
    raw = document.get("raw")
    if not isinstance(raw, bytes | Binary):
        return None
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
