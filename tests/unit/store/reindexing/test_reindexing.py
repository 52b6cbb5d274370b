"""Own search parameters are used when all that is stored is indexed by them, and not before."""

import pytest

from server.fhir.outcome import TooLarge
from server.store.verification import Verification
from tests.unit.store.reindexing.worker import terms


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
