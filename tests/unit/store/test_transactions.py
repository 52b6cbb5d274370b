"""A transaction that somebody leaves open holds up others for a while, and only for a while."""

import time
from uuid import uuid4
from zoneinfo import ZoneInfo

import pymongo
import pytest
from pymongo.errors import OperationFailure

from server.access.visibility import EVERYTHING
from server.fhir.outcome import Conflict, Unavailable
from server.store.database import Store, connect
from server.store.documents import Draft
from server.store.failures import refused
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
    return resources.create(draft(str(uuid4())))


@pytest.fixture
def left_open(mongodb, database, stored):
    """A transaction that wrote to the resource and was neither committed nor aborted."""
    with mongodb.start_session() as session, session.start_transaction():
        database.Patient.update_one({"_id": stored.id}, {"$set": {"x": 1}}, session=session)
        yield session


def draft(id):
    return Draft("Patient", id, b'{"resourceType":"Patient"}', {})


def repeated(action):
    """Return what `action` returns, as a client does that tries once more if it is told to."""
    try:
        return action()
    except Conflict:
        return action()


def test_a_write_beside_it_is_refused_in_time_and_may_be_repeated(resources, stored, left_open):
    begun = time.monotonic()
    with pytest.raises(Conflict) as refusal:
        resources.replace(draft(stored.id), stored)
    assert time.monotonic() - begun < 3 * PATIENCE
    assert refusal.value.headers["Retry-After"]
    left_open.abort_transaction()
    assert repeated(lambda: resources.replace(draft(stored.id), stored)).version == 2


def test_a_transaction_that_ran_out_of_time_holds_nobody_up(resources, database, stored):
    current = resources._engine.collections.current("Patient")

    def attempt(session):
        for _ in range(2):
            current.update_one({"_id": stored.id}, {"$inc": {"x": 1}}, session=session)
            time.sleep(PATIENCE)

    with pytest.raises(Unavailable), refused():
        resources._engine.transaction(attempt)
    with pymongo.timeout(5 * PATIENCE):
        somebody_elses = database.Patient.update_one({"_id": stored.id}, {"$set": {"x": 0}})
    assert somebody_elses.modified_count == 1


def test_a_private_mongod_ends_it_within_seconds(mongodb):
    name = "transactionLifetimeLimitSeconds"
    assert mongodb.admin.command("getParameter", 1, **{name: 1})[name] == 10


def test_a_commit_that_may_have_happened_is_not_called_a_conflict(resources, stored):
    """The first attempt meets another writer; the second one ends when there is no time left."""
    attempts = []

    def attempt(session):
        attempts.append(session)
        if len(attempts) == 1:
            conflict = OperationFailure("Another writer was here.", 112)
            conflict._add_error_label("TransientTransactionError")
            raise conflict
        where = {"_id": stored.id}
        current = resources._engine.collections.current("Patient")
        current.update_one(where, {"$set": {"x": 1}}, session=session)
        time.sleep(PATIENCE)

    with pytest.raises(Unavailable) as refusal, refused():
        resources._engine.transaction(attempt)
    assert len(attempts) == 2
    assert refusal.value.headers["Retry-After"]


def test_what_a_failover_may_take_back_is_not_read(resources):
    database = resources._engine.collections.database
    assert database.read_concern.level == "majority"
    assert database.write_concern.document == {"w": "majority"}
