"""Own search parameters in several processes: indexed before they are used, whatever happens.

A `Process` is a registry as each worker has one; its entries of a Patient are one term for each
parameter that it has heard of.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from zoneinfo import ZoneInfo

import pytest

from server.access.visibility import EVERYTHING
from server.fhir.outcome import TooLarge, Unavailable
from server.profiles import own_parameters
from server.profiles.own_parameters import View
from server.store import reindexing
from server.store.database import Store, connect
from server.store.documents import Draft
from server.store.jobs import REINDEX, Jobs
from server.store.registry import Registry, Rules
from server.store.reindexing import Lost, Reindexing
from server.store.verification import Verification
from server.store.writers import SILENT_MS, WRITERS

BATCH = 3


class Crash(BaseException):
    """The process ends here and now."""


class Process:
    """One worker. `before` is called with each resource before its entries are computed."""

    def __init__(self, store, before=lambda _: None):
        self.store, self.before = store, before
        self.own, self.waiting, self.seen = {}, {}, []
        engine = store.engine
        pass_over = Reindexing(
            engine, Jobs(engine.collections.database), self.entries, engine.collections._indexes
        )
        self.registry = Registry(engine, Rules(self.view, self.apply), pass_over)
        self.resources = store.resources(EVERYTHING)

    def view(self, stored):
        facts = tuple(own_parameters.read(one) for one in stored if own_parameters.is_active(one))
        own = {"Patient": facts} if facts else {}
        return View(own, own)

    def apply(self, own, waiting):
        self.own, self.waiting = own, waiting

    @property
    def usable(self):
        return {one.code for one in self.own.get("Patient", ())} - {
            *self.waiting.get("Patient", {})
        }

    def entries(self, resource):
        self.before(resource)
        self.seen.append(resource["id"])
        return {"t": sorted(f"{one.code}={one.expression}" for one in self.own.get("Patient", ()))}

    def write(self, id):
        with self.registry.writing():
            return self.create(id)

    def create(self, id):
        resource = {"resourceType": "Patient", "id": id}
        body = b'{"resourceType":"Patient"}'
        return self.resources.create(Draft("Patient", id, body, self.entries(resource)))

    def define(self, code, expression="a", status="active", url=None):
        """Store the SearchParameter `code`, or its next version."""
        parameter = {
            "resourceType": "SearchParameter", "url": url or f"urn:{code}", "code": code,
            "type": "token", "base": ["Patient"], "status": status, "expression": expression,
        }  # fmt: skip
        draft = Draft("SearchParameter", code, json.dumps(parameter).encode(), {})
        old = self.resources.find("SearchParameter", code)
        if old is None:
            self.resources.create(draft)
        else:
            self.resources.replace(draft, old)

    def settle(self):
        """Look, and work until there is nothing to do."""
        self.registry.refresh()
        while self.registry.work():
            pass
        self.registry.refresh()


@pytest.fixture(autouse=True)
def clean(database, monkeypatch):
    for name in database.list_collection_names():
        database[name].delete_many({})
    monkeypatch.setattr(reindexing, "BATCH", BATCH)


@pytest.fixture
def process(store):
    return lambda **arguments: Process(store, **arguments)


def terms(database):
    return {each["_id"]: each["t"] for each in database.Patient.find({"del": None})}


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


def test_a_pass_goes_on_where_one_that_crashed_had_come_to(process, database):
    def crash_at_p5(resource):
        if resource["id"] == "p5":
            raise Crash

    one, two = process(before=crash_at_p5), process()
    for n in range(10):
        two.write(f"p{n}")
    two.define("a")
    two.registry.refresh()
    one.registry.refresh()
    with pytest.raises(Crash):
        one.registry.work()
    assert database[REINDEX].find_one()["last"] == "p2"

    two.seen.clear()
    assert not two.registry.work()
    database[REINDEX].update_one({}, [{"$set": {"until": "$$NOW"}}])
    two.settle()
    assert two.seen == [f"p{n}" for n in range(3, 10)]
    assert two.usable == {"a"}
    assert set(map(tuple, terms(database).values())) == {("a=a",)}


def test_a_process_that_ends_in_good_order_leaves_its_pass_to_others_at_once(process, database):
    one, two = process(), process()
    for n in range(10):
        one.write(f"p{n}")
    one.define("a")
    one.registry.refresh()

    def end(resource):
        if resource["id"] == "p4":
            one.registry.close()

    one.before = end
    assert one.registry.work()
    assert database[REINDEX].find_one()["last"] == "p5"
    two.registry.refresh()
    two.settle()
    assert two.seen == [f"p{n}" for n in range(6, 10)]
    assert two.usable == {"a"}


def test_who_lost_the_lease_stops(process, database):
    rival = process()

    def take_over(resource):
        if resource["id"] == "p4":
            database[REINDEX].update_one({}, [{"$set": {"until": "$$NOW"}}])
            assert rival.registry._jobs.take() is not None

    one = process()
    for n in range(10):
        one.write(f"p{n}")
    one.define("a")
    one.registry.refresh()
    one.before = take_over
    with pytest.raises(Lost):
        one.registry.work()
    assert one.usable == set()


def test_a_write_beside_the_pass_wins(process, database):
    one, other = process(), process()
    for n in range(4):
        one.write(f"p{n}")
    one.define("a")
    one.registry.refresh()
    other.registry.refresh()

    def write(resource):
        old = other.resources.find("Patient", "p1")
        if resource["id"] == "p1" and old.version == 1:
            draft = Draft("Patient", "p1", b'{"resourceType":"Patient"}', {"t": ["newer"]})
            other.resources.replace(draft, old)

    one.before = write
    one.settle()
    assert terms(database)["p1"] == ["newer"]
    assert terms(database)["p2"] == ["a=a"]


def test_what_was_defined_anew_midway_is_begun_anew(process, database):
    one = process()
    for n in range(8):
        one.write(f"p{n}")
    one.define("a")
    one.registry.refresh()

    def define(resource):
        if resource["id"] == "p4" and one.own["Patient"][0].expression == "a":
            one.define("a", expression="b")
            one.registry.refresh()

    one.before = define
    with pytest.raises(Lost):
        one.registry.work()
    one.settle()
    assert one.usable == {"a"}
    assert set(map(tuple, terms(database).values())) == {("a=b",)}


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


def test_the_lease_is_for_one_at_a_time(store, database):
    jobs, others = Jobs(database), Jobs(database)
    jobs.want("Patient", ["urn:a|1"])
    mine = jobs.take()
    assert mine is not None
    assert others.take() is None
    assert jobs.take(["Observation"]) is None
    assert jobs.begin(mine, 10)
    assert not others.advance(mine, "p", 1)
    assert jobs.advance(mine, "p", 5)
    assert jobs.all()["Patient"].percent == 50
    assert jobs.finish(mine)
    assert jobs.all()["Patient"].indexed == {"urn:a|1"}
    assert jobs.take() is None
