"""The epoch: a number that grows whenever rights are withdrawn, and how every process hears of it.

A process goes by what it has heard for a moment only, and asks again before that is over, or before
its next answer. Who
begins a new epoch waits for longer than that moment before saying so. So once rights are said to
be withdrawn no process gives anything by them, and nobody has to know which processes there are.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock
from time import monotonic, sleep
from typing import Any

from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from server.fhir.outcome import Unavailable
from server.store.documents import Document
from server.store.failures import refused
from server.store.lanes import LANES, REGISTRY

_MOMENT = 0.1
_LONGER = 1.2 * _MOMENT
_AHEAD = 0.3 * _MOMENT
_Change = Mapping[str, Any] | Sequence[Mapping[str, Any]]
_FIRST: _Change = {"$max": {"epoch": 1}}
_NEXT: _Change = [{"$set": {"epoch": {"$add": [{"$ifNull": ["$epoch", 1]}, 1]}}}]


class Epochs:
    """The epoch as one process has heard of it; any thread may ask."""

    def __init__(self, database: Database[Document]) -> None:
        self._registry = database[LANES].with_options(read_concern=ReadConcern("local"))
        self._epoch = 0
        self._asked = self._good_until = 0.0
        self._lock = Lock()

    def last(self) -> int:
        """Return the last epoch that was heard of, 0 if there was none."""
        return self._epoch

    def now(self) -> int:
        """Return the epoch of now. Raises Unavailable if it cannot be asked for."""
        came = monotonic()
        if came >= self._good_until:
            with self._lock:
                # What was asked meanwhile is new enough, however long that took.
                if came >= max(self._asked, self._good_until):
                    self._ask()
        elif came >= self._good_until - _AHEAD and self._lock.acquire(blocking=False):
            try:
                self._ask_ahead(came)
            finally:
                self._lock.release()
        return self._epoch

    def bump(self) -> int:
        """Begin a new epoch and return it once every process goes by it. Raises Unavailable."""
        with refused():
            epoch = self._changed(_NEXT)
        self._hear(epoch)
        sleep(_LONGER)
        return epoch

    def _ask_ahead(self, came: float) -> None:
        """Ask before the moment is over, so that others need not wait for the answer."""
        if came >= self._good_until - _AHEAD:
            # What is known is good for a while yet; who comes then asks, and is refused.
            with suppress(Unavailable):
                self._ask()

    def _ask(self) -> None:
        asked = monotonic()
        with refused():
            found = self._registry.find_one({"_id": REGISTRY}, {"epoch": 1}) or {}
            self._hear(found.get("epoch") or self._changed(_FIRST))
        self._asked, self._good_until = asked, asked + _MOMENT

    def _hear(self, epoch: int) -> None:
        self._epoch = max(self._epoch, epoch)

    def _changed(self, change: _Change) -> int:
        """Return the epoch after `change` of the registry."""
        found = self._registry.find_one_and_update(
            {"_id": REGISTRY}, change, upsert=True, return_document=ReturnDocument.AFTER
        )
        epoch: int = (found or {})["epoch"]
        return epoch
