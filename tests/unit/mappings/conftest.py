"""The interpreters, made once for the tests of this room."""

import pytest

from server.fhir.json import dumps, spelled
from server.services import Interpreters
from server.settings import Settings


@pytest.fixture(scope="session")
def interpreters():
    return Interpreters.of(Settings())


@pytest.fixture(scope="session")
def datasets(interpreters):
    return interpreters.datasets


@pytest.fixture(scope="session")
def there_and_back():
    """Return a function that gives what a row restores to, and the faults of reading it."""

    def gone(dataset, row):
        read = dataset.read(row)
        stored = [spelled(dumps(one)) for one in read.resources]
        return dataset.restore(stored).row, read.faults

    return gone
