"""What jobs keep is whole or not there, readable only where it was put, and never in the clear."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.outcome import Unavailable
from server.settings import Settings
from server.store import parts
from server.store.parts import Parts
from server.store.safe import Safe

LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture(scope="module")
def kept(database, tmp_path_factory):
    settings = Settings(data_folder=tmp_path_factory.mktemp("keys"))
    small, parts._PIECE = parts._PIECE, 10
    yield Parts(database, Safe(settings))
    parts._PIECE = small


@pytest.fixture
def rows(kept, database):
    database[parts.PARTS].delete_many({})
    return database[parts.PARTS]


@given(first=st.binary(max_size=45), second=st.binary(max_size=45))
def test_what_was_put_last_is_found(kept, first, second):
    kept.put("job", "answer", first, LATER)
    assert kept.find("job", "answer") == first
    kept.put("job", "answer", second, LATER)
    assert kept.find("job", "answer") == second


def test_it_is_not_in_the_clear(kept, rows):
    kept.put("job", "answer", b"whose name is", LATER)
    assert not any(b"name" in bytes(row["data"]) for row in rows.find())


def test_what_is_not_whole_is_not_there(kept, rows):
    kept.put("job", "answer", bytes(35), LATER)
    assert rows.delete_one({"_id": "job/answer/2"}).deleted_count == 1
    assert kept.find("job", "answer") is None


def test_what_was_moved_cannot_be_read(kept, rows):
    kept.put("mine", "answer", b"mine", LATER)
    kept.put("yours", "answer", b"yours", LATER)
    data = rows.find_one({"_id": "yours/answer/0"})["data"]
    rows.update_one({"_id": "mine/answer/0"}, {"$set": {"data": data}})
    with pytest.raises(Unavailable):
        kept.find("mine", "answer")


def test_many_are_found_by_the_beginning_of_their_names(kept, rows):
    for number in (1, 2, 11):
        kept.put("job", f"part/{number}", b"%d" % number, LATER)
    kept.put("job", "answer", b"", LATER)
    kept.put("job2", "part/3", b"3", LATER)
    assert kept.all("job", "part/") == {"part/1": b"1", "part/2": b"2", "part/11": b"11"}


def test_all_of_one_job_can_be_removed_but_one(kept, rows):
    for job in ("a", "b"):
        for name in ("call", "answer"):
            kept.put(job, name, b"1", LATER)
    kept.remove_but("a", "answer", "rejects/")
    assert sorted(row["_id"] for row in rows.find()) == ["a/answer/0", "b/answer/0", "b/call/0"]
    kept.remove("b")
    assert [row["_id"] for row in rows.find()] == ["a/answer/0"]
