"""What the trail may have already: it is not known, or who put it there is not alive."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic

from pymongo.client_session import ClientSession

from server.store.documents import Document
from server.store.engine import Engine
from server.store.items import Item, Timed
from server.store.lanes import LANES, REGISTRY, TYPE

_ASKED_AT_ONCE = 500
_WANTED = {"raw": 1, "lu": 1, "ds": 1}


class Doubt(Generic[Item]):
    """Tells what the trail has, by the bytes that `write` gives an item's record."""

    def __init__(
        self,
        engine: Engine,
        write: Callable[[Item, str, int, int], tuple[bytes, Mapping[str, Any]]],
    ) -> None:
        self._write = write
        database = engine.collections.database
        self._records, self._lanes = database[TYPE], database[LANES]

    def missing(
        self, doubtful: Sequence[Timed[Item]], session: ClientSession | None = None
    ) -> Iterator[Timed[Item]]:
        """Yield those of `doubtful`, themselves, that the trail does not have and will not get.

        With a `session` those that it does not have at the moment which that reads.
        """
        if doubtful and session is None:
            # Durable as it is, so is then all that was stored before: only such records are found.
            self._lanes.update_one({"_id": REGISTRY}, {"$max": {"epoch": 1}})
        for start in range(0, len(doubtful), _ASKED_AT_ONCE):
            some = doubtful[start : start + _ASKED_AT_ONCE]
            rows: dict[int, list[Document]] = defaultdict(list)
            asked = {"ds": {"$in": sorted({at for at, _ in some})}}
            for row in self._records.find(asked, _WANTED, session=session):
                rows[row["ds"]].append(row)
            for one in some:
                at, item = one
                known = next((row for row in rows[at] if self._is_of(row, item, at)), None)
                if known is None:
                    yield one
                else:
                    rows[at].remove(known)

    def _is_of(self, row: Document, item: Item, at: int) -> bool:
        raw, _ = self._write(item, row["_id"], row["lu"], at)
        return raw == bytes(row["raw"])
