"""The SearchParameter resources that are stored, followed as they change.

A version is found by its lastUpdated, which its writer takes before it is stored: so what is a
minute older than the newest is looked at again.
"""

import orjson

from server.fhir.json import Resource
from server.store.documents import Document
from server.store.engine import Engine

TYPE = "SearchParameter"
_OVERLAP = 60_000_000


class Parameters:
    """What is stored, by id. Not for several threads at once."""

    def __init__(self, engine: Engine) -> None:
        self._collection = engine.collections.current(TYPE)
        self._versions: dict[str, int] = {}
        self._resources: dict[str, Resource] = {}
        self._newest: int | None = None

    def resources(self) -> list[Resource]:
        """Return what is stored, in the order of the ids."""
        return [self._resources[id] for id in sorted(self._resources)]

    def changed(self) -> bool:
        """Look at what was written since the last look; tell whether anything was."""
        where: Document = {}
        if self._newest is not None:
            where["lu"] = {"$gte": self._newest - _OVERLAP}
        found = list(self._collection.find(where, {"v": 1, "lu": 1}))
        stale = [each["_id"] for each in found if self._versions.get(each["_id"]) != each["v"]]
        if found:
            newest = max(int(each["lu"]) for each in found)
            self._newest = max(self._newest or 0, newest)
        for document in self._collection.find({"_id": {"$in": stale}}) if stale else ():
            self._note(document)
        return bool(stale)

    def _note(self, document: Document) -> None:
        id = document["_id"]
        self._versions[id] = document["v"]
        if document.get("del"):
            self._resources.pop(id, None)
        else:
            self._resources[id] = orjson.loads(document["raw"])
