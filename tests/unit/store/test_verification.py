"""The proof that a database is whole finds every kind of damage, and only damage."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import uuid4

import pytest

from server.store.documents import Draft
from server.store.verification import Verification


def entries(resource):
    return {"t": ["a"], "comp": ["Patient/x"]}


def draft(id, posted=False):
    body = b'{"resourceType":"Patient"}'
    return Draft("Patient", id, body, entries(None), posted)


@pytest.fixture
def findings(store):
    def found():
        return [
            each.rule for each in Verification(store.engine, entries).findings("Patient") if each
        ]

    return found


@pytest.fixture
def id(resources, database):
    """A resource that was created, deleted, and made again."""
    database["Patient"].delete_many({})
    database["Patient_history"].delete_many({})
    first = resources.create(draft(str(uuid4()), posted=True))
    resources.replace(draft(first.id), resources.delete(first))
    return first.id


def test_an_intact_database_has_no_findings(findings, resources, id):
    assert findings() == []
    resources.delete(resources.read("Patient", id))
    assert findings() == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"$set": {"t": ["b"]}}, "index-disagrees"),
        ({"$unset": {"t": ""}}, "index-disagrees"),
        ({"$set": {"v": 7}}, "versions-not-contiguous"),
        ({"$set": {"lu": 5}}, "times-not-in-order"),
        ({"$set": {"lu": 5}}, "time-disagrees"),
        ({"$unset": {"lu": ""}}, "version-without-number"),
        ({"$set": {"v": "3"}}, "version-without-number"),
        ({"$set": {"post": True}}, "post-misplaced"),
        ({"$set": {"raw": b"{"}}, "not-json"),
        ({"$unset": {"raw": ""}}, "not-json"),
        ({"$set": {"raw": b'{"resourceType":"Patient","id":"x"}'}}, "id-disagrees"),
        ({"$set": {"raw": b'{"resourceType":"Patient","meta":5}'}}, "version-disagrees"),
        ({"$set": {"raw": b'{"resourceType":"Group"}'}}, "type-disagrees"),
    ],
)
def test_damage_to_the_current_version(findings, database, id, change, rule):
    database["Patient"].update_one({"_id": id}, change)
    assert rule in findings()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"$unset": {"until": ""}}, "times-not-in-order"),
        ({"$inc": {"until": 1}}, "times-not-in-order"),
        ({"$inc": {"lu": 1}}, "time-disagrees"),
        ({"$unset": {"v": ""}}, "version-without-number"),
        ({"$unset": {"rid": ""}}, "history-without-id"),
        ({"$set": {"rid": 5}}, "history-without-id"),
        ({"$set": {"rid": "other"}}, "history-without-current"),
        ({"$set": {"g": ["a"]}}, "history-with-entries"),
        ({"$set": {"post": 1}}, "post-misplaced"),
        ({"$set": {"comp": []}}, "tombstone-compartments-disagree"),
        ({"$set": {"raw": b"{"}}, "history-not-json"),
        ({"$set": {"raw": b'{"resourceType":"Patient","id":"x"}'}}, "id-disagrees"),
    ],
)
def test_damage_to_a_superseded_version(findings, database, id, change, rule):
    database["Patient_history"].update_one({"_id": f"{id}/1"}, change)
    assert rule in findings()


@pytest.mark.parametrize("field", ["raw", "t", "post"])
def test_a_deleted_resource_that_has_something_left(findings, resources, database, id, field):
    resources.delete(resources.read("Patient", id))
    database["Patient"].update_one({"_id": id}, {"$set": {field: ["a"]}})
    assert "tombstone-with-content" in findings()


def test_a_missing_version(findings, database, id):
    database["Patient_history"].delete_one({"_id": f"{id}/1"})
    assert "versions-not-contiguous" in findings()


def test_a_version_under_a_false_name(findings, database, id):
    first = database["Patient_history"].find_one_and_delete({"_id": f"{id}/1"})
    database["Patient_history"].insert_one({**first, "_id": f"{id}/9"})
    assert findings() == ["history-id-disagrees"]


def test_a_history_without_its_resource(findings, database, id):
    database["Patient"].delete_one({"_id": id})
    assert findings() == ["history-without-current"]


def test_a_database_in_use_has_no_findings(findings, resources, id):
    stop = Event()

    def write(number):
        version = resources.create(draft(str(uuid4())))
        while not stop.is_set():
            version = resources.replace(draft(version.id), version)
            resources.delete(resources.create(draft(str(uuid4()))))

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, number) for number in range(3)]
        found = [findings() for _ in range(20)]
        stop.set()
        for writer in writers:
            writer.result(10)
    assert found == [[]] * 20
