"""Who asks for the latest reads, or the earliest, does not wait for all to have records.

R1.18: the trail is searched in the order of time, however much of it nobody has asked for yet.
"""

import time

import pytest
from msgspec import structs

from server.access.caller import Caller
from server.access.policy import Region, Right, Rights
from server.fhir.outcome import TooCostly
from server.portal.desk import Desk
from server.store import sheaves
from server.store import trail as trails
from server.store.sheaves import SHEAVES
from tests.audit.conftest import read_of
from tests.audit.test_spool import faults, name, new_process, slow, stored

__all__ = ["name", "new_process", "stored"]

SHEAVES_MADE, READS = 12, 5
ALL = range(SHEAVES_MADE * READS)
REFUSED = structs.replace(read_of(999), outcome="4", reason="404 resource-unknown")
ELSEWHERE = structs.replace(read_of(998), caller=structs.replace(read_of(0).caller, division="11"))


def keep(services, events):
    for event in events:
        services.trail.append(event)
        time.sleep(0.002)  # each has a millisecond of its own
    services.trail.confirm()


@pytest.fixture
def services(new_process, monkeypatch):
    """A process that has stored sixty reads of one doctor, in twelve sheaves."""
    slow(monkeypatch)
    services = new_process()
    for start in ALL[::READS]:
        keep(services, map(read_of, range(start, start + READS)))
    return services


@pytest.fixture
def folded(mongodb, name):
    """A function that tells how many sheaves nobody has unfolded."""
    return lambda: mongodb[name][SHEAVES].count_documents({"folded": True})


def auditor(services, division=None):
    region = None if division is None else Region(divisions=(division,))
    rights = Rights(
        caller=Caller(kind="staff", role="auditor"),
        rights=(Right("AuditEvent", frozenset("rs")),),
        region=region,
    )
    return Desk(services, services.access(rights), "en")


def numbers(found):
    """Return the numbers of the reads in a page; other records have none."""
    references = [
        entity["what"]["reference"]
        for one in found.matches
        for entity in one.get("entity", ())
        if "what" in entity
    ]
    return [int(one[13:].partition("/")[0]) for one in references if "Observation/o" in one]


def walk(desk, *query):
    """Yield the numbers of the reads of each page."""
    cursor = None
    while True:
        found = desk.search("AuditEvent", query, cursor)
        yield numbers(found)
        cursor = found.cursor
        if cursor is None:
            return


@pytest.mark.parametrize(
    "query",
    [
        (),
        (("_sort", "-date"),),
        (("subtype", "read"),),
        (("action", "R"), ("outcome", "0")),
        (("agent", "Practitioner/p1"),),
        (("address", "10.0.0"),),
        (("date", "gt2020-01-01"), ("type:not", "110113")),
    ],
)
def test_the_first_page_has_the_latest_and_leaves_the_others(services, folded, query):
    pages = walk(auditor(services), *query, ("_count", "4"))
    first = next(pages)
    assert first
    assert first == list(ALL[: -len(first) - 1 : -1])
    assert folded() >= SHEAVES_MADE - 2


@pytest.mark.parametrize(
    ("sort", "awaited"), [("-date", ALL[::-1]), ("date", ALL)], ids=["latest", "earliest"]
)
@pytest.mark.parametrize("count", ["1", "7", "13", "100"])
def test_the_pages_have_each_read_once_and_in_order(services, sort, awaited, count):
    query = ("_sort", sort), ("_count", count), ("subtype", "read")
    found = [one for page in walk(auditor(services), *query) for one in page]
    assert found == list(awaited)
    assert faults(services) == []


def test_the_earliest_leave_the_later_ones(services, folded):
    query = ("_sort", "date"), ("_count", "4"), ("subtype", "read")
    assert next(walk(auditor(services), *query)) == list(ALL[:4])
    assert folded() >= SHEAVES_MADE - 2


def test_what_comes_meanwhile_is_not_among_later_pages(services):
    desk = auditor(services)
    pages = walk(desk, ("_count", "10"), ("subtype", "read"))
    found = next(pages)
    keep(services, map(read_of, range(100, 120)))
    found += [one for page in pages for one in page]
    assert found == list(ALL[::-1])


def test_a_rare_kind_is_found_among_many(services, folded):
    keep(services, [read_of(100), REFUSED])
    keep(services, map(read_of, range(101, 110)))
    desk = auditor(services)
    assert list(walk(desk, ("outcome", "4"))) == [[999]]
    assert list(walk(desk, ("outcome", "8"))) == [[]]
    assert folded() == SHEAVES_MADE + 1


def test_where_it_came_from_is_looked_for_without_unfolding_the_others(services, folded):
    """By what the lines say, for no number stands for an address, or for the words of a name."""
    keep(services, [structs.replace(read_of(100), address="192.0.2.7"), read_of(101)])
    desk = auditor(services)
    assert list(walk(desk, ("address", "192.0.2.8"))) == [[]]
    assert folded() == SHEAVES_MADE + 1
    assert list(walk(desk, ("address", "192.0.2.7"), ("_count", "1"))) == [[100]]
    query = ("address", "10.0.0.8"), ("entity", "Observation/o7,Observation/o33"), ("_count", "1")
    assert list(walk(desk, *query)) == [[33], [7]]
    assert folded() == SHEAVES_MADE - 2


def test_who_looks_through_very_much_for_nothing_is_told_to_ask_for_less(services, monkeypatch):
    """For with each attempt the same would be looked through."""
    monkeypatch.setattr(trails, "_UNFOLDING_SECONDS", 0)
    with pytest.raises(TooCostly):
        list(walk(auditor(services), ("address", "192.0.2.8")))


@pytest.mark.parametrize("sort", ["-date", "date"])
def test_very_many_sheaves_are_gone_through_some_at_a_time(services, monkeypatch, sort):
    monkeypatch.setattr(sheaves, "_NAMED", 2)
    query = ("_sort", sort), ("_count", "100"), ("entity", "Observation/o7,Observation/o33")
    assert sorted(one for page in walk(auditor(services), *query) for one in page) == [7, 33]
    services.trail.unfold({})
    assert faults(services) == []


def test_who_sees_one_division_waits_for_its_reads_only(services, folded):
    keep(services, [ELSEWHERE])
    assert next(walk(auditor(services, "11"), ("subtype", "read"))) == [998]
    assert folded() == SHEAVES_MADE


def test_a_version_is_looked_for_where_its_resource_is(services, folded):
    desk = auditor(services)
    assert list(walk(desk, ("entity", "Observation/o7/_history/1"))) == [[7]]
    assert folded() == SHEAVES_MADE - 1


def test_no_sheaf_is_read_to_be_passed_over(services, mongodb, name):
    """That goes by what the indexes have, for a sheaf has the lines of many reads."""
    mongodb[name].command("profile", 2)
    desk = auditor(services)
    for query in ((), (("_sort", "date"),), (("outcome", "0"),), (("outcome", "8"),)):
        next(walk(desk, *query, ("_count", "1")))
    mongodb[name].command("profile", 0)
    told = {"ns": f"{name}.{SHEAVES}", "command.filter.$and": {"$exists": True}}
    asked = list(mongodb[name]["system.profile"].find(told))
    assert len(asked) >= 4
    assert [one["docsExamined"] for one in asked] == [0] * len(asked)
