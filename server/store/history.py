"""All versions of resources, newest first, as one caller may see them.

The current versions and the superseded ones lie in two collections; a listing
merges them in the database, in one round trip, each side by its own index. Two
versions of one resource never share a lastUpdated, so (lastUpdated, type, id)
orders all versions, and a version keeps its place when it is superseded.

Spec: https://hl7.org/fhir/R4/http.html#history
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.command_cursor import CommandCursor

from server.access.visibility import Visibility
from server.fhir.outcome import NotFound
from server.store import documents
from server.store.documents import PAGE_BYTES, VERSION_FIELDS, Document, Version
from server.store.engine import Engine
from server.store.failures import refused

Page = tuple[list[Version], bool]
_FIELDS = {**VERSION_FIELDS, "rid": 1}


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
            document = self._engine.fetch(type, id, self._visibility)
            if document is not None and document["v"] != version:
                where = {"_id": f"{id}/{version}", **self._visibility.past(type, "r")}
                document = self._engine.collections.history(type).find_one(where)
        if document is None:
            raise NotFound.because("version-unknown", type=type, id=id, version=version)
        return documents.version(type, document)

    def of_instance(self, type: str, id: str, window: Window, limit: int) -> Page:
        """Return the newest `limit` versions of one resource, and whether there are more.

        Raises NotFound if it never was.
        """
        with refused():
            known = self._engine.fetch(type, id, self._visibility)
        if known is None:
            raise NotFound.because("resource-unknown", type=type, id=id)
        return self._list([type], window, limit, {"_id": id}, {"rid": id}, letter="r")

    def of_type(self, type: str, window: Window, limit: int) -> Page:
        """Return the newest `limit` versions of all of `type`, and whether there are more."""
        return self._list([type], window, limit, {}, {}, letter="s")

    def of_system(self, window: Window, limit: int) -> Page:
        """Return the newest `limit` versions of all resources, and whether there are more."""
        with refused():
            types = self._engine.collections.types()
        return self._list(types, window, limit, {}, {}, letter="s") if types else ([], False)

    def _list(  # noqa: PLR0913  # which versions, of which side
        self,
        types: Sequence[str],
        window: Window,
        limit: int,
        current: Document,
        history: Document,
        *,
        letter: str,
    ) -> Page:
        """Return a page, which ends early if its versions are large.

        `current` and `history` are conditions on the two sides, `letter` is the right needed.

        A version may be superseded between the reading of the two sides. As the
        current side is read first, no version that was there at the beginning
        is missed, but one may come from both; then it is told once.
        """
        streams: list[tuple[str, list[Document]]] = []
        for type in types:
            visible = self._visibility.of(type, letter)
            streams.append((type, _stream(type, window, limit, [current, visible])))
            past = [history, self._visibility.past(type, letter)]
            streams.append((f"{type}_history", _stream(type, window, limit, past, id="rid")))
        page: dict[tuple[int, str, str], Version] = {}
        size = 0
        with (
            refused(alive=self._engine.collections.answers),
            self._merged(streams, limit) as cursor,
        ):
            for seen, document in enumerate(cursor):
                if seen == limit or size > PAGE_BYTES:
                    return [*page.values()], True
                version = documents.version(document["type"], document)
                page[version.last_updated, version.type, version.id] = version
                size += len(version.body or b"")
        return [*page.values()], False

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
