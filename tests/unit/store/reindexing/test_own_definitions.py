"""Own search parameters in several processes: indexed before they are used."""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from zoneinfo import ZoneInfo

import pytest

from server.fhir.outcome import TooLarge, Unavailable
from server.store.database import Store, connect
from server.store.verification import Verification
from tests.unit.store.reindexing.conftest import Process, terms


def test_a_parameter_is_used_when_all_that_was_stored_is_indexed_by_it(process, database):
    one = process()
    for n in range(10):
        one.write(f"p{n}")
    one.define("a")
    one.registry.refresh()
    assert one.usable == set()
    assert one.waiting == {"Patient": {"a": 0}}
    assert one.registry.is_reindexing("Patient")
    one.settle()
    assert one.usable == {"a"}
    assert not one.registry.is_reindexing("Patient")
    assert set(map(tuple, terms(database).values())) == {("a=a",)}


def test_only_index_fields_change(process, database):
    one = process()
    for n in range(4):
        one.write(f"p{n}")
    one.resources.delete(one.resources.find("Patient", "p3"))
    before = {each["_id"]: each for each in database.Patient.find()}
    one.define("a")
    one.settle()
    after = {each["_id"]: each for each in database.Patient.find()}
    assert after.pop("p3") == before.pop("p3")
    for id, document in after.items():
        assert document == {**before[id], "t": ["a=a"]}
    assert list(Verification(one.store.engine, one.entries).findings("Patient")) == [None] * 4


def test_every_process_hears_of_it(process):
    one, two = process(), process()
    one.registry.refresh()
    two.registry.refresh()
    one.define("a")
    two.registry.refresh()
    two.registry.refresh()
    one.settle()
    assert one.usable == {"a"}
    assert two.usable == set()
    two.registry.refresh()
    assert two.usable == {"a"}


def test_a_process_that_has_not_looked_for_long_looks_before_it_writes(process, database):
    one, two = process(), process()
    two.registry.refresh()
    one.define("a")
    two.registry._fresh -= 6
    two.write("p")
    assert terms(database) == {"p": ["a=a"]}


def test_a_second_parameter_does_not_take_the_first_away(process):
    one = process()
    one.write("p")
    one.define("a")
    one.settle()
    one.define("b")
    one.registry.refresh()
    assert one.usable == {"a"}
    one.settle()
    assert one.usable == {"a", "b"}


def test_a_changed_definition_is_not_used_before_it_is_indexed(process):
    one = process()
    one.write("p")
    one.define("a")
    one.settle()
    one.define("a", expression="b")
    one.registry.refresh()
    assert one.usable == set()
    one.settle()
    assert one.usable == {"a"}


@pytest.mark.parametrize("how", ["retired", "deleted"])
def test_one_that_is_no_more_is_not_used_and_its_entries_go(process, database, how):
    one = process()
    one.write("p")
    one.define("a")
    one.settle()
    if how == "retired":
        one.define("a", status="retired")
    else:
        one.resources.delete(one.resources.find("SearchParameter", "a"))
    one.registry.refresh()
    assert one.usable == set()
    one.settle()
    assert terms(database) == {"p": []}


def test_one_that_comes_back_is_indexed_again(process, database):
    one = process()
    one.define("a")
    one.settle()
    one.define("a", status="retired")
    one.registry.refresh()
    one.write("between")
    one.define("a")
    one.registry.refresh()
    assert one.usable == set()
    one.settle()
    assert terms(database) == {"between": ["a=a"]}
    assert one.usable == {"a"}


def test_what_cannot_be_indexed_fails_with_a_reason_and_is_not_used(process):
    def refuse(resource):
        if resource["id"] == "p1":
            raise TooLarge.because("index-entries-too-many", limit=1, bytes=1)

    one = process()
    for n in range(3):
        one.write(f"p{n}")
    one.define("a")
    one.registry.refresh()
    one.before = refuse
    one.settle()
    job = one.registry.jobs["Patient"]
    assert (job.state, one.usable) == ("failed", set())
    assert job.reason.startswith("Patient/p1: ")

    one.before = lambda _: None
    one.registry.again(["Patient"])
    one.settle()
    assert one.usable == {"a"}


def test_indexing_anew_by_hand_mends_entries_and_takes_nothing_away(process, database):
    one = process()
    one.write("p")
    one.define("a")
    one.settle()
    database.Patient.update_one({"_id": "p"}, {"$set": {"t": ["wrong"], "old": [1]}})
    one.registry.again(["Patient"])
    assert one.usable == {"a"}
    one.settle()
    assert database.Patient.find_one({}, {"t": 1, "old": 1}) == {"_id": "p", "t": ["a=a"]}


def test_a_parameter_stored_with_an_earlier_time_is_heard_of(process, database):
    one = process()
    one.define("a")
    one.registry.refresh()
    one.define("b")
    database.SearchParameter.update_one({"_id": "b"}, {"$inc": {"lu": -30_000_000}})
    one.registry.refresh()
    assert {each.code for each in one.own["Patient"]} == {"a", "b"}


def test_a_look_without_news_changes_nothing(process):
    one = process()
    one.define("a")
    one.settle()
    number = one.registry._number
    view = one.registry.view
    one.registry.refresh()
    assert one.registry.view is view
    assert one.registry._number == number


def test_of_many_who_wait_for_a_database_that_is_gone_one_finds_out(free_port):
    patience = 0.5
    with connect(f"mongodb://127.0.0.1:{free_port}", patience) as client:
        store = Store.open(client, "gone", lambda _: [], ZoneInfo("Asia/Shanghai"))
        registry = Process(store).registry

        def write(_):
            with pytest.raises(Unavailable), registry.writing():
                raise AssertionError

        begun = monotonic()
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(write, range(8)))
        assert monotonic() - begun < 4 * patience
