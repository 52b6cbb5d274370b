"""The fixture world, made once, and the oracle that knows what is in it."""

import pytest

from tests.security.access.oracle import Oracle
from tests.security.access.world import World, database_name, fill, serving


@pytest.fixture(scope="session")
def world(mongodb_url, tmp_path_factory):
    """The fixture world behind a real server; nothing in it is changed by tests."""
    log = tmp_path_factory.mktemp("access") / "server.log"
    with serving(mongodb_url, log, database_name()) as wire:
        yield World(wire, fill(wire))


@pytest.fixture(scope="session")
def oracle(world):
    """The oracle for that world."""
    return Oracle(world.stored)
