"""Large tables that come with the server are loaded when it starts, once for a database."""

import pytest

from server.identity import loading
from tests import processes
from tests.api.client import Client
from tests.api.test_operation_lookup import told
from tests.builders import fresh

CODE = "350203001"


@pytest.fixture
def started(mongodb_url, mongodb, tmp_path):
    name = f"test_{fresh()[:12]}"
    server = processes.Server(
        tmp_path / "server.log", mongodb_url=mongodb_url, database=name, large_tables="on"
    )
    server.start()
    try:
        yield server.ready(), mongodb[name]
    finally:
        server.stop()
        mongodb.drop_database(name)


def test_townships_are_known_after_a_while(started):
    server, database = started
    fhir = Client(server.base)
    (found,) = fhir.bundle("CodeSystem?_id=gbt-10114")["entry"]
    system = found["resource"]["url"]
    asked = f"CodeSystem/$lookup?system={system}&code={CODE}"
    processes.wait_until(lambda: fhir.get(asked).status_code == 200, 120, 0.5)
    found = told(fhir.get(asked))
    assert {"code": "parent", "value": CODE[:6]} in found["property"]
    assert [row["url"] for row in database["_code_systems"].find()] == [system]
    processes.wait_until(lambda: database[loading.SHELF.name].find_one({"_id": "gbt-10114"}))
    assert database[loading.SHELF.name].count_documents({}) == 1
