"""The fixture world, made once, and the oracle that knows what is in it."""

from functools import partial

import pytest

from tests.security.access.oracle import Oracle
from tests.security.access.world import WHOLE, World, database_name, fill, serving

WRITTEN = ("Observation", "Patient", "Condition", "Organization", "ValueSet", "Account")


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


@pytest.fixture(scope="module")
def written(mongodb_url, tmp_path_factory):
    """A fixture world that may be written to."""
    log = tmp_path_factory.mktemp("written") / "server.log"
    with serving(mongodb_url, log, database_name()) as wire:
        yield World(wire, fill(wire))


@pytest.fixture
def send(written):
    """Send a request; of a refusal, see to it that nothing was changed by it."""

    def newest():
        return [written.wire.get(f"{one}/_history?_count=1", WHOLE).keys() for one in WRITTEN]

    def asked(method, path, token, body=None, kind=None, **headers):
        before, wire = newest(), written.wire
        way = wire.send if kind is None else partial(wire.bundled, kind)
        got = way(method, path, token, body, **headers)
        assert got.status < 400 or newest() == before, "a refusal changed something"
        return got

    return asked
