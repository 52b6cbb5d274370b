"""The trail: what is appended is there, sealed, and tells of a new epoch."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import orjson
import pytest

from server.store.database import Store
from server.store.items import Records
from server.store.lanes import NOTHING, sealed
from server.store.trail import Trail


@dataclass(frozen=True)
class Spec:
    name: str
    keys: tuple
    options: dict = field(default_factory=dict)


def write(item, id, now, at):
    body = {"resourceType": "AuditEvent", "id": id, "said": item}
    return orjson.dumps(body), {"t": ["a"]}


@pytest.fixture
def new_trail(mongodb):
    """Return a function that makes the trail of one more process, on one database."""
    name = f"test_{secrets.token_hex(6)}"
    store = Store.open(
        mongodb, name, lambda _: [Spec("t_id", (("t", 1), ("_id", 1)))], ZoneInfo("Asia/Shanghai")
    )
    records = Records(
        write,
        lambda item: [item],
        dict,
        dict,
        dict,
        lambda item: item == "durable",
        lambda item: (b"", orjson.dumps(item)),
        lambda _, rest: orjson.loads(rest),
        lambda _: (),
    )
    yield lambda: Trail(store.engine, records, store.now)
    mongodb.drop_database(name)


def rows(trail):
    trail.confirm()
    return list(trail._database["AuditEvent"].find().sort("_id", 1))


def test_what_is_appended_is_there_in_order_and_sealed(new_trail):
    trail = new_trail()
    for item in ("a", "b", "c"):
        trail.append(item)
    opening, *found = rows(trail)
    assert [orjson.loads(one["raw"])["said"] for one in found] == ["a", "b", "c"]
    lane = opening["_id"].partition("-")[0]
    seal = NOTHING
    for n, one in enumerate([opening, *found], 1):
        assert one["_id"] == f"{lane}-{n:010}"
        seal = sealed(seal, lane, n, one["raw"])
        assert one["seal"] == seal


def test_a_lane_begins_with_the_seal_and_the_number_of_the_one_before(new_trail):
    one, other = new_trail(), new_trail()
    one.append("a")
    one.confirm()
    other.append("b")
    facts = [
        orjson.loads(each["raw"])["said"]
        for each in rows(one)
        if each["_id"].endswith("-0000000001")
    ]
    first, second = facts
    assert (first["number"], second["number"]) == ("1", "2")
    assert second["follows"] == first["lane"]
    assert second["witnesses"].startswith(f"{first['lane']} 2 ")


def test_many_threads_append_together_and_nothing_is_lost(new_trail):
    trail = new_trail()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(trail.append, map(str, range(400))))
    said = [orjson.loads(one["raw"])["said"] for one in rows(trail)[1:]]
    assert sorted(map(int, said)) == list(range(400))


def test_the_next_record_of_every_process_tells_it_of_a_new_epoch(new_trail):
    one, other = new_trail(), new_trail()
    before = one.append("a")
    assert other.append("b") == before
    assert one.bump() == before + 1
    assert other.epoch() == before
    assert other.append("c") == before + 1
    assert one.append("d") == before + 1
    assert new_trail().append("e") == before + 1


def test_a_bump_before_anything_was_recorded_counts(new_trail):
    trail = new_trail()
    epoch = trail.bump()
    assert trail.append("a") == epoch
    assert trail.bump() == epoch + 1
    assert trail.append("b") == epoch + 1
