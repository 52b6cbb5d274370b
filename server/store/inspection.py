"""The proof that the trail is whole: no record changed, missing, added or out of its place.

Reads the records once, in the order of their ids, which is lane by lane; what is kept meanwhile
grows with the number of lanes, not of records. The trail may be in use: what comes after a head was
noted may be there, in order and sealed, but need not.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import orjson
from pymongo.client_session import ClientSession

from server.fhir.json import Resource
from server.store import whom
from server.store.collections import NONE
from server.store.documents import Document
from server.store.engine import Engine
from server.store.lanes import LANES, NOTHING, REGISTRY, TYPE, Opening, Witness, record_id, sealed
from server.store.sheaf_inspection import SheafInspection
from server.store.sheaves import Unfolding
from server.store.verification import Finding

_BATCH = 500
_CONFIRMED_US = 60 * 1_000_000


@dataclass(frozen=True, slots=True)
class Anchor:
    """How far the trail was known to go: to be kept where nobody who could change it can.

    `lanes` is the number of lanes, `last` the first record of the last of them.
    """

    lanes: int
    last: Witness | None
    heads: tuple[Witness, ...]

    def __str__(self) -> str:
        lines = [f"{self.lanes} {self.last}"] if self.last else ["0"]
        return "\n".join([*lines, *map(str, self.heads)])

    @classmethod
    def read(cls, text: str) -> "Anchor":
        """Return the anchor that `text` says. Raises ValueError if it says none."""
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        if not lines:
            raise ValueError(text[:40])
        number, _, last = lines[0].partition(" ")
        heads = tuple(map(Witness.read, lines[1:]))
        return cls(int(number), Witness.read(last) if last else None, heads)


@dataclass(slots=True)
class _Seen:
    """A lane as far as it was read; `wanted` are seals that its records must have, by number."""

    id: str
    n: int = 0
    at: int = 0
    seal: bytes = NOTHING
    first: bytes | None = None
    follows: bytes = NOTHING
    wanted: dict[int, set[bytes]] = field(default_factory=dict)


class Inspection:
    """Reads the trail of a database.

    `faults` yields what is wrong with a record by itself, `facts` returns what the first record
    of a lane says, `is_sound` tells whether a sheaf is found by what is in it.
    """

    def __init__(
        self,
        engine: Engine,
        faults: Callable[[Document], Iterable[str]],
        facts: Callable[[Resource], Mapping[str, str]],
        is_sound: Callable[[Document], bool],
    ) -> None:
        # What is in a sheaf stays there: it is looked at as it is.
        self._records = engine.collections.current(TYPE, NONE)
        self._sheaves = SheafInspection(engine.collections.database, facts, is_sound)
        self._past = engine.collections.history(TYPE)
        self._lanes = engine.collections.database[LANES]
        self._engine = engine
        self._faults = faults
        self._facts = facts

    def size(self) -> int:
        """Return about how many records there are."""
        return self._records.estimated_document_count()

    def anchor(self) -> Anchor:
        """Return how far the trail goes just now."""
        registry, heads = self._noted()
        last = Witness.of({**registry, "_id": registry["lane"], "n": 1}) if registry else None
        return Anchor(registry.get("number", 0), last, tuple(map(Witness.of, heads)))

    def records(self, start: int, end: int | None) -> Iterator[bytes]:
        """Yield the records from `start` to before `end` (µs since 1970) in order of time."""
        period = {"ds": {"$gte": start} if end is None else {"$gte": start, "$lt": end}}
        self._unfold(period)
        for document in self._records.find(period, {"raw": 1}, sort=[("ds", 1), ("_id", -1)]):
            yield bytes(document["raw"])

    def _unfold(self, where: Mapping[str, object]) -> None:
        """Have what fulfils `where` unfolded, however long that takes."""
        is_whole = False
        while not is_whole:
            with suppress(Unfolding):
                self._engine.collections.current(TYPE, where)
                is_whole = True

    def findings(self, anchor: Anchor | None = None) -> Iterator[Finding | None]:
        """Yield each finding, and None after each record, for a progress bar."""
        registry, heads = self._noted()
        lanes: dict[str, _Seen] = {}
        numbers: dict[int, str] = {}
        yield from self._heads(registry, heads, lanes, numbers)
        yield from self._openings(lanes)
        for one in (*anchor.heads, *([anchor.last] if anchor.last else [])) if anchor else ():
            if one.lane not in lanes:
                yield Finding(TYPE, one.lane, "trail-lane-missing")
            else:
                lanes[one.lane].wanted.setdefault(one.n, set()).add(one.seal)
        for past in self._past.find({}, {"_id": 1}):
            yield Finding(TYPE, str(past["_id"]), "trail-record-changed")
        for document in self._records.find(sort=[("_id", 1)], batch_size=_BATCH):
            yield from self._record(document, lanes)
            yield None
        yield from self._ends(lanes, numbers)
        yield from self._sheaves.findings()

    def _noted(self) -> tuple[Document, list[Document]]:
        """Return the registry and the heads, all as of one moment."""

        def read(session: ClientSession) -> tuple[Document, list[Document]]:
            found = list(self._lanes.find(session=session).sort("_id", 1))
            registry = next((one for one in found if one["_id"] == REGISTRY), {})
            # A registry that only has an epoch has seen no lane.
            return registry if "lane" in registry else {}, [
                one for one in found if one["_id"] != REGISTRY
            ]

        return self._engine.transaction(read)

    def _heads(
        self,
        registry: Document,
        heads: Sequence[Document],
        lanes: dict[str, _Seen],
        numbers: dict[int, str],
    ) -> Iterator[Finding]:
        for head in heads:
            try:
                known, number = Witness.of(head), int(head["number"])
            except (ValueError, KeyError, TypeError):
                yield Finding(TYPE, str(head["_id"]), "trail-head-changed")
                continue
            lanes[known.lane] = _Seen(known.lane, wanted={known.n: {known.seal}})
            if number in numbers:
                yield Finding(TYPE, known.lane, "trail-head-changed")
            numbers[number] = known.lane
        count = registry.get("number", 0)
        for number in range(1, count + 1):
            if number not in numbers:
                yield Finding(TYPE, str(number), "trail-lane-missing")
        if max(numbers, default=0) > count or (
            count and numbers.get(count) not in (None, registry.get("lane"))
        ):
            yield Finding(TYPE, REGISTRY, "trail-head-changed")
        last = lanes.get(str(registry.get("lane")))
        if last is not None:
            last.wanted.setdefault(1, set()).add(bytes(registry.get("seal", b"")))

    def _openings(self, lanes: dict[str, _Seen]) -> Iterator[Finding]:
        """Note what the first records of all lanes say of the others."""
        ids = [record_id(lane, 1) for lane in lanes]
        for start in range(0, len(ids), _BATCH):
            some = {"_id": {"$in": ids[start : start + _BATCH]}}
            for document in self._records.find(some):
                opening = self._opening(document)
                if opening is None:
                    yield Finding(TYPE, document["_id"], "trail-opening-unreadable")
                    continue
                lanes[document["_id"].rpartition("-")[0]].follows = opening.seal
                before = [Witness(opening.follows, 1, opening.seal)] if opening.follows else []
                for one in (*opening.witnesses, *before):
                    if one.lane in lanes:
                        lanes[one.lane].wanted.setdefault(one.n, set()).add(one.seal)
                    else:
                        yield Finding(TYPE, one.lane, "trail-lane-missing")

    def _opening(self, document: Document) -> Opening | None:
        try:
            return Opening.read(self._facts(orjson.loads(document["raw"])))
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    def _record(self, document: Document, lanes: dict[str, _Seen]) -> Iterator[Finding]:
        id = str(document["_id"])
        name, _, number = id.rpartition("-")
        lane = lanes.get(name) or self._late(name, document, lanes)
        if lane is None or not number.isdecimal() or record_id(name, int(number)) != id:
            yield Finding(TYPE, id, "trail-record-outside")
            return
        n = int(number)
        if n != lane.n + 1:
            yield Finding(TYPE, record_id(name, lane.n + 1), "trail-record-missing")
        raw, seal, at = _sound(document) or (b"", b"", lane.at)
        if not raw:
            yield Finding(TYPE, id, "trail-record-changed")
        rules = [*self._faults(document)] if raw else []
        if not rules and document.get(whom.FIELD) != whom.terms(document):
            rules.append("trail-record-changed")
        before = lane.follows if n == 1 else lane.seal
        if n == lane.n + 1 and seal != sealed(before, name, n, raw):
            rules.append("trail-record-changed")
        if any(seal != wanted for wanted in lane.wanted.pop(n, ())):
            rules.append("trail-seal-differs")
        if at < lane.at:
            rules.append("trail-time-runs-back")
        rules += self._sheaves.faults(raw)
        for rule in dict.fromkeys(rules):
            yield Finding(TYPE, id, rule)
        lane.n, lane.seal, lane.at = n, seal, at
        if n == 1:
            lane.first = seal

    def _late(self, name: str, document: Document, lanes: dict[str, _Seen]) -> _Seen | None:
        """Return a lane that has begun since the heads were read, None if there is none."""
        if self._lanes.find_one({"_id": name}) is None:
            return None
        opening = self._opening(document)
        lane = _Seen(name, follows=opening.seal if opening else NOTHING)
        lanes[name] = lane
        return lane

    def _ends(self, lanes: dict[str, _Seen], numbers: dict[int, str]) -> Iterator[Finding]:
        for lane in lanes.values():
            if not lane.n:
                yield Finding(TYPE, lane.id, "trail-lane-missing")
            elif lane.wanted:
                yield Finding(TYPE, record_id(lane.id, lane.n + 1), "trail-record-missing")
            elif not self._is_noted(lane):
                yield Finding(TYPE, record_id(lane.id, lane.n), "trail-record-unconfirmed")
        before: bytes | None = NOTHING
        for number in sorted(numbers):
            lane = lanes[numbers[number]]
            if lane.n and before is not None and lane.follows != before:
                yield Finding(TYPE, lane.id, "trail-lane-misplaced")
            before = lane.first if number + 1 in numbers else None

    def _is_noted(self, lane: _Seen) -> bool:
        """Tell whether the head of `lane` is there, and not far behind."""
        head = self._lanes.find_one({"_id": lane.id}) or {}
        match head:
            case {"n": int(n), "at": int(at)}:
                return n >= lane.n or lane.at <= at + _CONFIRMED_US
        return False


def _sound(document: Document) -> tuple[bytes, bytes, int] | None:
    """Return the bytes, the seal and the time of a record, None if they are not what they are."""
    match document:
        case {"raw": bytes(raw), "seal": bytes(seal), "lu": int(at), "v": 1}:
            return raw, seal, at
    return None
