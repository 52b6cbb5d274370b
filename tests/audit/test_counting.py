"""The trail is counted without a record for each read, and as if there were one.

R1.18: how many looked, when, from where and with what success is told at once.
"""

import random
import threading
from datetime import UTC, datetime

import orjson
import pytest
from msgspec import structs

from server.access.caller import ANONYMOUS
from server.audit.audit_event import MOST_SHOWN
from server.context import Context
from server.door import perform
from server.interactions.call import Call, Disclosed
from server.store import trail as trails
from server.store.sheaf_lines import is_shared, shared
from server.store.sheaves import SHEAVES
from tests.audit.conftest import DOCTOR, read_of
from tests.audit.test_newest_first import auditor, keep
from tests.audit.test_spool import name, new_process, slow

__all__ = ["name", "new_process"]

NURSE = structs.replace(DOCTOR, account="a2", role="registrar", division="110101")
READS = 40
EXACTLY, ABOUT = ("_summary", "count"), ("_total", "estimate")


def kind(number):
    """Return a read by one of three callers from one of four places, each fifth of them refused."""
    caller = (DOCTOR, NURSE, ANONYMOUS)[number % 3]
    event = structs.replace(read_of(number), caller=caller, address=f"10.0.0.{number % 4}")
    return structs.replace(event, outcome="4", reason="404") if number % 5 == 0 else event


@pytest.fixture
def services(new_process, monkeypatch):
    """A process that has stored forty reads of several kinds, in five sheaves."""
    slow(monkeypatch)
    services = new_process()
    for start in range(0, READS, 8):
        keep(services, map(kind, range(start, start + 8)))
    return services


@pytest.fixture
def sheaves(mongodb, name):
    return mongodb[name][SHEAVES]


def count(services, query, division=None, total=EXACTLY):
    desk = auditor(services, division)
    call = Call(interaction="search-type", type="AuditEvent", query=(*query, total))
    result = perform(Context.of(services, desk.access, "en"), call)
    return orjson.loads(result.body)["total"]


def folded(sheaves):
    return sheaves.count_documents({"folded": True})


@pytest.mark.parametrize(
    ("query", "awaited"),
    [
        ((), READS),
        ((("outcome", "4"),), 8),
        ((("outcome:not", "4"),), READS - 8),
        ((("agent", "Practitioner/p1"), ("action", "R")), 27),
        ((("altid", "a2"),), 13),
        ((("address", "10.0.0.3"),), 10),
        ((("address", "10.0.0.3"), ("outcome", "0")), 8),
        ((("site:missing", "true"),), 13),
        ((("date", "ge2020-01-01"),), READS),
        ((("date", "lt2020-01-01"),), 0),
    ],
)
def test_reads_are_counted_where_they_are(services, sheaves, query, awaited):
    assert count(services, (("subtype", "read"), *query)) == awaited
    assert folded(sheaves) == 5


def test_they_are_counted_as_if_they_had_records(services, sheaves):
    """Each of many questions has the same answer before all of them are unfolded, and after."""
    rows = sheaves.find({}, {"first": 1, "last": 1})
    moments = [one[end] for one in rows for end in ("first", "last")]
    kinds = [
        ("outcome", "0"), ("outcome", "4,8"), ("type:not", "rest"), ("agent", "Practitioner/p1"),
        ("address", "10.0.0.1,10.0.0.2"), ("agent-role", "clinician"), ("policy:missing", "true"),
        ("address:exact", "10.0.0.2"), ("site", "350206"), ("subtype", "read"), ("altid", "a1,a2"),
    ]  # fmt: skip
    chance = random.Random(7)
    asked = []
    for _ in range(120):
        query = chance.sample(kinds, chance.randint(0, 2))
        for _ in range(chance.randint(0, 2)):
            moment = datetime.fromtimestamp(chance.choice(moments) / 1_000_000, UTC)
            prefix = chance.choice(("ge", "gt", "le", "lt", "eq", "ne", "sa", "eb"))
            query.append(("date", prefix + moment.isoformat(timespec="milliseconds")))
        division = chance.choice((None, "35", "110101", "22"))
        asked.append((("type", "rest"), *query, division))
    before = [count(services, query, division) for *query, division in asked]
    assert folded(sheaves) == 5
    services.trail.unfold({})
    assert folded(sheaves) == 0
    after = [count(services, query, division) for *query, division in asked]
    assert before == after
    assert len({*before}) > 10


def test_an_estimate_of_few_is_exact_and_unfolds_no_more_than_its_page(services, sheaves):
    query = ("subtype", "read"), ("_count", "1")
    assert count(services, query, total=ABOUT) == READS
    assert count(services, query, total=("_total", "accurate")) == READS
    assert folded(sheaves) >= 3


def test_many_who_saw_very_much_are_counted(services, sheaves):
    """The database is not asked about what each of them saw, which would not fit."""
    shown = tuple(Disclosed("Observation", f"{n:060}", 1, ()) for n in range(MOST_SHOWN))
    callers = [structs.replace(DOCTOR, account=f"b{n}") for n in range(70)]
    keep(services, [structs.replace(read_of(0), caller=one, shown=shown) for one in callers])
    before = folded(sheaves)
    assert count(services, (("subtype", "read"),)) == READS + 70
    assert folded(sheaves) == before


def test_what_depends_on_the_entities_is_unfolded_to_be_counted(services, sheaves):
    assert count(services, (("entity", "Observation/o7"),)) == 1
    assert folded(sheaves) == 4


def test_none_is_counted_twice_or_missed_while_somebody_unfolds(services, new_process, monkeypatch):
    """As if it took long to store records: some of a sheaf's are there, and some are not."""
    monkeypatch.setattr(trails, "_UNFOLDED_AT_ONCE", 2)
    other, counts, over = new_process(), [], threading.Event()

    def counting():
        while not over.is_set():
            counts.append(count(other, (("subtype", "read"),)))

    watcher = threading.Thread(target=counting)
    watcher.start()
    services.trail.unfold({})
    over.set()
    watcher.join()
    assert counts
    assert {*counts} == {READS}


@pytest.mark.parametrize(
    "where",
    [
        {"t": "entity=Patient/a"},
        {"whom": {"$in": ["agent=Practitioner/p1", "entity=Patient/a"]}},
        {"comp": "Patient/a"},
        {"lu": {"$gt": 0}},
        {"_id": "a"},
        {"t": {"$gt": "agent="}},
        {"t": {"$regex": "^agent="}},
        {"s": {"$elemMatch": {"$gte": "agent-name=a"}}},
        {"has": {"$nin": ["entity"]}},
        {"o.entity": {"$gt": ""}},
        {"ds": {"$exists": True}},
        {"$nor": [{"t": "entity-role=1"}]},
    ],
)
def test_what_lines_do_not_have_in_common_is_not_counted_so(where):
    assert not is_shared({"$and": [{"t": "outcome=|4"}, where]})
    assert shared({"$and": [{"t": "outcome=|4"}, where]}) == {"$and": [{"t": "outcome=|4"}, {}]}
