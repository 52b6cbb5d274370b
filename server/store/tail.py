"""The end of one lane of the trail, where records are put.

One process appends to a lane; whoever else has put something there has broken it.

Spec: https://www.mongodb.com/docs/manual/reference/command/insert/
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any, Generic, TypeVar

from bson.binary import Binary
from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.errors import WriteConcernError, WriteError

from server.store import documents, lanes, whom
from server.store.documents import Document
from server.store.engine import Engine
from server.store.failures import DUPLICATE_KEY
from server.store.lanes import LANES, REGISTRY, TYPE, Lane, record_id, sealed

Item = TypeVar("Item")
Write = Callable[[Item, str, int, int], tuple[bytes, Mapping[str, Any]]]
"""Gives the bytes and the index entries of an item: its id, when it is recorded, when it was."""
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
        self.unconfirmed: list[RawBSONDocument] = []
        self.begun = self.confirmed = monotonic()

    def put(self, items: Sequence[tuple[int, Item]]) -> None:
        """Put `items`, each with its time (µs), at the end.

        If that fails, it is not known what became of the last of them: then nothing more can be
        put here, but what was stored for sure can still be confirmed.
        """
        while items:
            chunk, size = [], 0
            for at, item in items:
                chunk.append(self.record(item, at))
                size += len(chunk[-1].raw)
                if size > _BYTES:
                    break
            self._insert(chunk)
            items = items[len(chunk) :]
            self._keep(chunk)

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

    def record(self, item: Item, at: int) -> RawBSONDocument:
        """Return the document of the next record, of what was `at` (µs), and go on to it."""
        lane = self._lane
        now = max(self._now(), lane.at)
        n = lane.n + 1
        id = record_id(lane.id, n)
        raw, fields = self._write(item, id, now, at)
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

    def _insert(self, chunk: Sequence[RawBSONDocument]) -> None:
        """Insert `chunk` in order."""
        # The driver's own insert_many costs as much again.
        answer = self._command({"insert": TYPE, "documents": chunk, "writeConcern": _AT_ONCE})
        failures = answer.get("writeErrors")
        if failures and failures[0]["code"] == DUPLICATE_KEY:
            raise Broken(self._lane.id)
        if failures:
            raise _failed(failures[0]["code"])

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

    def _note(self, end: "_End") -> None:
        """Note that the lane goes to `end`, unless further was noted.

        It is noted durably, and so is all that was inserted before.
        """
        self._require_noted(self._command(_noting(self._lane.id, end)))

    def _require_noted(self, answer: Document) -> None:
        if "writeErrors" in answer or not answer["n"]:
            raise Broken(self._lane.id)


def begun(
    engine: Engine,
    write: Write[Item],
    opening: Callable[[Mapping[str, str]], Item],
    now: Callable[[], int],
) -> Tail[Item]:
    """Return the tail of a new lane, which has one record: of what `opening` makes of its facts."""
    engine.collections.ensure(TYPE)
    database = engine.collections.database

    def attempt(session: ClientSession) -> Tail[Item]:
        registry = database[LANES].find_one({"_id": REGISTRY}, session=session) or {}
        moved = lanes.moved_since(registry.get("at", 0))
        heads = database[LANES].find(moved, session=session).sort("_id", 1)
        first = lanes.opening(lanes.new_lane(now()), registry, list(heads))
        lane = Lane(first.lane, 0, first.seal, now())
        tail = Tail(engine, lane, write, now)
        document = tail.record(opening(first.facts()), lane.at)
        head = {"number": first.number, "seal": lane.seal, "at": lane.at}
        database[TYPE].insert_one(document, session=session)
        database[LANES].insert_one({"_id": lane.id, "n": 1, **head}, session=session)
        change = {"$set": {"lane": lane.id, **head}}
        database[LANES].update_one({"_id": REGISTRY}, change, upsert=True, session=session)
        return tail

    return engine.transaction(attempt)


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
