"""Records that are not FHIR: what comes from outside is a value and never an operator."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from server.fhir.outcome import Unprocessable
from server.store.shelf import Layout, Shelf, Taken


@pytest.fixture
def shelf(database):
    layout = Layout(f"_{uuid4().hex}", indexes=(("colour",),), unique=("name",))
    return Shelf(database, layout)


def past(seconds=1):
    return datetime.now(UTC) - timedelta(seconds=seconds)


def test_a_record_is_found_by_its_id_and_by_its_values(shelf):
    shelf.add("1", {"name": "a", "colour": "red"})
    assert shelf.find("1") == {"id": "1", "name": "a", "colour": "red"}
    assert shelf.first({"colour": "red"})["id"] == "1"
    assert shelf.find("2") is None
    assert shelf.all({"colour": "red"}) == [shelf.find("1")]
    assert shelf.count({"colour": "blue"}) == 0


def test_an_id_and_a_unique_value_are_there_once(shelf):
    shelf.add("1", {"name": "a"})
    with pytest.raises(Taken):
        shelf.add("1", {})
    with pytest.raises(Taken):
        shelf.add("2", {"name": "a"})
    shelf.add("2", {})
    shelf.add("3", {})
    with pytest.raises(Taken):
        shelf.change("2", {"name": "a"})


def test_what_has_expired_is_not_there(shelf):
    shelf.add("1", {"colour": "red", "expires_at": past()})
    assert shelf.find("1") is None
    assert shelf.first({"colour": "red"}) is None
    assert shelf.take("1") is None
    assert shelf.change("1", {"colour": "blue"}) is None
    assert shelf.count({}) == 0


def test_only_one_of_many_takes_a_record(shelf):
    shelf.add("1", {})
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: shelf.take("1"), range(8)))
    assert sum(one is not None for one in taken) == 1


def test_only_one_of_many_changes_what_it_asks_to_be_unchanged(shelf):
    shelf.add("1", {"used": False})
    with ThreadPoolExecutor(8) as pool:
        changed = list(
            pool.map(lambda _: shelf.change("1", {"used": True}, {"used": False}), range(8))
        )
    assert sum(one is not None for one in changed) == 1


def test_counting_loses_nothing_and_begins_again(shelf):
    later = {"expires_at": datetime.now(UTC) + timedelta(minutes=1)}
    with ThreadPoolExecutor(8) as pool:
        counts = sorted(pool.map(lambda _: shelf.increase("1", "n", later)["n"], range(8)))
    assert counts == [1, 2, 3, 4, 5, 6, 7, 8]
    shelf.put("2", {"n": 9, "expires_at": past()})
    assert shelf.increase("2", "n", later)["n"] == 1
    assert shelf.find("2")["expires_at"] > datetime.now(UTC)
    shelf.put("3", {"n": 9, "name": "$name"})
    assert shelf.increase("3", "n", later, by=-2)["n"] == 7
    assert shelf.find("3")["name"] == "$name"


@pytest.mark.parametrize("value", [{"$ne": None}, {"$gt": ""}, {"$regex": ".*"}, ["a"]])
def test_an_operator_is_only_a_value(shelf, value):
    shelf.add("1", {"name": "a"})
    assert shelf.first({"name": value}) is None
    assert shelf.remove({"name": value}) == 0


def test_one_of_several_values_will_do(shelf):
    for id, colour in (("1", "red"), ("2", "blue"), ("3", ["green", "blue"])):
        shelf.add(id, {"colour": colour})
    assert [one["id"] for one in shelf.all({"colour": ("red", "green")})] == ["1", "3"]
    with pytest.raises(Unprocessable):
        shelf.all({"colour": ({"$ne": "red"},)})


def test_pages_have_every_record_once_the_newest_first(shelf):
    now = past()
    moments = [now - timedelta(seconds=ago) for ago in (3, 1, 1, 1, 2)]
    for number, moment in enumerate(moments):
        shelf.add(str(number), {"colour": "red", "created": moment})
    shelf.add("blue", {"colour": "blue", "created": past()})
    seen, after = [], None
    while after is not None or not seen:
        page = shelf.page({"colour": "red"}, newest="created", after=after, limit=2)
        seen.append([one["id"] for one in page.records])
        after = page.after
    assert seen == [["1", "2"], ["3", "4"], ["0"]]


def test_a_page_behind_what_is_gone_is_the_first(shelf):
    shelf.add("1", {"colour": "red", "created": past()})
    page = shelf.page({"colour": "red"}, newest="created", after="gone", limit=2)
    assert [one["id"] for one in page.records] == ["1"]
