"""A pass over what is stored that is disturbed: by a crash, an end, a rival, a write, a change."""

import pytest

from server.store.documents import Draft
from server.store.jobs import REINDEX, Jobs
from server.store.reindexing import Lost
from tests.unit.store.reindexing.worker import terms


class Crash(BaseException):
    """The process ends here and now."""


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
