"""A real server that asks who is calling, and browsers for its pages."""

import secrets

import pytest

from server.services import Interpreters, Services
from server.settings import Settings
from tests import processes
from tests.portal.browser import Browser


@pytest.fixture(scope="session")
def guarded(mongodb_url, tmp_path_factory):
    """A server with access=oauth, two processes, on a database of its own."""
    log = tmp_path_factory.mktemp("guarded") / "server.log"
    database = f"test_{secrets.token_hex(6)}"
    server = processes.Server(
        log, mongodb_url=mongodb_url, database=database, workers=2, access="oauth"
    )
    server.database = database
    server.start()
    try:
        yield server.ready()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def services(guarded, mongodb_url):
    """The services on the database of that server, to set up what tests are about."""
    settings = Settings(mongodb_url=mongodb_url, database=guarded.database, access="oauth")
    opened = Services.open(Interpreters.of(settings), bytes)
    opened.registry.refresh()
    opened.registry.start(working=False)
    yield opened
    opened.close()


@pytest.fixture
def browser(guarded):
    """A browser that has not been here before."""
    with Browser(guarded.root) as opened:
        yield opened
