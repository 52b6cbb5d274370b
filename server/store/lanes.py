"""The lanes of the trail: each process appends to one of its own, and each lane is a chain.

``_lanes`` has a document ``{_id: lane, number, n, seal, at}`` for each lane, its head: how far it
is known to go. The document ``registry`` counts the lanes and has the seal of the first record of
the last of them, and the epoch. A lane begins with a record that is sealed over the beginning of
the lane before it, and that witnesses how far others were at that time: who takes away a lane, or
shortens it, leaves a record that says otherwise.

A seal is the SM3 hash of the seal before it, the lane, the number in the lane, and the record.

Spec: GB/T 32905-2016, https://www.oscca.gov.cn/sca/xxgk/2010-12/17/content_1002389.shtml
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes

from server.store.documents import Document

LANES = "_lanes"
REGISTRY = "registry"
TYPE = "AuditEvent"
NOTHING = bytes(32)
"""What the first lane of all follows."""
LANE_SECONDS = 24 * 3600
_MARGIN_MS = 2 * 3600 * 1000
_WITNESSED_US = 3600 * 1_000_000
_SM3 = hashes.SM3()


@dataclass(slots=True)
class Lane:
    """The lane of this process: `n` records so far, the last sealed with `seal` at `at` (µs)."""

    id: str
    n: int
    seal: bytes
    at: int


def new_lane(now: int) -> str:
    """Return the id of a lane begun `now` (µs); later ones sort behind earlier ones."""
    return f"{now // 1000:012x}{secrets.token_hex(4)}"


def oldest_in_use(now: int) -> str:
    """Return what no lane that a process may still append to `now` (µs) sorts before."""
    return f"{max(0, now // 1000 - LANE_SECONDS * 1000 - _MARGIN_MS):012x}"


def record_id(lane: str, n: int) -> str:
    """Return the id of record `n` of `lane`; ids sort as the records do."""
    return f"{lane}-{n:010}"


def sealed(before: bytes, lane: str, n: int, raw: bytes) -> bytes:
    """Return the seal of record `n` of `lane`, whose bytes are `raw`, after the seal `before`."""
    digest = hashes.Hash(_SM3)
    digest.update(b"%b%b%d:%b" % (before, lane.encode(), n, raw))
    return digest.finalize()


@dataclass(frozen=True, slots=True)
class Witness:
    """That record `n` of `lane` was sealed with `seal`."""

    lane: str
    n: int
    seal: bytes

    def __str__(self) -> str:
        return f"{self.lane} {self.n} {self.seal.hex()}"

    @classmethod
    def of(cls, head: Mapping[str, object]) -> "Witness":
        """Return what the `head` of a lane says. Raises ValueError if it is none."""
        lane, n, seal = (head.get(name) for name in ("_id", "n", "seal"))
        if not (isinstance(lane, str) and isinstance(n, int) and isinstance(seal, bytes)):
            raise ValueError(lane)  # noqa: TRY004 - like read(), for whoever reads what may be broken
        return cls(lane, n, seal)

    @classmethod
    def read(cls, text: str) -> "Witness":
        """Return the witness that `text` says. Raises ValueError if it says none."""
        lane, n, seal = text.split()
        return cls(lane, int(n), bytes.fromhex(seal))


@dataclass(frozen=True, slots=True)
class Opening:
    """What the first record of a lane says of the lanes before it."""

    lane: str
    number: int
    follows: str
    seal: bytes
    witnesses: tuple[Witness, ...]

    def facts(self) -> dict[str, str]:
        """Return this as names and values to be written into a record."""
        return {
            "lane": self.lane,
            "number": str(self.number),
            "follows": self.follows,
            "seal": self.seal.hex(),
            "witnesses": "; ".join(map(str, self.witnesses)),
        }

    @classmethod
    def read(cls, facts: Mapping[str, str]) -> "Opening":
        """Return the opening that `facts` say. Raises ValueError or KeyError if they say none."""
        witnesses = filter(None, facts.get("witnesses", "").split("; "))
        return cls(
            facts["lane"],
            int(facts["number"]),
            facts.get("follows", ""),
            bytes.fromhex(facts["seal"]),
            tuple(map(Witness.read, witnesses)),
        )


def opening(lane: str, registry: Mapping[str, object], heads: Sequence[Document]) -> Opening:
    """Return how `lane` begins, as `registry` is, with those `heads` witnessed."""
    number, seal = registry.get("number", 0), registry.get("seal", NOTHING)
    if not (isinstance(number, int) and isinstance(seal, bytes)):
        raise ValueError(REGISTRY)  # noqa: TRY004 - the registry is broken, not its reader
    witnesses = tuple(map(Witness.of, heads))
    return Opening(lane, number + 1, str(registry.get("lane", "")), seal, witnesses)


def moved_since(at: int) -> Document:
    """Return the condition on heads of lanes to witness, when the last lane began `at` (µs)."""
    return {"_id": {"$ne": REGISTRY}, "at": {"$gte": at - _WITNESSED_US}}
