"""Reads are kept many to a document, and have records of their own once somebody asks for them.

R1.18: every access is recorded, and nothing of that can be changed unnoticed, before and after.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from server.fhir.outcome import Unavailable
from server.services import inspection
from server.store import trail as trails
from server.store.sheaves import SHEAVES
from tests.audit.conftest import read_of
from tests.audit.test_spool import faults, name, new_process, slow, stored

__all__ = ["name", "new_process", "stored"]

LONG_AGO = {"at": 1, "first": 1, "last": 1}


@pytest.fixture
def services(new_process, monkeypatch):
    """A process that has stored ten reads, in two sheaves of five."""
    slow(monkeypatch)
    services = new_process()
    for start in (0, 5):
        for number in range(start, start + 5):
            services.trail.append(read_of(number))
        services.trail.confirm()
    return services


@pytest.fixture
def sheaves(mongodb, name):
    return mongodb[name][SHEAVES]


def asked(services, where):
    records = services.store.engine.collections.current("AuditEvent", where)
    return sorted(row["_id"] for row in records.find(where, {"_id": 1}))


def about(number):
    return {"t": f"entity=Observation/o{number}"}


def test_reads_are_one_document_until_somebody_asks(services, sheaves, mongodb, name):
    assert [(one["n"], one["folded"]) for one in sheaves.find()] == [(5, True)] * 2
    # What there is tells of the lane, and of each sheaf.
    assert mongodb[name]["AuditEvent"].count_documents({}) == 3
    assert len(asked(services, about(7))) == 1
    assert [one.get("folded") for one in sheaves.find(sort=[("_id", 1)])] == [True, None]


@pytest.mark.parametrize(
    "where",
    [
        {"t": "entity=Patient/p7"},
        {"whom": {"$in": ["entity=Observation/o7"]}},
        {"comp": "Patient/p7"},
        {"t": "entity=Observation/o7/_history/1"},
        {"$and": [{"t": "action=|R"}, {"$or": [{"comp": "Patient/p7"}, about(8)]}]},
    ],
)
def test_only_what_may_be_meant_is_unfolded(services, sheaves, where):
    assert asked(services, where)
    assert sheaves.count_documents({"folded": True}) == 1


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"t": "action=|R"},
        {"t": {"$nin": ["entity=Patient/p1"]}},
        {"$or": [about(7), {"t": "action=|R"}]},
        {"t": "agent=Practitioner/p1"},
        {"ds": {"$gte": 0}},
        {"lu": {"$gt": 0}},
    ],
)
def test_what_may_be_in_any_is_looked_for_in_all(services, sheaves, where):
    assert asked(services, where)
    assert sheaves.count_documents({"folded": True}) == 0


@pytest.mark.parametrize("where", [about(99), {"_id": "a-1"}, {"ds": {"$lt": 1}}])
def test_what_is_in_none_leaves_them_as_they_are(services, sheaves, where):
    assert asked(services, where) == []
    assert sheaves.count_documents({"folded": True}) == 2


@pytest.mark.parametrize("where", [{}, about(7), {"ds": {"$lt": 9}}, {"ds": {"$gte": 9}}])
def test_they_are_looked_for_by_an_index(services, sheaves, mongodb, name, where):
    mongodb[name].command("profile", 2)
    asked(services, where)
    mongodb[name].command("profile", 0)
    told = {"ns": sheaves.full_name, "command.filter.$and": {"$exists": True}}
    plans = [one["planSummary"] for one in mongodb[name]["system.profile"].find(told)]
    assert plans
    assert all(plan.startswith("IXSCAN { keys" if "t" in where else "IXSCAN") for plan in plans)


def test_a_period_is_looked_for_where_it_may_be(services, sheaves):
    first, second = sheaves.find(sort=[("_id", 1)])
    assert asked(services, {"ds": {"$lte": first["last"]}})
    assert sheaves.count_documents({"_id": second["_id"], "folded": True}) == 1


def test_the_trail_is_whole_before_and_after(services, stored):
    found = list(inspection(services).findings())
    assert [one for one in found if one] == []
    # The reads are counted, one by one, though they have no records.
    assert len(found) == 3 + 10
    assert stored() == list(range(10))
    assert faults(services) == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"$set": {"lines": b"=a\n0 1 b\n"}}, "trail-sheaf-changed"),
        ({"$set": {"n": 4}}, "trail-sheaf-changed"),
        ({"$set": {"keys": []}}, "trail-sheaf-changed"),
        ({"$set": {"first": 1}}, "trail-sheaf-changed"),
        ({"$unset": {"folded": 1, "keys": 1}}, "trail-sheaf-unknown"),
        ({"$set": {"at": 1}}, "trail-sheaf-unknown"),
    ],
)
def test_what_was_changed_behind_the_servers_back_is_found(services, sheaves, change, rule):
    sheaves.update_one({"_id": sheaves.find_one()["_id"]}, change)
    assert {one for _, one in faults(services)} == {rule}


def test_what_tells_that_there_is_a_sheaf_does_not_tell_that_it_was_unfolded(services, sheaves):
    one = sheaves.find_one()
    change = {"$set": {"unfolding": one["at"]}, "$unset": {"folded": 1, "keys": 1}}
    sheaves.update_one({"_id": one["_id"]}, change)
    assert faults(services) == [(one["_id"], "trail-sheaf-unknown")]


def test_a_sheaf_that_is_gone_is_missed(services, sheaves):
    sheaves.delete_one({})
    assert [rule for _, rule in faults(services)] == ["trail-sheaf-missing"]


def test_a_sheaf_that_somebody_put_there_is_found(services, sheaves):
    other = sheaves.find_one()
    sheaves.insert_one({**other, "_id": "other", **LONG_AGO})
    assert faults(services) == [("other", "trail-sheaf-unknown")]


def test_who_asks_while_another_unfolds_waits_for_it(services, new_process, monkeypatch):
    other, begun = new_process(), threading.Event()
    run = trails.Trail._run

    def slowly(self, *args):
        begun.set()
        time.sleep(0.3)
        return run(self, *args)

    monkeypatch.setattr(trails.Trail, "_run", slowly)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(asked, services, about(1))
        begun.wait()
        assert len(asked(other, about(1))) == 1
        assert len(first.result()) == 1


def test_several_who_ask_have_each_read_recorded_once(services, new_process, stored):
    several = [services, new_process(), new_process()]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda one: asked(one, about(3)), several))
    assert [len(one) for one in found] == [1, 1, 1]
    assert stored() == list(range(10))
    assert faults(services) == []


@pytest.mark.parametrize("ended", ["unfolded", "_run"])
def test_what_was_begun_and_not_ended_is_ended_by_the_next(  # noqa: PLR0917  # all are fixtures
    services, new_process, stored, sheaves, monkeypatch, ended
):
    """As if the process were killed with some of the records stored, or with all of them."""
    target = services.trail if ended == "_run" else services.trail.sheaves
    monkeypatch.setattr(trails, "_UNFOLDED_AT_ONCE", 2)
    work, calls = getattr(target, ended), []

    def fails(*args):
        calls.append(args)
        if ended == "unfolded" or len(calls) > 2:
            raise Unavailable.because("trail-unavailable")
        return work(*args)

    with monkeypatch.context() as patch:
        patch.setattr(target, ended, fails)
        with pytest.raises(Unavailable):
            services.trail.unfold(about(1))
    sheaves.update_many({"claimed": {"$exists": True}}, {"$set": {"claimed": 1}})
    new_process().trail.unfold({})
    assert stored() == list(range(10))
    assert faults(services) == []


def test_very_many_are_unfolded_a_part_at_a_time(services, sheaves, stored, monkeypatch):
    monkeypatch.setattr(trails, "_UNFOLDING_SECONDS", 0)
    with pytest.raises(Unavailable) as refused:
        services.trail.unfold({})
    assert refused.value.issues[0].message == "trail-unfolding"
    assert sheaves.count_documents({"folded": True}) == 1
    monkeypatch.undo()
    assert stored() == list(range(10))


def test_an_export_has_what_was_in_a_sheaf(services, monkeypatch):
    monkeypatch.setattr(trails, "_UNFOLDING_SECONDS", 0)
    raws = b"".join(inspection(services).records(0, None))
    assert all(b"Observation/o%d/_history/1" % number in raws for number in range(10))
