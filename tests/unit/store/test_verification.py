"""The proof that a database is whole finds every kind of damage."""

from uuid import uuid4

import pytest

from server.store.verification import Verification


def entries(resource):
    return {"t": ["a"]}


@pytest.fixture
def findings(store):
    def found():
        return [
            each.rule for each in Verification(store.engine, entries).findings("Patient") if each
        ]

    return found


@pytest.fixture
def id(resources, new, database):
    database["Patient"].delete_many({})
    database["Patient_history"].delete_many({})
    first = resources.create(new(str(uuid4())))
    resources.replace(new(first.id), resources.delete(first))
    return first.id


def test_an_intact_database_has_no_findings(findings, id):
    assert findings() == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"$set": {"t": ["b"]}}, "index-disagrees"),
        ({"$unset": {"t": ""}}, "index-disagrees"),
        ({"$set": {"v": 7}}, "versions-not-contiguous"),
        ({"$set": {"lu": 5}}, "times-not-in-order"),
        ({"$set": {"raw": b"{"}}, "not-json"),
        ({"$set": {"raw": b'{"resourceType":"Patient","id":"x"}'}}, "id-disagrees"),
    ],
)
def test_damage_to_the_current_version(findings, database, id, change, rule):
    database["Patient"].update_one({"_id": id}, change)
    assert rule in findings()


def test_a_missing_version(findings, database, id):
    database["Patient_history"].delete_one({"_id": f"{id}/1"})
    assert findings() == ["versions-not-contiguous"]


def test_a_history_without_its_resource(findings, database, id):
    database["Patient"].delete_one({"_id": id})
    assert findings() == ["history-without-current"]
