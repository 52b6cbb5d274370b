"""All versions of resources, newest first, as one caller may see them.

The current versions and the superseded ones lie in two collections; a listing
merges them in the database, in one round trip, each side by its own index. Two
versions of one resource never share a lastUpdated, so (lastUpdated, type, id)
orders all versions, and a version keeps its place when it is superseded.

Spec: https://hl7.org/fhir/R4/http.html#history
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pymongo.command_cursor import CommandCursor

from server.access.visibility import Visibility
from server.fhir.outcome import NotFound
from server.store import documents, proxies
from server.store.documents import PAGE_BYTES, VERSION_FIELDS, Document, Version
from server.store.engine import Engine
from server.store.failures import refused

Page = tuple[list[Version], tuple[int, str] | None]
"""Versions, and the place behind them if there are more: `after` of the next window."""
_FIELDS = {**VERSION_FIELDS, "rid": 1}
_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Window:
    """Which versions a listing gives. Times are in microseconds since 1970.

    `since`: those made at or after it. `at`: those that were current at some
    moment of [start, end). `after`: those behind this (lastUpdated, key), which
    is the place where the page before ended; the key is ``<type>/<id>``.
    """

    since: int | None = None
    at: tuple[int, int] | None = None
    after: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class _Sides:
    """What is listed: versions of `types` that the caller has the right `letter` to.

    `current` and `history` are conditions on the two sides.
    """

    types: Sequence[str]
    letter: str
    current: Document = field(default_factory=dict)
    history: Document = field(default_factory=dict)


class History:
    """A caller's view of all versions."""

    def __init__(self, engine: Engine, visibility: Visibility) -> None:
        self._engine = engine
        self._visibility = visibility

    def version(self, type: str, id: str, version: int) -> Version:
        """Return one version, which may be a deletion.

        A version is visible only while the current one is. Raises NotFound.
        """
        with refused():
            document = self._current(type, id)
            if document is not None and document["v"] != version:
                where = {"$and": [{"_id": f"{id}/{version}"}, self._visibility.past(type, "r")]}
                document = self._engine.collections.history(type).find_one(where)
            found = None if document is None else self._seen(documents.version(type, document))
        if found is None:
            raise NotFound.because("version-unknown", type=type, id=id, version=version)
        return found

    def sees(self, type: str, ids: Sequence[str], letter: str) -> bool:
        """Tell whether the caller has the right `letter` to all of `ids`, deleted ones too."""
        where = {"$and": [{"_id": {"$in": list(ids)}}, dict(self._visibility.of(type, letter))]}
        with refused():
            rows = self._engine.collections.current(type, where).find(where, VERSION_FIELDS)
            found = [documents.version(type, row) for row in rows]
            seen = [one for one in found if proxies.seen(self._engine, self._visibility, one)]
        return {one.id for one in seen} >= set(ids)

    def of_instance(self, type: str, id: str, window: Window, limit: int) -> Page:
        """Return the newest `limit` versions of one resource, and where more begin.

        Raises NotFound if it never was.
        """
        with refused():
            known = self._current(type, id)
        if known is None:
            raise NotFound.because("resource-unknown", type=type, id=id)
        return self._list(_Sides([type], "r", {"_id": id}, {"rid": id}), window, limit)

    def of_type(self, type: str, window: Window, limit: int) -> Page:
        """Return the newest `limit` versions of all of `type`, and where more begin."""
        return self._list(_Sides([type], "s"), window, limit)

    def of_system(self, window: Window, limit: int, types: Collection[str] | None = None) -> Page:
        """Return the newest `limit` versions of all resources, and where more begin.

        Only those of `types`, if they are given.
        """
        with refused():
            stored = self._engine.collections.types()
        listed = [type for type in stored if types is None or type in types]
        return self._list(_Sides(listed, "s"), window, limit) if listed else ([], None)

    def _current(self, type: str, id: str) -> Document | None:
        """Return the current document, None if there is none that the caller may read."""
        found = self._engine.fetch(type, id, self._visibility)
        is_seen = found is not None and self._seen(documents.version(type, found))
        return found if is_seen else None

    def _seen(self, version: Version) -> Version | None:
        return proxies.seen(self._engine, self._visibility, version)

    def _list(self, sides: _Sides, window: Window, limit: int) -> Page:
        """Return a page, which ends early if its versions are large.

        A superseded version is told only to who may see the current one. So that nothing tells how
        many there are besides, reading goes on until the page is full.
        """
        for type in sides.types:
            self._engine.collections.current(type, self._visibility.of(type, sides.letter))
        found: list[Version] = []
        for _ in range(_ROUNDS):
            some, end = self._read(sides, window, limit)
            found += some
            size = sum(len(version.body or b"") for version in found)
            if end is None or len(found) > limit or size > PAGE_BYTES:
                break
            window = replace(window, after=end)
        if len(found) > limit:
            found = found[:limit]
            end = _place(found[-1])
        return found, end

    def _read(self, sides: _Sides, window: Window, limit: int) -> Page:
        """Return what is to be told of the next versions, one more than `limit` at most.

        A version may be superseded between the reading of the two sides. As the
        current side is read first, no version that was there at the beginning
        is missed, but one may come from both; then it is told once.
        """
        streams = self._streams(sides, window, limit)
        page: dict[tuple[int, str, str], Version] = {}
        past_ids: dict[str, set[str]] = {}
        size, seen, is_full = 0, 0, False
        with (
            refused(alive=self._engine.collections.answers),
            self._merged(streams, limit) as cursor,
        ):
            for document in cursor:
                version = documents.version(document["type"], document)
                page[version.last_updated, version.type, version.id] = version
                if "rid" in document:
                    past_ids.setdefault(version.type, set()).add(version.id)
                size += len(version.body or b"")
                seen += 1
                is_full = seen > limit or size > PAGE_BYTES
                if is_full:
                    break
        hidden = self._hidden(past_ids, sides.letter)
        end = _place(page[next(reversed(page))]) if is_full else None
        shown = (each for each in page.values() if (each.type, each.id) not in hidden)
        with refused():
            return [each for each in map(self._seen, shown) if each is not None], end

    def _streams(
        self, sides: _Sides, window: Window, limit: int
    ) -> list[tuple[str, list[Document]]]:
        """Return the pipelines that give a page, each with its collection."""
        streams: list[tuple[str, list[Document]]] = []
        for type in sides.types:
            now = [sides.current, self._visibility.of(type, sides.letter)]
            past = [sides.history, self._visibility.past(type, sides.letter)]
            streams.append((type, _stream(type, window, limit, now)))
            streams.append((f"{type}_history", _stream(type, window, limit, past, id="rid")))
        return streams

    def _hidden(self, ids: Mapping[str, Collection[str]], letter: str) -> set[tuple[str, str]]:
        """Return those resources of `ids`, by type, whose current version must not be seen."""
        found: set[tuple[str, str]] = set()
        for type, some in ids.items():
            if not (visible := self._visibility.of(type, letter)):
                continue
            where = {"$and": [{"_id": {"$in": sorted(some)}}, visible]}
            with refused():
                rows = self._engine.collections.current(type, where).find(where, {"_id": 1})
                seen = {row["_id"] for row in rows}
            found.update((type, id) for id in set(some) - seen)
        return found

    def _merged(
        self, streams: list[tuple[str, list[Document]]], limit: int
    ) -> CommandCursor[Document]:
        (first, pipeline), *others = streams
        unions = [{"$unionWith": {"coll": name, "pipeline": part}} for name, part in others]
        newest: list[Document] = [
            {"$sort": {"lu": -1, "type": -1, "id": -1}},
            {"$limit": limit + 1},
        ]
        collection = self._engine.collections.database[first]
        return collection.aggregate([*pipeline, *unions, *newest])


def _place(version: Version) -> tuple[int, str]:
    """Return the place of `version` in a listing: `after` of a window behind it."""
    return version.last_updated, f"{version.type}/{version.id}"


def _stream(
    type: str, window: Window, limit: int, where: Sequence[Mapping[str, Any]], id: str = "_id"
) -> list[Document]:
    """Return the pipeline for one side of `type`, whose documents have the id in field `id`."""
    conditions = [dict(each) for each in (*where, *_conditions(window, type, id)) if each]
    return [
        {"$match": {"$and": conditions or [{}]}},
        {"$sort": {"lu": -1, id: -1}},
        {"$limit": limit + 1},
        {"$project": {**_FIELDS, "type": {"$literal": type}, "id": f"${id}"}},
    ]


def _conditions(window: Window, type: str, id: str) -> list[dict[str, Any]]:
    """Return the conditions for the side of `type` whose documents have the id in field `id`."""
    found: list[dict[str, Any]] = []
    if window.since is not None:
        found.append({"lu": {"$gte": window.since}})
    if window.at is not None:
        start, end = window.at
        found.append({"lu": {"$lt": end}})
        if id == "rid":
            found.append({"until": {"$gt": start}})
    if window.after is not None:
        found.extend(_behind(window.after, type, id))
    return found


def _behind(place: tuple[int, str], type: str, id: str) -> list[dict[str, Any]]:
    """Return the conditions for what comes behind `place`, each bounded by the index on `lu`."""
    moment, key = place
    last_type, _, last_id = key.partition("/")
    if type != last_type:
        return [{"lu": {"$lte" if type < last_type else "$lt": moment}}]
    same_moment = {"lu": moment, id: {"$lt": last_id}}
    return [{"lu": {"$lte": moment}}, {"$or": [{"lu": {"$lt": moment}}, same_moment]}]
