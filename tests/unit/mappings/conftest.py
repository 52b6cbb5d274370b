"""The interpreters, made once for the tests of this room."""

import orjson
import pytest

from server.fhir.json import dumps, exact, spelled
from server.services import Interpreters
from server.settings import Settings
from tests.unit.mappings.visit_records import RESIDENT, SOURCE


@pytest.fixture(scope="session")
def interpreters():
    return Interpreters.of(Settings())


@pytest.fixture(scope="session")
def datasets(interpreters):
    return interpreters.datasets


@pytest.fixture(scope="session")
def read(interpreters):
    """Return a function that reads a document of WS/T 500: its row, and what was told of it."""

    def done(text):
        papers = interpreters.documents.read(text.encode())
        told = [f"{one.severity} {one.rule} {one.element}" for one in papers.read.faults]
        return papers.row, told

    return done


@pytest.fixture(scope="session")
def project(interpreters):
    """Return what projects a record that is valid, with its numbers as they were spelled."""

    def projected(said, *, body=None):
        whole = {**said, "id": "r", "resident": RESIDENT, "patient": RESIDENT}
        body = body or orjson.dumps(whole)
        faults = interpreters.validator.faults(orjson.loads(body))
        assert [one.text("en") for one in faults if one.severity == "error"] == []
        found = interpreters.projections["EncounterRecord"].project(exact(body), SOURCE)
        return [(one.role, orjson.loads(dumps(one.resource))) for one in found]

    return projected


@pytest.fixture(scope="session")
def there_and_back():
    """Return a function that gives what a row restores to, and the faults of reading it."""

    def gone(dataset, row):
        read = dataset.read(row)
        stored = [spelled(dumps(one)) for one in read.resources]
        return dataset.restore(stored).row, read.faults

    return gone
