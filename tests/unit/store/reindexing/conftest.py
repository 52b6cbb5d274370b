"""Workers on a database that is empty before each test."""

import pytest

from server.store import reindexing
from tests.unit.store.reindexing.worker import Process

BATCH = 3


@pytest.fixture(autouse=True)
def clean(database, monkeypatch):
    for name in database.list_collection_names():
        database[name].delete_many({})
    monkeypatch.setattr(reindexing, "BATCH", BATCH)


@pytest.fixture
def process(store):
    """Return a function that makes one more worker."""
    return lambda **arguments: Process(store, **arguments)
