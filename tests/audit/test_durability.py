"""Whatever ends, what was answered is in the trail, and the trail is whole."""

import base64
import os
import random
import re
import secrets
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import bson
import pytest
import requests as http
from msgspec import structs
from pymongo import MongoClient

from server.auth.development import Wanted, token
from server.fhir.outcome import Unavailable
from server.services import Interpreters, Services, inspection
from server.settings import Settings
from server.store.embedded import EmbeddedMongo
from tests import processes
from tests.audit.conftest import read_of
from tests.builders import patient


def faults(services):
    return [(one.id, one.rule) for one in inspection(services).findings() if one]


def test_two_processes_of_eight_threads_lose_nothing(new_process):
    several = [new_process(), new_process()]

    def append(number):
        several[number % 2].trail.append(read_of(number))
        if number % 50 == 0:
            several[0].trail.bump()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(append, range(1200)))
    for one in several:
        one.trail.confirm()
    assert faults(several[0]) == []
    records = several[0].store.engine.collections.current("AuditEvent")
    shown = {f"entity=Observation/o{number}" for number in range(1200)}
    assert shown <= {term for one in records.find({}, {"t": 1}) for term in one["t"]}


def test_a_bump_reaches_every_process_while_all_of_them_append(new_process):
    several = [new_process() for _ in range(3)]
    ended = threading.Event()

    def append(trail):
        while not ended.is_set():
            trail.append(read_of(random.randrange(100)))

    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(append, one.trail) for one in several for _ in range(2)]
        try:
            for _ in range(10):
                epoch = several[0].trail.bump()
                for one in several:
                    assert one.trail.append(read_of(1)) >= epoch
        finally:
            ended.set()
        for each in running:
            each.result()
    for one in several:
        one.trail.confirm()
    assert faults(several[0]) == []


@pytest.fixture
def spool(request, tmp_path):
    """Settings by which there is a spool, if a test asks for one."""
    return {"spool_folder": tmp_path / "spool"} if getattr(request, "param", False) else {}


@pytest.fixture
def running(mongodb_url, mongodb, tmp_path, spool):
    """A server with four patients, a token, and the services of its database."""
    name = f"test_{secrets.token_hex(6)}"
    settings = Settings(mongodb_url=mongodb_url, database=name, **spool)
    services = Services.open(Interpreters.of(settings), bytes)
    log = tmp_path / "server.log"
    server = processes.Server(log, mongodb_url=mongodb_url, database=name, access="oauth", **spool)
    headers = {"Authorization": f"Bearer {token(services, Wanted(scope='system/*.cruds'))}"}
    server.start().ready()
    made = [http.post(f"{server.base}/Patient", json=patient(), headers=headers) for _ in range(4)]
    yield server, services, headers, [one.json()["id"] for one in made]
    server.kill()
    services.close()
    mongodb.drop_database(name)


@pytest.mark.parametrize("spool", [False, True], ids=["directly", "by a spool"], indirect=True)
def test_a_worker_killed_under_load_leaves_an_event_of_every_answer(running):
    server, services, headers, ids = running
    answered, ended = [], threading.Event()

    def read():
        session = http.Session()
        while not ended.is_set():
            id, name = random.choice(ids), secrets.token_hex(8)
            try:
                answer = session.get(
                    f"{server.base}/Patient/{id}", headers={**headers, "X-Request-Id": name}
                )
            except http.RequestException:
                continue
            if answer.status_code == 200:
                answered.append(name)

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(read)
        try:
            for _ in range(3):
                time.sleep(1)
                os.kill(processes.children(server.child.pid)[0], signal.SIGKILL)
            time.sleep(1)
        finally:
            ended.set()
    time.sleep(0.5)
    assert len(answered) > 50
    records = services.store.engine.collections.current("AuditEvent")
    told = b"".join(one["raw"] for one in records.find({}, {"raw": 1}))
    texts = decoded(told)
    assert [name for name in answered if name not in texts] == []
    assert faults(services) == []


def decoded(raws):
    """Return all requests that the records in `raws` tell of."""
    found = re.findall(rb'"query":"([A-Za-z0-9+/=]*)"', raws)
    return b"\n".join(map(base64.b64decode, found)).decode()


def test_without_its_database_it_gives_nothing(tmp_path):
    with EmbeddedMongo(tmp_path / "mongodb") as url:
        settings = Settings(mongodb_url=url, database="trail", database_timeout=1.0)
        services = Services.open(Interpreters.of(settings), bytes)
        services.trail.append(read_of(1))
        with MongoClient(url) as client:
            pid = int(client.admin.command("serverStatus")["pid"])
        os.kill(pid, signal.SIGSTOP)
        processes.wait_until(lambda: processes.all_halted(pid))
        try:
            with pytest.raises(Unavailable):
                services.trail.append(read_of(2))
        finally:
            os.kill(pid, signal.SIGCONT)
        services.trail.append(read_of(3))
        services.trail.confirm()
        assert faults(services) == []
        services.close()


def test_what_cannot_be_recorded_is_not_given(running, mongodb):
    server, services, headers, ids = running
    database = mongodb[services.interpreters.settings.database]
    url = f"{server.base}/Patient/{ids[0]}"
    assert http.get(url, headers=headers).status_code == 200
    database.command("collMod", "AuditEvent", validator={"never": True})
    for wanted in (url, f"{server.base}/Patient", f"{server.base}/Patient/nobody"):
        answer = http.get(wanted, headers=headers)
        assert answer.status_code == 503
        assert answer.json()["resourceType"] == "OperationOutcome"
        assert "陈" not in answer.text
    database.command("collMod", "AuditEvent", validator={})
    assert http.get(url, headers=headers).status_code == 200
    assert faults(services) == []


@pytest.fixture
def unconfirmed(new_process, monkeypatch):
    """Services with three records that are not confirmed, those records, and their collection."""
    monkeypatch.setattr("server.store.trail._CONFIRM_SECONDS", 3600)
    monkeypatch.setattr("server.store.trail._LATE_SECONDS", 3600)
    services = new_process()
    for number in range(3):
        services.trail.append(read_of(number))
    kept = [bson.decode(one.raw) for one in services.trail._tail.unconfirmed]
    assert len(kept) == 3
    return services, kept, services.store.engine.collections.current("AuditEvent")


def lose(services, kept, records):
    """Have the database be as a new primary is that never got the records `kept`."""
    records.delete_many({"_id": {"$in": [one["_id"] for one in kept]}})
    services.trail._tail._election = "another"


def test_what_a_new_primary_does_not_have_is_put_back(unconfirmed):
    services, kept, records = unconfirmed
    lose(services, kept[1:], records)
    services.trail.append(read_of(4))
    services.trail.confirm()
    assert [records.find_one({"_id": one["_id"]}) for one in kept] == kept
    assert faults(services) == []


def test_it_is_put_back_as_well_if_the_lane_cannot_be_gone_on_with(unconfirmed):
    services, kept, records = unconfirmed
    lose(services, kept, records)
    records.database.command("collMod", "AuditEvent", validator={"never": True})
    with pytest.raises(Unavailable):
        services.trail.append(read_of(4))
    with pytest.raises(Unavailable):
        services.trail.append(read_of(5))
    records.database.command("collMod", "AuditEvent", validator={})
    services.trail.append(read_of(6))
    assert [records.find_one({"_id": one["_id"]}) for one in kept] == kept
    assert faults(services) == []


def test_who_put_another_record_in_the_place_of_a_lost_one_is_found_out(unconfirmed):
    services, kept, records = unconfirmed
    lose(services, kept[2:], records)
    records.insert_one({**kept[2], "seal": bytes(32)})
    with pytest.raises(Unavailable):
        services.trail.append(read_of(4))
    services.trail.append(read_of(5))
    services.trail.confirm()
    assert (kept[2]["_id"], "trail-record-changed") in faults(services)


def test_a_lane_that_has_lasted_long_enough_is_confirmed_to_its_end(unconfirmed, monkeypatch):
    services, kept, records = unconfirmed
    monkeypatch.setattr("server.store.lanes.LANE_SECONDS", 0)
    services.trail.append(read_of(4))
    lane, _, number = kept[2]["_id"].rpartition("-")
    head = records.database["_lanes"].find_one({"_id": lane})
    assert (head["n"], head["seal"]) == (int(number), kept[2]["seal"])
    assert faults(services) == []


def test_what_nobody_waits_for_is_confirmed_a_moment_later(new_process):
    services = new_process()
    services.trail.append(read_of(1))
    tail = services.trail._tail
    processes.wait_until(lambda: not tail.unconfirmed, 10)
    record = services.store.engine.collections.current("AuditEvent").find_one(sort=[("_id", -1)])
    head = services.store.engine.collections.database["_lanes"].find_one({"_id": tail._lane.id})
    assert head["seal"] == record["seal"]


def test_who_waits_for_a_change_waits_until_it_is_durable(new_process):
    services = new_process()
    change = structs.replace(read_of(1), act=structs.replace(read_of(1).act, action="U"))
    services.trail.append(change)
    assert services.trail._tail.unconfirmed == []


@pytest.mark.parametrize("spool", [True], indirect=True)
def test_a_server_that_ends_in_good_order_leaves_nothing_in_its_spool(running, spool):
    server, services, headers, ids = running
    name = secrets.token_hex(8)
    answer = http.get(f"{server.base}/Patient/{ids[0]}", headers={**headers, "X-Request-Id": name})
    assert answer.status_code == 200
    server.stop()
    assert list(spool["spool_folder"].rglob("*.spool")) == []
    records = services.store.engine.collections.current("AuditEvent")
    assert name in decoded(b"".join(one["raw"] for one in records.find({}, {"raw": 1})))
