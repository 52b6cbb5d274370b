"""The end of one lane of the trail, where records are put.

A place at the end is taken by whoever inserts a document with its number first; so whoever finds it
taken learns that there is something new.

Spec: https://www.mongodb.com/docs/manual/reference/command/insert/
"""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, Generic, TypeVar

from bson.binary import Binary
from bson.raw_bson import RawBSONDocument
from pymongo.errors import WriteConcernError, WriteError
from pymongo.read_concern import ReadConcern

from server.store import documents, whom
from server.store.documents import Document
from server.store.engine import Engine
from server.store.lanes import FENCE, LANES, TYPE, Lane, record_id, sealed

Item = TypeVar("Item")
Write = Callable[[Item, str, int], tuple[bytes, Mapping[str, Any]]]
_DUPLICATE_KEY = 11000
_BYTES = 8_000_000
_MAJORITY = {"w": "majority"}
_AT_ONCE = {"w": 1}


class Broken(Exception):
    """A lane is not as it was left."""


class Tail(Generic[Item]):
    """The end of `lane`; one thread at a time uses it.

    `unconfirmed` are the records that may not be durable yet, `confirmed` is when (as `monotonic`
    has it) there were none.
    """

    def __init__(
        self, engine: Engine, lane: Lane, write: Write[Item], now: Callable[[], int]
    ) -> None:
        self._lane = lane
        self._write = write
        self._now = now
        self._database = engine.collections.database
        self._election: object = None
        self.ends_with_fence = False
        self.unconfirmed: list[RawBSONDocument] = []
        self.begun = self.confirmed = monotonic()

    @classmethod
    def find(
        cls, engine: Engine, lane: str, write: Write[Item], now: Callable[[], int]
    ) -> "Tail[Item] | None":
        """Return the tail of `lane` as it is now, None if it has no records."""
        tail = cls(engine, Lane(lane, 0, b"", 0), write, now)
        rows = tail._rows(0, -1).limit(1)
        for row in rows:
            tail._lane = Lane(lane, int(row["_id"].rpartition("-")[2]), row["seal"], row["lu"])
            tail.ends_with_fence = FENCE in row["raw"]
            return tail
        return None

    def put(self, items: Sequence[Item]) -> bool:
        """Put `items` at the end; tell whether there was a fence."""
        fenced = False
        while items:
            lane, before, chunk, size = self._lane, [], [], 0
            for item in items:
                before.append((lane.n, lane.seal, lane.at))
                chunk.append(self.record(item))
                size += len(chunk[-1].raw)
                if size > _BYTES:
                    break
            done = self._insert(chunk, _AT_ONCE)
            self.unconfirmed += chunk[:done]
            items = items[done:]
            if done < len(chunk):
                lane.n, lane.seal, lane.at = before[done]
                self._adopt()
                fenced = True
        return fenced

    def put_alone(self, item: Item) -> bool:
        """Put `item` at the end durably, and note it; False if the place is taken by now."""
        if not self._insert([self.record(item)], _MAJORITY):
            return False
        self._note()
        return True

    def confirm(self) -> None:
        """Return when all records are durable, having noted how far the lane goes."""
        self._note()
        self.unconfirmed.clear()
        self.confirmed = monotonic()

    def record(self, item: Item) -> RawBSONDocument:
        """Return the document of the next record, up to which the lane then goes."""
        lane = self._lane
        now = max(self._now(), lane.at)
        n = lane.n + 1
        id = record_id(lane.id, n)
        raw, fields = self._write(item, id, now)
        seal = sealed(lane.seal, lane.id, n, raw)
        found = documents.encoded(
            {
                "_id": id,
                "v": 1,
                "lu": now,
                "raw": Binary(raw),
                **fields,
                whom.FIELD: whom.terms(fields),
                "seal": seal,
            }
        )
        lane.seal, lane.n, lane.at = seal, n, now
        return found

    def _insert(self, chunk: Sequence[RawBSONDocument], concern: Mapping[str, object]) -> int:
        """Insert `chunk` in order; return how many, which is all unless a place is taken."""
        # The driver's own insert_many costs as much again.
        answer = self._command({"insert": TYPE, "documents": chunk, "writeConcern": concern})
        failures = answer.get("writeErrors")
        if not failures:
            return len(chunk)
        if failures[0]["code"] != _DUPLICATE_KEY:
            raise WriteError(f"Refused with {failures[0]['code']}.")
        return int(failures[0]["index"])

    def _command(self, command: Document) -> Document:
        """Run a command that writes; put back what a new primary may not have."""
        answer: Document = self._database.command(command)
        if "writeConcernError" in answer:
            raise WriteConcernError(str(answer["writeConcernError"].get("code")))
        election = answer.get("electionId")
        if election != self._election:
            if self._election is not None and self.unconfirmed:
                again = {"insert": TYPE, "documents": self.unconfirmed, "ordered": False}
                restored = self._database.command({**again, "writeConcern": _MAJORITY})
                codes = {one["code"] for one in restored.get("writeErrors", ())}
                if codes - {_DUPLICATE_KEY} or "writeConcernError" in restored:
                    raise Broken(self._lane.id)
            self._election = election
        return answer

    def _adopt(self) -> None:
        """Go on behind the records that others have put at the end."""
        lane = self._lane
        n = lane.n
        for row in self._rows(lane.n + 1, 1):
            seal = sealed(lane.seal, lane.id, lane.n + 1, row["raw"])
            if row["_id"] != record_id(lane.id, lane.n + 1) or row["seal"] != seal:
                break
            lane.n, lane.seal, lane.at = lane.n + 1, seal, max(lane.at, row["lu"])
        if lane.n == n:
            raise Broken(lane.id)

    def _rows(self, n: int, direction: int) -> Any:  # noqa: ANN401 - a cursor of the driver
        """Return the records from number `n` on, in this order, also those of this moment."""
        collection = self._database[TYPE].with_options(read_concern=ReadConcern("local"))
        name = self._lane.id
        where = {"_id": {"$gte": record_id(name, n), "$lte": record_id(name, 10**10 - 1)}}
        fields = {"raw": 1, "seal": 1, "lu": 1}
        return collection.find(where, fields).sort("_id", direction)

    def _note(self) -> None:
        """Note how far the lane goes, unless further was noted.

        It is noted durably, and so is all that was inserted before.
        """
        lane = self._lane
        answer = self._command(
            {
                "update": LANES,
                "updates": [
                    {
                        "q": {"_id": lane.id},
                        "u": [{"$set": _further(lane)}],
                    }
                ],
                "writeConcern": _MAJORITY,
            }
        )
        if "writeErrors" in answer or not answer["n"]:
            raise Broken(lane.id)


def _further(lane: Lane) -> Document:
    """Return the head of `lane` as it is then, as expressions of MongoDB."""
    now = {"n": lane.n, "seal": Binary(lane.seal), "at": lane.at}
    is_further = {"$lt": ["$n", lane.n]}
    return {name: {"$cond": [is_further, value, f"${name}"]} for name, value in now.items()}
