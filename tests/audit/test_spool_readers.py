"""Whoever reads the trail, however, finds what was answered before, also out of the spool."""

import secrets
import signal

import pytest
import requests as http

from server.auth.development import Wanted, token
from server.services import Interpreters, Services
from server.settings import Settings
from tests import processes
from tests.builders import patient


@pytest.fixture(scope="module")
def name(mongodb):
    name = f"test_{secrets.token_hex(6)}"
    yield name
    mongodb.drop_database(name)


@pytest.fixture(scope="module")
def server(mongodb_url, name, tmp_path_factory):
    folder = tmp_path_factory.mktemp("readers")
    known = {"mongodb_url": mongodb_url, "database": name, "spool_folder": folder / "spool"}
    server = processes.Server(folder / "server.log", access="oauth", **known)
    yield server.start().ready()
    server.end()


@pytest.fixture(scope="module")
def services(mongodb_url, name):
    settings = Settings(mongodb_url=mongodb_url, database=name)
    services = Services.open(Interpreters.of(settings), bytes)
    yield services
    services.close()


@pytest.fixture(scope="module")
def system(services):
    return {"Authorization": f"Bearer {token(services, Wanted(scope='system/*.cruds'))}"}


@pytest.fixture(scope="module")
def auditor(services):
    wanted = Wanted(scope="user/AuditEvent.rs", role="auditor", division="3502")
    return {"Authorization": f"Bearer {token(services, wanted)}"}


WAYS = (
    "_count=200",
    "_sort=-_lastUpdated",
    "_sort=-date",
    "_summary=count",
    "_total=accurate&_count=1",
)


@pytest.mark.parametrize("way", WAYS)
def test_a_search_finds_each_read_before_it(server, system, auditor, way):
    id = http.post(f"{server.base}/Patient", json=patient(), headers=system).json()["id"]
    asked = f"{server.base}/AuditEvent?entity=Patient/{id}&{way}"
    for number in range(2, 6):
        http.get(f"{server.base}/Patient/{id}", headers=system)
        found = http.get(asked, headers=auditor)
        assert found.status_code == 200, found.text
        told = str(found.json().get("entry", []))
        seen = found.json().get("total", told.count(f"Patient/{id}/_history/1"))
        # The searches before are in the trail too, if they told of records about the patient.
        assert seen >= number


@pytest.fixture
def other(mongodb_url, name, tmp_path):
    """One more server of two processes, with a spool in `tmp_path`."""
    known = {"mongodb_url": mongodb_url, "database": name, "spool_folder": tmp_path}
    server = processes.Server(tmp_path / "server.log", access="oauth", workers=2, **known)
    yield server.start().ready()
    server.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_ends_in_good_order_leaves_nothing(other, services, system, tmp_path, number):
    asked = [secrets.token_hex(6) for _ in range(20)]
    for id in asked:
        assert http.get(f"{other.base}/Patient/{id}", headers=system).status_code == 404
    other.stop(number)
    assert list(tmp_path.glob("*/*.spool")) == []
    terms = {"t": {"$in": [f"entity=Patient/{id}" for id in asked]}}
    records = services.store.engine.collections.current("AuditEvent", terms)
    assert records.count_documents(terms) == len(asked)
