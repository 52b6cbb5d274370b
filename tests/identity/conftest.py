"""What the tests of accounts share: services on a database of their own, and people in it."""

import secrets

import orjson
import pytest

from server.access.policy import OPEN
from server.context import Context
from server.door import perform
from server.identity import accounts, shelves
from server.interactions.call import Call
from server.services import Interpreters, Services
from server.settings import Settings
from tests import builders

PASSWORD = "correct horse battery 9"


@pytest.fixture(scope="session")
def interpreters():
    return Interpreters.of(Settings())


@pytest.fixture(scope="session")
def services(mongodb_url):
    """The services of a server in development, on a database of its own."""
    settings = Settings(mongodb_url=mongodb_url, database=f"test_{secrets.token_hex(6)}")
    opened = Services.open(Interpreters.of(settings), bytes)
    opened.registry.refresh()
    opened.registry.start(working=False)
    yield opened
    opened.close()


@pytest.fixture
def forgotten(services):
    """Nobody has guessed anything yet."""
    services.store.shelf(shelves.ATTEMPTS).remove({})
    services.store.shelf(shelves.ALARMS).remove({})


@pytest.fixture
def store(services):
    """Return a function that stores a resource and returns it."""

    def store(resource):
        context = Context.of(services, OPEN, "zh")
        body = orjson.dumps(resource)
        call = Call(interaction="create", type=resource["resourceType"], body=body)
        return orjson.loads(perform(context, call).body)

    return store


@pytest.fixture
def number():
    return f"350602{secrets.randbelow(10**11):011d}X"


@pytest.fixture
def patient(store, number):
    """A resident's record, without an account."""
    return store(
        builders.patient(
            identifier=[{"system": builders.ID_CARD, "value": number}],
            birthDate="1990-01-31",
            telecom=[{"system": "phone", "value": "13800001111", "use": "mobile"}],
        )
    )


@pytest.fixture
def resident(services, patient, number):
    """The account of a resident with a record."""
    account = accounts.add_bound(
        services, accounts.resident_login(number), "陈甲子", f"Patient/{patient['id']}"
    )
    accounts.set_password(services, account, PASSWORD)
    return accounts.shelf(services).find(account["id"])


@pytest.fixture
def member(services):
    """Return a function that opens the account of a member of staff."""

    def member(role="clinician", division="350602", name="李乙丑", **details):
        given = {"name": name, "role": role, "division": division, **details}
        account = accounts.add_staff(services, builders.fresh(), given)
        accounts.set_password(services, account, PASSWORD)
        return accounts.shelf(services).find(account["id"])

    return member
