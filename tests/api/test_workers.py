"""Several workers answer together what comes together.

Spec: https://docs.gunicorn.org/en/stable/design.html
"""

import http.client
from pathlib import Path

import pytest

from tests.processes import Server, children

# What else runs may keep a worker from its turn.
pytestmark = pytest.mark.alone
CALLERS = 8


@pytest.fixture
def server(mongodb_url, tmp_path):
    settings = {"mongodb_url": mongodb_url, "database": "test_workers", "workers": 2}
    server = Server(tmp_path / "server.log", **settings).start().ready()
    yield server
    server.end()


def workers(server):
    """Return the ids of the processes that answer: gunicorn's own children."""
    return children(server.child.pid)


def sockets(process):
    """Return how many sockets the process has open."""
    files = Path(f"/proc/{process}/fd").iterdir()
    return sum(str(one.readlink()).startswith("socket:") for one in files)


def connected(server):
    """Return a connection on which nothing was asked yet."""
    connection = http.client.HTTPConnection(server.root.removeprefix("http://"))
    connection.connect()
    return connection


def test_connections_that_come_together_are_shared_by_the_workers(server):
    """One process would have all of them otherwise, one time in five or so."""
    for _ in range(10):
        before = {process: sockets(process) for process in workers(server)}
        connections = [connected(server) for _ in range(CALLERS)]
        for one in connections:
            one.request("GET", "/livez")
        for one in connections:
            one.getresponse().read()
        taken = [sockets(process) - count for process, count in before.items()]
        for one in connections:
            one.close()
        assert sum(taken) >= CALLERS, taken
        assert min(taken) >= CALLERS // 4, taken
