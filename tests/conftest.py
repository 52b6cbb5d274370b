"""What tests share: one real mongod for the whole run, and one real server."""

import gc
import secrets
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pymongo import MongoClient

from server.store.embedded import EmbeddedMongo
from tests import processes, stocking

# How long an example takes tells how busy the machine is; what holds the server to a time is alone.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


_LONGEST = (
    "test_matrix.py",
    "test_serve.py",
    "test_jobs_survive.py",
    "test_every_page.py",
    "test_crash.py",
    "test_twins.py",
    "test_paging_races.py",
    "test_real_tokens.py",
    "test_examples_roundtrip.py",
    "test_own_search_parameters.py",
    "test_developer.py",
    "test_bundle_crash.py",
    "test_own_parameter_definitions.py",
    "test_async_pattern.py",
    "test_writes.py",
    "test_search_oracle.py",
    "test_embedded.py",
    "test_record_operations.py",
    "test_compositions.py",
    "test_rule_pairs.py",
    "test_includes_by_comparing.py",
)
_MEMORY = Path("/dev/shm")
_ENOUGH = 4 * 1024**3


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Begin with the files that take longest: whoever began one last would keep all waiting."""
    places = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


def pytest_collection_finish():
    """Look no more for garbage in what stays: many thousands of tests."""
    gc.collect()
    gc.freeze()


def quick_folder():
    """Return a folder whose files are in memory if there is much of it, None otherwise.

    A database there does all that it does on a disk, but makes collections in a third of the time.
    """
    if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ENOUGH:
        return _MEMORY
    return None


@pytest.fixture(scope="session")
def mongodb_url():
    """The URL of a one-node replica set that is empty at first."""
    made = tempfile.TemporaryDirectory(prefix="tongkang-test-", dir=quick_folder())
    with made as folder, EmbeddedMongo(Path(folder) / "mongodb") as url:
        stocking.OURS.add(url)
        yield url


@pytest.fixture(scope="session")
def mongodb(mongodb_url):
    """A client of that replica set."""
    with MongoClient(mongodb_url, tz_aware=True) as client:
        yield client


@pytest.fixture(scope="module")
def database(mongodb):
    """A database of its own for each test module."""
    name = f"test_{secrets.token_hex(6)}"
    yield mongodb[name]
    mongodb.drop_database(name)


@pytest.fixture
def free_port():
    """A port of loopback that nobody uses just now."""
    return processes.free_port()


@pytest.fixture(scope="session")
def server_process(mongodb_url, tmp_path_factory):
    """The server, two processes under gunicorn, on a database of its own."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    server = processes.Server(log, mongodb_url=mongodb_url, database="test_server", workers=2)
    server.start()
    try:
        yield server.ready()
    finally:
        server.end()


@pytest.fixture(scope="session")
def server(server_process):
    """The FHIR base of that server."""
    return server_process.base
