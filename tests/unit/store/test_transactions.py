"""A transaction that somebody leaves open holds up others for a while, and only for a while."""

import time
from zoneinfo import ZoneInfo

import pytest

from server.access.visibility import EVERYTHING
from server.fhir.outcome import Conflict
from server.store.database import Store, connect
from server.store.documents import Draft
from tests.unit.store.conftest import Spec

BY_TERM = Spec("t_id", (("t", 1), ("_id", 1)))
PATIENCE = 1.0


@pytest.fixture
def resources(mongodb_url, database):
    """The resources as a server sees them whose operations end within a second."""
    client = connect(mongodb_url, PATIENCE)
    yield Store.open(client, database.name, lambda _: [BY_TERM], ZoneInfo("UTC")).resources(
        EVERYTHING
    )
    client.close()


@pytest.fixture
def stored(resources):
    return resources.create(draft("a"))


@pytest.fixture
def left_open(mongodb, database, stored):
    """A transaction that wrote to the resource and was neither committed nor aborted."""
    with mongodb.start_session() as session, session.start_transaction():
        database.Patient.update_one({"_id": stored.id}, {"$set": {"x": 1}}, session=session)
        yield session


def draft(id):
    return Draft("Patient", id, b'{"resourceType":"Patient"}', {})


def test_a_write_beside_it_is_refused_in_time_and_may_be_repeated(resources, stored, left_open):
    begun = time.monotonic()
    with pytest.raises(Conflict) as refusal:
        resources.replace(draft(stored.id), stored)
    assert time.monotonic() - begun < 3 * PATIENCE
    assert refusal.value.headers["Retry-After"]
    left_open.abort_transaction()
    assert resources.replace(draft(stored.id), stored).version == 2


def test_a_private_mongod_ends_it_within_seconds(mongodb):
    name = "transactionLifetimeLimitSeconds"
    assert mongodb.admin.command("getParameter", 1, **{name: 1})[name] == 10
