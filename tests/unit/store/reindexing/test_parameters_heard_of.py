"""Own search parameters in several processes: all have heard of one before it is used."""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from zoneinfo import ZoneInfo

import pytest

from server.fhir.outcome import Unavailable
from server.store.database import Store, connect
from server.store.documents import Draft
from server.store.writers import SILENT_MS, WRITERS
from tests.unit.store.reindexing.worker import Process, terms


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


def test_the_pass_waits_for_a_process_that_has_not_heard(process, database):
    one, two = process(), process()
    two.registry.refresh()
    one.define("a")
    one.registry.refresh()
    assert not one.registry.work()
    two.create("late")
    assert terms(database) == {"late": []}
    two.registry.refresh()
    assert one.registry.work()
    assert terms(database) == {"late": ["a=a"]}


def test_the_pass_waits_for_a_write_that_began_before(process, database):
    one, two = process(), process()
    with two.registry.writing():
        one.define("a")
        entries = two.entries({"id": "slow"})
        one.registry.refresh()
        two.registry.refresh()
        assert not one.registry.work()
        two.resources.create(Draft("Patient", "slow", b'{"resourceType":"Patient"}', entries))
    assert terms(database) == {"slow": []}
    two.registry.refresh()
    one.settle()
    assert terms(database) == {"slow": ["a=a"]}


def test_a_process_that_starts_is_seen_before_it_looks(process):
    one, two = process(), process()
    one.define("a")
    one.registry.refresh()
    two.registry._writers.say("")
    assert not one.registry.work()
    two.registry.refresh()
    assert one.registry.work()


def test_the_pass_does_not_wait_for_a_process_that_is_gone(process, database):
    one, two, three = process(), process(), process()
    two.registry.refresh()
    three.registry.refresh()
    three.registry.close()
    one.define("a")
    one.registry.refresh()
    assert not one.registry.work()
    older = [{"$set": {"at": {"$subtract": ["$at", SILENT_MS]}}}]
    database[WRITERS].update_one({"_id": two.registry._writers._id}, older)
    assert one.registry.work()


def test_a_process_that_has_not_looked_for_long_looks_before_it_writes(process, database):
    one, two = process(), process()
    two.registry.refresh()
    one.define("a")
    two.registry._fresh -= 6
    two.write("p")
    assert terms(database) == {"p": ["a=a"]}


def test_a_look_without_news_changes_nothing(process):
    one = process()
    one.define("a")
    one.settle()
    number = one.registry._number
    view = one.registry.view
    one.registry.refresh()
    assert one.registry.view is view
    assert one.registry._number == number


def test_a_parameter_stored_with_an_earlier_time_is_heard_of(process, database):
    one = process()
    one.define("a")
    one.registry.refresh()
    one.define("b")
    database.SearchParameter.update_one({"_id": "b"}, {"$inc": {"lu": -30_000_000}})
    one.registry.refresh()
    assert {each.code for each in one.own["Patient"]} == {"a", "b"}


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
