"""Whatever is done to the trail behind the server's back, `tongkang audit verify` finds it."""

import os

import pytest

from server.services import inspection
from server.store.inspection import Anchor
from server.store.lanes import LANES, REGISTRY, record_id, sealed
from tests import nursery
from tests.audit.conftest import processes, read_of

LANES_MADE, EACH = 3, 6


@pytest.fixture(scope="module")
def new_process(mongodb_url, mongodb, interpreters):
    with processes(mongodb_url, mongodb, interpreters) as new:
        yield new


@pytest.fixture(scope="module")
def services(new_process):
    """Three lanes of six records each, the first of which opens the lane."""
    several = [new_process() for _ in range(LANES_MADE)]
    for one in several:
        for number in range(EACH - 1):
            one.trail.append(read_of(number))
    for one in several:
        one.trail.confirm()
    return several[0]


@pytest.fixture(scope="module")
def records(services):
    return services.store.engine.collections.current("AuditEvent")


@pytest.fixture(scope="module")
def lanes(services):
    return services.store.engine.collections.database[LANES]


@pytest.fixture(scope="module")
def untouched(services, records, lanes):
    """All that is stored of the trail before anybody touches it, by collection."""
    history = services.store.engine.collections.history("AuditEvent")
    return [(stored, list(stored.find())) for stored in (records, lanes, history)]


@pytest.fixture(autouse=True)
def put_back(untouched):
    yield
    for stored, rows in untouched:
        stored.delete_many({})
        if rows:
            stored.insert_many(rows)


@pytest.fixture
def names(lanes):
    return [one["_id"] for one in lanes.find({"_id": {"$ne": REGISTRY}}).sort("number", 1)]


@pytest.fixture
def found(services):
    def find(anchor=None):
        return [(one.id, one.rule) for one in inspection(services).findings(anchor) if one]

    return find


def test_a_trail_that_nobody_touched_is_whole(found, services):
    assert found() == []
    assert found(inspection(services).anchor()) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda one: {"raw": one["raw"] + b" "},
        lambda one: {"raw": "text"},
        lambda one: {"raw": None},
        lambda one: {"seal": bytes(32)},
        lambda one: {"seal": None},
        lambda one: {"v": 2},
        lambda one: {"lu": one["lu"] + 1000},
        lambda one: {"lu": "now"},
        lambda one: {"t": one["t"][1:]},
        lambda one: {"ds": one["ds"] + 1000},
        lambda one: {"o": {}},
        lambda one: {"comp": ["Patient/other"]},
        lambda one: {"has": []},
        lambda one: {"w": []},
        lambda one: {"own": "Organization/other"},
        lambda one: {"div": ["11"]},
        lambda one: {"shut": True},
        lambda one: {"post": True},
        lambda one: {"del": True},
        lambda one: {"more": 1},
    ],
)
@pytest.mark.parametrize("n", [1, 3, EACH])
def test_a_changed_field_is_found(found, records, names, change, n):
    id = record_id(names[1], n)
    before = records.find_one({"_id": id})
    records.update_one({"_id": id}, {"$set": change(before)})
    assert records.find_one({"_id": id}) != before
    assert id in [where for where, _ in found()]


@pytest.mark.parametrize("n", [3, EACH])
def test_another_person_in_a_record_is_found(found, records, names, n):
    id = record_id(names[1], n)
    raw = records.find_one({"_id": id})["raw"]
    assert b"Practitioner/p1" in raw
    other = raw.replace(b"Practitioner/p1", b"Practitioner/p2")
    records.update_one({"_id": id}, {"$set": {"raw": other}})
    assert id in [where for where, _ in found()]


def test_the_record_that_opens_a_lane_names_no_person_who_could_be_another(records, names):
    raw = records.find_one({"_id": record_id(names[1], 1)})["raw"]
    assert b"Practitioner/" not in raw
    assert b"Patient/" not in raw


@pytest.mark.parametrize("field", ["raw", "seal", "v", "lu", "t", "ds", "has", "o"])
def test_a_field_taken_away_is_found(found, records, names, field):
    id = record_id(names[0], 3)
    records.update_one({"_id": id}, {"$unset": {field: ""}})
    assert id in [where for where, _ in found()]


@pytest.mark.parametrize("lane", range(LANES_MADE))
@pytest.mark.parametrize("numbers", [(1,), (3,), (EACH,), (3, 4), (EACH - 1, EACH), (1, 2)])
def test_a_deletion_is_found_where_it_begins(found, records, names, lane, numbers):
    for n in numbers:
        records.delete_one({"_id": record_id(names[lane], n)})
    assert (record_id(names[lane], numbers[0]), "trail-record-missing") in found()


@pytest.mark.parametrize("lane", range(LANES_MADE))
@pytest.mark.parametrize("with_head", [False, True])
def test_a_lane_taken_away_is_found(request, found, names, lane, with_head):
    records, lanes = request.getfixturevalue("records"), request.getfixturevalue("lanes")
    records.delete_many({"_id": {"$regex": f"^{names[lane]}-"}})
    if with_head:
        lanes.delete_one({"_id": names[lane]})
    assert "trail-lane-missing" in [rule for _, rule in found()]


def test_all_taken_away_is_found(found, records, lanes):
    records.delete_many({})
    assert len(found()) >= LANES_MADE
    lanes.delete_many({"_id": {"$ne": REGISTRY}})
    assert len(found()) >= LANES_MADE


@pytest.mark.parametrize("lane", range(LANES_MADE))
def test_a_head_taken_away_is_found(found, lanes, names, lane):
    lanes.delete_one({"_id": names[lane]})
    assert found()


def test_the_registry_taken_away_is_found(found, lanes):
    lanes.delete_one({"_id": REGISTRY})
    assert found()


@pytest.mark.parametrize(
    "change", [{"n": 4}, {"n": 9}, {"seal": bytes(32)}, {"number": 7}, {"number": 1}, {"n": "x"}]
)
def test_a_changed_head_is_found(found, lanes, names, change):
    lanes.update_one({"_id": names[1]}, {"$set": change})
    assert found()


@pytest.mark.parametrize(
    "change", [{"number": 2}, {"number": 4}, {"seal": bytes(32)}, {"lane": "x"}]
)
def test_a_changed_registry_is_found(found, lanes, change):
    lanes.update_one({"_id": REGISTRY}, {"$set": change})
    assert found()


@pytest.mark.parametrize("other", [(1, 4), (1, EACH), (0, 3)])
def test_two_records_that_changed_places_are_found(found, records, names, other):
    here, there = record_id(names[1], 3), record_id(names[other[0]], other[1])
    one, two = records.find_one({"_id": here}), records.find_one({"_id": there})
    records.replace_one({"_id": here}, {**two, "_id": here})
    records.replace_one({"_id": there}, {**one, "_id": there})
    assert {here, there} <= {where for where, _ in found()}


@pytest.mark.parametrize(
    "id", ["x", "x-1", "0193a1b2c3d4e5f6aaaa-0000000001", "{lane}-7", "{lane}-x"]
)
def test_a_record_put_beside_the_lanes_is_found(found, records, names, id):
    copy = records.find_one({"_id": record_id(names[1], 3)})
    records.insert_one({**copy, "_id": id.format(lane=names[1])})
    assert "trail-record-outside" in [rule for _, rule in found()]


def test_a_record_said_twice_is_found(found, records, names):
    copy = records.find_one({"_id": record_id(names[1], EACH)})
    id = record_id(names[1], EACH + 1)
    records.insert_one({**copy, "_id": id})
    assert (id, "trail-record-changed") in found()


def test_a_record_put_in_between_is_found(found, records, names):
    for n in range(EACH, 2, -1):
        moved = records.find_one_and_delete({"_id": record_id(names[1], n)})
        records.insert_one({**moved, "_id": record_id(names[1], n + 1)})
    copy = records.find_one({"_id": record_id(names[1], 2)})
    records.insert_one({**copy, "_id": record_id(names[1], 3)})
    assert record_id(names[1], 3) in [where for where, _ in found()]


def test_a_record_in_the_history_is_found(services, found, records):
    copy = records.find_one()
    services.store.engine.collections.history("AuditEvent").insert_one(copy)
    assert found()


def rewrite(records, lanes, name, n):
    """Take record `n` of a lane away, and seal all after it anew, as if it had never been."""
    rows = list(records.find({"_id": {"$regex": f"^{name}-"}}).sort("_id", 1))
    records.delete_many({"_id": {"$regex": f"^{name}-"}})
    seal = rows[n - 2]["seal"]
    kept = rows[: n - 1]
    for number, row in enumerate(rows[n:], n):
        raw = row["raw"].replace(row["_id"].encode(), record_id(name, number).encode())
        seal = sealed(seal, name, number, raw)
        kept.append({**row, "_id": record_id(name, number), "raw": raw, "seal": seal})
    records.insert_many(kept)
    lanes.update_one({"_id": name}, {"$set": {"n": len(kept), "seal": seal}})


def test_who_seals_a_lane_anew_is_found_by_what_a_later_lane_saw(
    new_process, found, records, lanes, names
):
    another = new_process()
    another.trail.append(read_of(1))
    another.trail.confirm()
    rewrite(records, lanes, names[1], 3)
    assert found() != []


def test_who_seals_a_lane_anew_is_found_by_an_anchor_kept_outside(
    services, found, records, lanes, names
):
    anchor = Anchor.read(str(inspection(services).anchor()))
    rewrite(records, lanes, names[2], 3)
    assert found() == []
    assert found(anchor) != []


def test_a_trail_put_back_to_an_earlier_state_is_found_by_an_anchor(
    services, new_process, found, records, lanes
):
    earlier = list(records.find()), list(lanes.find())
    another = new_process()
    another.trail.append(read_of(9))
    another.trail.confirm()
    anchor = inspection(services).anchor()
    for collection, rows in zip((records, lanes), earlier, strict=True):
        collection.delete_many({})
        collection.insert_many(rows)
    assert found() == []
    assert found(anchor) != []


def test_the_command_tells_what_is_wrong_and_fails(mongodb_url, services, records, names, tmp_path):
    def run(*arguments):
        environ = {**os.environ, "TONGKANG_MONGODB_URL": mongodb_url, "TONGKANG_LANGUAGE": "en"}
        environ["TONGKANG_DATABASE"] = services.interpreters.settings.database
        return nursery.ran("audit", *arguments, environ=environ)

    anchored = run("anchor")
    assert anchored.returncode == 0, anchored.stderr
    file = tmp_path / "anchor"
    file.write_text(anchored.stdout)
    whole = run("verify", "--anchor", str(file))
    assert whole.returncode == 0, whole.stdout + whole.stderr
    exported = run("export", "--since", "2020-01-01")
    assert len(exported.stdout.splitlines()) >= LANES_MADE * EACH, exported.stderr
    records.delete_one({"_id": record_id(names[1], 3)})
    broken = run("verify", "--anchor", str(file))
    assert broken.returncode == 1
    assert f"AuditEvent/{record_id(names[1], 3)}: records are missing" in broken.stdout
