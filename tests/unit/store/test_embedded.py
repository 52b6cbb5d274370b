"""The private mongod starts from any state that a crash leaves its folder in."""

import os
import signal
import socketserver
import stat
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from server.store.embedded import EmbeddedMongo
from server.store.mongod import CannotStart, cache_size
from tests.processes import ROOT, is_alive, wait_until

HOLDER = """
import sys, time
from pathlib import Path
from server.store.embedded import EmbeddedMongo
with EmbeddedMongo(Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder that all these tests start in turn, each as the last one left it."""
    return tmp_path_factory.mktemp("embedded")


def write(url, note):
    with MongoClient(url) as client, client.start_session() as session:
        session.with_transaction(lambda s: client.kept.notes.insert_one({"_id": note}, session=s))


def notes(url):
    with MongoClient(url) as client:
        return {document["_id"] for document in client.kept.notes.find()}


@contextmanager
def taken(port):
    """Somebody else listens on `port`, and hangs up on every caller."""
    with socketserver.TCPServer(
        ("127.0.0.1", port), socketserver.BaseRequestHandler, False
    ) as other:
        other.allow_reuse_address = True
        other.server_bind()
        other.server_activate()
        thread = threading.Thread(target=other.serve_forever, args=(0.05,))
        thread.start()
        yield
        other.shutdown()
        thread.join()


def mongod_of(folder):
    return int((folder / "data" / "mongod.lock").read_text())


@pytest.fixture
def holder(folder):
    """Another process that has the folder's mongod running."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        yield process
        process.kill()


def test_a_new_folder_takes_transactions_and_keeps_them(folder):
    assert is_new(folder)
    with EmbeddedMongo(folder) as url:
        write(url, "first")
    assert not is_new(folder)
    with EmbeddedMongo(folder) as url:
        assert notes(url) == {"first"}


def is_new(folder):
    mongo = EmbeddedMongo(folder)
    try:
        return mongo.is_new
    finally:
        mongo.stop()


@pytest.mark.alone
def test_existing_data_is_served_within_seconds(folder):
    begun = time.monotonic()
    with EmbeddedMongo(folder) as url:
        write(url, "timed")
        assert time.monotonic() - begun < 5


def test_nobody_reads_it_without_its_password(folder):
    with EmbeddedMongo(folder) as url:
        without = "mongodb://" + url.rpartition("@")[2].replace("&authSource=admin", "")
        with MongoClient(without) as client, pytest.raises(OperationFailure):
            client.kept.notes.find_one()
    assert stat.S_IMODE((folder / "secret").stat().st_mode) == 0o600


def test_the_folder_has_one_holder(folder):
    with EmbeddedMongo(folder), pytest.raises(CannotStart) as refusal:
        EmbeddedMongo(folder)
    assert refusal.value.issues[0].message == "folder-in-use"
    assert refusal.value.issues[0].arguments["process"] == str(os.getpid())


def test_another_process_cannot_take_the_folder_either(folder, holder):
    with pytest.raises(CannotStart) as refusal:
        EmbeddedMongo(folder)
    assert refusal.value.issues[0].arguments["process"] == str(holder.pid)


def test_mongod_ends_when_its_holder_is_killed(folder, holder):
    mongod = mongod_of(folder)
    holder.kill()
    wait_until(lambda: not is_alive(mongod))


def test_nothing_is_lost_when_mongod_is_killed(folder):
    mongo = EmbeddedMongo(folder)
    mongo.start()
    mongo.settle()
    write(mongo.url, "before the crash")
    os.kill(mongod_of(folder), signal.SIGKILL)
    wait_until(lambda: not mongo.is_running)
    mongo.start()
    mongo.settle()
    assert "before the crash" in notes(mongo.url)
    mongo.stop()


def test_a_mongod_that_was_left_behind_is_ended_first(folder):
    mongo = EmbeddedMongo(folder)
    mongo.start()
    mongo.settle()
    survivor = mongod_of(folder)
    os.close(mongo._lock)
    with EmbeddedMongo(folder) as url:
        assert not is_alive(survivor)
        assert "first" in notes(url)
    mongo._child.wait()


def test_a_stale_process_id_of_somebody_else_is_left_alone(folder):
    (folder / "data" / "mongod.lock").write_text(f"{os.getpid()}\n")
    with EmbeddedMongo(folder) as url:
        assert "first" in notes(url)


def test_it_moves_when_its_port_is_taken(folder):
    port = int((folder / "port").read_text())
    with taken(port), EmbeddedMongo(folder) as url:
        assert f":{port}/" not in url
        write(url, "moved")
    assert int((folder / "port").read_text()) != port


def test_it_moves_when_its_port_is_taken_at_the_last_moment(folder):
    mongo = EmbeddedMongo(folder)
    old = mongo.url
    with taken(int((folder / "port").read_text())):
        mongo.start()
        mongo.settle()
    assert mongo.url != old
    assert "moved" in notes(mongo.url)
    mongo.stop()


def test_a_start_that_was_cut_short_before_there_was_a_user_is_finished(tmp_path):
    mongo = EmbeddedMongo(tmp_path)
    mongo.start()
    with MongoClient("127.0.0.1", int((tmp_path / "port").read_text()), directConnection=True) as c:
        member = {"_id": 0, "host": f"127.0.0.1:{(tmp_path / 'port').read_text()}"}
        c.admin.command("replSetInitiate", {"_id": "tongkang", "members": [member]})
    mongo.stop()
    with EmbeddedMongo(tmp_path) as url:
        write(url, "done")


def test_a_mongod_that_cannot_run_says_where_the_reason_stands(tmp_path):
    mongo = EmbeddedMongo(tmp_path)
    (tmp_path / "data" / "WiredTiger").write_text("not a database")
    (tmp_path / "data" / "WiredTiger.turtle").write_text("not a database")
    mongo.start()
    with pytest.raises(CannotStart) as refusal:
        mongo.settle()
    mongo.stop()
    assert refusal.value.issues[0].message == "mongod-failed"
    assert Path(str(refusal.value.issues[0].arguments["log"])).exists()


def test_a_large_log_is_put_aside(folder):
    (folder / "mongod.log").write_bytes(b"x" * (17 * 1024 * 1024))
    with EmbeddedMongo(folder):
        assert (folder / "mongod.log").stat().st_size < 1024 * 1024
    assert (folder / "mongod.log.old").stat().st_size > 16 * 1024 * 1024


def test_the_cache_is_bounded():
    assert 0.25 <= cache_size() <= 4.0
