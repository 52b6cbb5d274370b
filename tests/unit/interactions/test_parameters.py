"""Own search parameters on the way of a request, on a real MongoDB."""

import pytest
from pymongo import MongoClient

from server.access.policy import OPEN
from server.context import Context
from server.fhir.outcome import Unavailable
from server.interactions import parameters
from server.interactions.call import Call
from server.search.paging import Cursors
from server.services import Interpreters, Services
from server.settings import Settings
from server.store.database import Store


@pytest.fixture
def client(mongodb_url):
    with MongoClient(mongodb_url, tz_aware=True) as client:
        yield client


@pytest.fixture
def context(client, database):
    interpreters = Interpreters.of(Settings())
    store = Store.open(client, database.name, interpreters.indexes.indexes, interpreters.zone)
    return Context.of(Services(interpreters, store, Cursors(store.secret), bytes), OPEN, "zh")


def test_what_is_stored_stays_accepted_if_the_database_goes_before_it_is_in_force(client, context):
    call = Call(interaction="create", type="SearchParameter")
    with parameters.in_force(context, call):
        client.close()
    with pytest.raises(Unavailable):
        context.services.registry.refresh()


def test_nothing_is_stored_if_it_cannot_be_known_what_is_in_force(client, context):
    client.close()
    call = Call(interaction="create", type="Patient")
    with pytest.raises(Unavailable), parameters.in_force(context, call):
        pytest.fail("the write began")
