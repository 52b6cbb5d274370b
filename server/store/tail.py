"""The end of one lane of the trail, where records are put.

A place at the end is taken by whoever inserts a document with its number first; so whoever finds it
taken learns that there is something new.

Spec: https://www.mongodb.com/docs/manual/reference/command/insert/
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any, Generic, TypeVar

from bson.binary import Binary
from bson.raw_bson import RawBSONDocument
from pymongo.errors import WriteConcernError, WriteError
from pymongo.read_concern import ReadConcern

from server.store import documents, whom
from server.store.documents import Document
from server.store.engine import Engine
from server.store.failures import DUPLICATE_KEY
from server.store.lanes import FENCE, LANES, TYPE, Lane, record_id, sealed

Item = TypeVar("Item")
Write = Callable[[Item, str, int], tuple[bytes, Mapping[str, Any]]]
_BYTES = 8_000_000
_MAJORITY = {"w": "majority"}
_AT_ONCE = {"w": 1}


class Broken(Exception):
    """A lane is not as it was left."""


class Tail(Generic[Item]):
    """The end of `lane`; one thread at a time uses it, but for what says that it runs beside.

    `unconfirmed` are the records that may not be durable yet, `confirmed` is when (as `monotonic`
    has it) the last of those before them was found to be.
    """

    def __init__(
        self, engine: Engine, lane: Lane, write: Write[Item], now: Callable[[], int]
    ) -> None:
        self._lane = lane
        self._write = write
        self._now = now
        self._database = engine.collections.database
        self._election: object = None
        self._lock = Lock()
        self._stored = self._durable = 0
        self._end = _End.of(lane, 0)
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
        """Put `items` at the end; tell whether there was a fence.

        If that fails, it is not known what became of the last of them: then nothing more can be
        put here, but what was stored for sure can still be confirmed.
        """
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
            items = items[done:]
            if done < len(chunk):
                lane.n, lane.seal, lane.at = before[done]
            self._keep(chunk[:done])
            if done < len(chunk):
                self._adopt()
                fenced = True
        return fenced

    def put_alone(self, item: Item) -> bool:
        """Put `item` at the end durably, and note it; False if the place is taken by now."""
        if not self._insert([self.record(item)], _MAJORITY):
            return False
        self._note(_End.of(self._lane, 0))
        return True

    def confirm(self) -> None:
        """Return when all that was stored is durable, having noted how far it goes."""
        end = self._end
        self._note(end)
        self._release(end)

    def confirm_beside(self) -> bool:
        """Confirm what is stored by now, while another thread goes on; False if it has to do so.

        After an election it has to, for records have to be put back first.
        """
        end, election = self._end, self._election
        answer = self._run(_noting(self._lane.id, end))
        if answer.get("electionId") != election:
            return False
        self._require_noted(answer)
        self._release(end)
        return True

    def _keep(self, stored: Sequence[RawBSONDocument]) -> None:
        """Remember that `stored`, the last of which is at the end, may not be durable yet."""
        with self._lock:
            self.unconfirmed += stored
            self._stored += len(stored)
            self._end = _End.of(self._lane, self._stored)

    def _release(self, end: "_End") -> None:
        with self._lock:
            if end.stored > self._durable:
                del self.unconfirmed[: end.stored - self._durable]
                self._durable = end.stored
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
        if failures[0]["code"] != DUPLICATE_KEY:
            raise _failed(failures[0]["code"])
        return int(failures[0]["index"])

    def _command(self, command: Document) -> Document:
        """Run a command that writes; put back what a new primary may not have."""
        answer = self._run(command)
        election = answer.get("electionId")
        if election != self._election:
            if self._election is not None and self.unconfirmed:
                self._put_back()
            self._election = election
        return answer

    def _run(self, command: Document) -> Document:
        answer: Document = self._database.command(command)
        if "writeConcernError" in answer:
            raise WriteConcernError(str(answer["writeConcernError"].get("code")))
        return answer

    def _put_back(self) -> None:
        """Store again those of the unconfirmed records that are not there."""
        again = list(self.unconfirmed)
        command = {"insert": TYPE, "documents": again, "ordered": False, "writeConcern": _MAJORITY}
        failures = self._run(command).get("writeErrors", ())
        taken = {again[one["index"]]["_id"]: again[one["index"]]["seal"] for one in failures}
        for code in {one["code"] for one in failures} - {DUPLICATE_KEY}:
            raise _failed(code)
        for row in self._database[TYPE].find({"_id": {"$in": [*taken]}}, {"seal": 1}):
            if taken[row["_id"]] != row["seal"]:
                raise Broken(self._lane.id)

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

    def _note(self, end: "_End") -> None:
        """Note that the lane goes to `end`, unless further was noted.

        It is noted durably, and so is all that was inserted before.
        """
        self._require_noted(self._command(_noting(self._lane.id, end)))

    def _require_noted(self, answer: Document) -> None:
        if "writeErrors" in answer or not answer["n"]:
            raise Broken(self._lane.id)


def _failed(code: int) -> WriteError:
    # The database's own words quote the document.
    return WriteError(f"Refused with {code}.", code)


@dataclass(frozen=True, slots=True)
class _End:
    """How far a lane goes: to record `n`; `stored` were put there by this process."""

    n: int
    seal: bytes
    at: int
    stored: int

    @classmethod
    def of(cls, lane: Lane, stored: int) -> "_End":
        return cls(lane.n, lane.seal, lane.at, stored)


def _noting(lane: str, end: _End) -> Document:
    """Return the command that notes the `end` of `lane`, unless further was noted."""
    now = {"n": end.n, "seal": Binary(end.seal), "at": end.at}
    is_further = {"$lt": ["$n", end.n]}
    further = {name: {"$cond": [is_further, value, f"${name}"]} for name, value in now.items()}
    change = {"q": {"_id": lane}, "u": [{"$set": further}]}
    return {"update": LANES, "updates": [change], "writeConcern": _MAJORITY}
