"""With a spool, what was answered is in it or in the trail, whatever ends, and once."""

import os
import secrets
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from msgspec import structs

from server.fhir.outcome import Unavailable
from server.services import Services, inspection
from server.settings import Settings
from server.store import shipping
from server.store.spool import Spool
from tests.audit.conftest import read_of
from tests.processes import ROOT

CHANGE = structs.replace(read_of(0), act=structs.replace(read_of(0).act, action="U"))


@pytest.fixture
def name(mongodb):
    name = f"test_{secrets.token_hex(6)}"
    yield name
    mongodb.drop_database(name)


@pytest.fixture
def new_process(mongodb_url, interpreters, name, tmp_path):
    """Return a function that makes the services of one more process with the same spool."""
    settings = Settings(mongodb_url=mongodb_url, database=name, spool_folder=tmp_path)
    made = []

    def new():
        made.append(Services.open(replace(interpreters, settings=settings), bytes))
        return made[-1]

    yield new
    for services in made:
        services.close()


@pytest.fixture
def stored(mongodb_url, interpreters, mongodb, name):
    """Return a function that gives the numbers of the reads that the database has, in order."""
    settings = Settings(mongodb_url=mongodb_url, database=name)
    elsewhere = Services.open(replace(interpreters, settings=settings), bytes)

    def read():
        elsewhere.trail.unfold({})
        rows = mongodb[name]["AuditEvent"].find(sort=[("ds", 1), ("_id", 1)])
        terms = [term for row in rows for term in row["t"]]
        return [
            int(term[20:])
            for term in terms
            if term.startswith("entity=Observation/o") and "_" not in term
        ]

    yield read
    elsewhere.close()


def spooled(tmp_path, name):
    return sorted(one.name for one in (tmp_path / name).glob("*.spool"))


def faults(services):
    return [(one.id, one.rule) for one in inspection(services).findings() if one]


def slow(monkeypatch):
    monkeypatch.setattr(shipping, "_REST_SECONDS", 3600)


def test_a_read_is_in_the_spool_and_a_moment_later_in_the_database(
    new_process, stored, tmp_path, name
):
    services = new_process()
    services.trail.append(read_of(1))
    assert len(spooled(tmp_path, name)) == 1
    deadline = time.monotonic() + 10
    while spooled(tmp_path, name) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert stored() == [1]
    assert spooled(tmp_path, name) == []
    assert faults(services) == []


def test_a_change_takes_the_reads_before_it_along(new_process, stored, monkeypatch):
    slow(monkeypatch)
    services = new_process()
    for number in (1, 2):
        services.trail.append(read_of(number))
    assert stored() == []
    services.trail.append(CHANGE)
    assert stored() == [1, 2, 0]


def test_who_reads_the_trail_finds_what_every_process_of_the_host_has_recorded(
    new_process, monkeypatch
):
    monkeypatch.setattr(shipping, "_REST_SECONDS", 20)
    one, other = new_process(), new_process()
    one.trail.append(read_of(1))
    other.trail.append(read_of(2))
    records = one.store.engine.collections.current("AuditEvent")
    assert (
        records.count_documents({"t": {"$in": ["entity=Observation/o1", "entity=Observation/o2"]}})
        == 2
    )


def test_it_says_when_something_was_and_when_it_was_stored(new_process, monkeypatch):
    slow(monkeypatch)
    services = new_process()
    before = services.store.now()
    services.trail.append(read_of(1))
    time.sleep(0.2)
    after = services.store.now()
    row = services.store.engine.collections.current("AuditEvent").find_one(
        {"t": "entity=Observation/o1"}
    )
    assert before <= row["ds"] < after <= row["lu"]
    assert faults(services) == []


LEFT = """
import os, sys
from pathlib import Path
from server.services import Interpreters, Services
from server.settings import Settings
from server.store import shipping
from tests.audit.conftest import read_of
shipping._REST_SECONDS = 3600
url, name, folder = sys.argv[1:]
settings = Settings(mongodb_url=url, database=name, spool_folder=Path(folder))
services = Services.open(Interpreters.of(settings), bytes)
for number in range(5):
    services.trail.append(read_of(number))
print("written", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def killed(mongodb_url, name, tmp_path):
    """Have a process record five reads and kill it."""
    command = [sys.executable, "-c", LEFT, mongodb_url, name, str(tmp_path)]
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stdout.readline() == b"written\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdin.close()
    child.stdout.close()


def test_what_a_killed_process_left_is_taken_over(killed, new_process, stored, tmp_path, name):
    assert len(spooled(tmp_path, name)) == 1
    services = new_process()
    services.trail.begin()
    assert stored() == list(range(5))
    assert spooled(tmp_path, name) == []
    assert faults(services) == []


def test_of_what_it_left_nothing_is_stored_twice(killed, new_process, stored, tmp_path, name):
    (left,) = (tmp_path / name).glob("*.spool")
    lines = left.read_bytes().rstrip(b"\0")
    services = new_process()
    services.trail.begin()
    # As if it had been killed after the database had all, and before the segment was removed.
    left.write_bytes(lines + lines.splitlines()[-1][:20])
    services.trail.settle()
    assert stored() == list(range(5))
    assert spooled(tmp_path, name) == []


def test_several_who_find_it_store_it_once(killed, new_process, stored):
    several = [new_process() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda one: one.trail.settle(), several))
    assert stored() == list(range(5))


def test_while_the_database_takes_no_records_nothing_is_given(
    new_process, mongodb, name, stored, monkeypatch
):
    slow(monkeypatch)
    services = new_process()
    services.trail.append(CHANGE)
    services.trail.append(read_of(1))
    mongodb[name].command("collMod", "AuditEvent", validator={"never": True})
    with pytest.raises(Unavailable):
        services.trail.confirm()
    with pytest.raises(Unavailable):
        services.trail.append(read_of(2))
    mongodb[name].command("collMod", "AuditEvent", validator={})
    services.trail.append(read_of(3))
    services.trail.confirm()
    assert stored() == [0, 1, 3]
    assert faults(services) == []


def test_a_spool_that_cannot_be_written_gives_nothing(new_process, monkeypatch):
    services = new_process()

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spool, "write", full)
    with pytest.raises(Unavailable):
        services.trail.append(read_of(1))


def test_what_was_stored_though_nobody_heard_of_it_is_not_stored_again(
    new_process, stored, monkeypatch
):
    slow(monkeypatch)
    services = new_process()
    services.trail.append(CHANGE)
    services.trail.append(read_of(1))
    tail = services.trail._tail
    put = tail.put

    def lost(items):
        put(items)
        raise Unavailable.because("database-unavailable")

    monkeypatch.setattr(tail, "put", lost)
    with pytest.raises(Unavailable):
        services.trail.confirm()
    services.trail.confirm()
    assert stored() == [0, 1]
    assert faults(services) == []


def test_many_threads_and_processes_lose_nothing(new_process, stored):
    several = [new_process() for _ in range(2)]

    def append(number):
        several[number % 2].trail.append(read_of(number))
        if number % 100 == 0:
            several[number % 2].trail.append(CHANGE)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(append, range(1, 1201)))
    several[0].trail.settle()
    assert sorted(filter(None, stored())) == list(range(1, 1201))
    assert faults(several[0]) == []


def test_its_files_are_for_nobody_else(new_process, tmp_path, name, monkeypatch):
    slow(monkeypatch)
    new_process().trail.append(read_of(1))
    (segment,) = (tmp_path / name).glob("*.spool")
    assert segment.stat().st_mode & 0o077 == 0
    assert (tmp_path / name).stat().st_mode & 0o077 == 0
