"""Own search parameters on the way of a request, on a real MongoDB."""

import pytest
from pymongo import MongoClient
from pymongo.monitoring import CommandListener

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
    return opened(client, database)


def opened(client, database):
    interpreters = Interpreters.of(Settings())
    store = Store.open(client, database.name, interpreters.indexes.indexes, interpreters.zone)
    return Context.of(Services(interpreters, store, Cursors(store.secret), bytes), OPEN, "zh")


def test_what_is_stored_stays_accepted_if_the_database_goes_before_it_is_in_force(client, context):
    call = Call(interaction="create", type="SearchParameter")
    with parameters.in_force(context, call, changes=True):
        client.close()
    with pytest.raises(Unavailable):
        context.services.registry.refresh()


def test_nothing_is_stored_if_it_cannot_be_known_what_is_in_force(client, context):
    client.close()
    call = Call(interaction="create", type="Patient")
    with pytest.raises(Unavailable), parameters.in_force(context, call, changes=True):
        pytest.fail("the write began")


class Commands(CommandListener):
    """Notes which collections are asked."""

    def __init__(self):
        self.found = []

    def started(self, event):
        self.found.append(event.command.get("find"))

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


@pytest.mark.parametrize("changes", [False, True])
def test_terminology_is_looked_at_anew_after_what_may_have_changed_it(
    mongodb_url, database, changes
):
    """An operation such as $lookup changes nothing, and must not make the next one wait."""
    commands = Commands()
    with MongoClient(mongodb_url, tz_aware=True, event_listeners=[commands]) as client:
        context = opened(client, database)
        context.services.definitions.find("CodeSystem", "urn:one")
        call = Call(interaction="operation", type="CodeSystem", operation="$lookup")
        with parameters.in_force(context, call, changes=changes):
            commands.found.clear()
        context.services.definitions.find("CodeSystem", "urn:one")
    assert ("CodeSystem" in commands.found) == changes
