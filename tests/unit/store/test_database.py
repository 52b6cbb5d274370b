"""Which databases the server takes."""

import logging
from zoneinfo import ZoneInfo

import pytest
from pymongo import MongoClient

from server.fhir.outcome import Unavailable
from server.store.child import ended, started
from server.store.database import Store, check_url, connect
from server.store.mongod import CannotStart, executable, surroundings
from tests.processes import wait_until

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "url",
    [
        f"mongodb://user:{SECRET}@host/x@y/z",
        f"mongodb://user:p@{SECRET}@host/x",
        f"mongodb://user:p/{SECRET}@host/x",
        f"mongodb://user:%{SECRET}@host/x",
        f"mongodb+srv://user:p@{SECRET}@host.example.org/x",
        "mongodb://",
        "mongodb://host:99999/",
        "mongodb://host:port/",
        "mongodb://[::1/",
        "mongodb://a,b/?directConnection=true",
        "mongodb://host/?tls=maybe",
        "mongodb://host/?unheardOf=1",
        "mongodb://host/?tls=true&tlsCAFile=/no/such/file",
    ],
)
def test_a_url_that_the_driver_does_not_understand_is_refused_at_start(url):
    with pytest.raises(CannotStart) as refusal:
        check_url(url)
    assert refusal.value.issues[0].message == "mongodb-url-malformed"
    assert SECRET not in str(refusal.value)
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://host",
        "mongodb://user:p%40ss@a:27017,b:27018/?replicaSet=rs&authSource=admin&tls=true",
        "mongodb+srv://user:pass@cluster.example.org/?retryWrites=true&w=majority",
        "mongodb://[::1]:27017/",
    ],
)
def test_a_url_is_checked_without_looking_for_its_hosts(url):
    assert check_url(url) is None


@pytest.fixture
def standalone(tmp_path, free_port):
    """The URL of a mongod that is no member of a replica set."""
    (tmp_path / "data").mkdir()
    program = executable()
    command = [str(program), "--dbpath", str(tmp_path / "data"), "--port", str(free_port)]
    command += ["--bind_ip", "127.0.0.1", "--wiredTigerCacheSizeGB", "0.25", "--nounixsocket"]
    child = started(command, surroundings(program, tmp_path), tmp_path / "mongod.out")
    url = f"mongodb://127.0.0.1:{free_port}/?directConnection=true"
    with MongoClient(url) as client:
        wait_until(lambda: client.admin.command("ping")["ok"])
    yield url
    ended(child, 10)


def test_a_database_without_transactions_is_never_ready_and_the_log_says_why(standalone, caplog):
    client = connect(standalone, 5)
    store = Store.open(client, "test", lambda _: [], ZoneInfo("UTC"))
    with caplog.at_level(logging.ERROR, "tongkang.store"), pytest.raises(Unavailable) as refusal:
        store.ping()
    assert refusal.value.issues[0].message == "database-standalone"
    assert "standalone" in caplog.text
    client.close()


def test_a_replica_set_is_ready(store):
    assert store.ping() is None


def test_a_host_that_is_not_found_is_unavailable_not_a_failure():
    client = connect("mongodb+srv://no-such-cluster.example.invalid/", 0.5)
    store = Store.open(client, "test", lambda _: [], ZoneInfo("UTC"))
    with pytest.raises(Unavailable):
        store.ping()
    client.close()
