"""A portal with residents, staff and their records, and people who are signed in at it."""

from types import SimpleNamespace

import pytest

from server.identity import shelves
from server.identity.sessions import Sessions
from server.services import Interpreters, Services
from server.settings import Settings
from tests import processes
from tests.api.client import Client
from tests.portal.me import world
from tests.portal.me.reader import Reader

DATABASE = "test_portal"


@pytest.fixture(scope="session")
def portal_server(mongodb_url, tmp_path_factory):
    """A server whose FHIR face asks nobody who they are, so that tests can put data in."""
    log = tmp_path_factory.mktemp("portal") / "server.log"
    server = processes.Server(log, mongodb_url=mongodb_url, database=DATABASE, workers=2)
    server.start()
    try:
        yield server.ready()
    finally:
        server.end()


@pytest.fixture(scope="session")
def services(mongodb_url, portal_server):
    """The services on that server's database, for what cannot be done through its faces."""
    settings = Settings(mongodb_url=mongodb_url, database=DATABASE)
    services = Services.open(Interpreters.of(settings), lambda: b"")
    yield services
    services.close()


@pytest.fixture(scope="session")
def fhir(portal_server):
    """A FHIR client that may do everything."""
    client = Client(portal_server.base)
    yield client
    client.session.close()


@pytest.fixture(scope="session")
def people(services, fhir):
    """The accounts: see `world`."""
    for resource in world.resources():
        fhir.update(resource)
    accounts = services.store.shelf(shelves.ACCOUNTS)
    for id, account in world.ACCOUNTS.items():
        accounts.put(id, account)
    services.store.shelf(shelves.BONDS).put("bond", world.BOND)
    return SimpleNamespace(**{id: {"id": id, **one} for id, one in world.ACCOUNTS.items()})


@pytest.fixture
def signed_in(services, people, portal_server):
    """Return the function that gives the browser of whoever has an account, signed in."""
    browsers = []

    def sign_in(name, language="en", home="/me"):
        account = getattr(people, name)
        cookie = Sessions(services).begin(account, ["pwd", "otp"])
        browsers.append(Reader(portal_server.root, cookie, language, home))
        return browsers[-1]

    yield sign_in
    for browser in browsers:
        browser.session.close()


@pytest.fixture
def resident(signed_in):
    """The browser of the resident whom the tests are about."""
    return signed_in("resident")


@pytest.fixture
def doctor(signed_in):
    """The browser of a clinician of another division."""
    return signed_in("doctor", home="/emergency")


@pytest.fixture
def officer(signed_in):
    """The browser of the security officer."""
    return signed_in("officer", home="/review")


@pytest.fixture
def far_officer(signed_in):
    """The browser of the security officer of another division."""
    return signed_in("far_officer", home="/review")


@pytest.fixture
def stranger(portal_server):
    """The browser of somebody who is not signed in."""
    browser = Reader(portal_server.root)
    yield browser
    browser.session.close()
