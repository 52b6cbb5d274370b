"""Several workers answer together what comes together.

Spec: https://docs.gunicorn.org/en/stable/design.html
"""

import http.client
from contextlib import suppress
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


def answered(port):
    """Return the sockets, by inode, of connections to this port on this host, as ``socket:[1]``."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows if int(row[1].partition(":")[2], 16) == port}


def opened(process):
    """Return what the process has open."""
    found = set()
    for one in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(str(one.readlink()))
    return found


def connected(server):
    """Return a connection on which nothing was asked yet."""
    connection = http.client.HTTPConnection(server.root.removeprefix("http://"))
    connection.connect()
    return connection


def test_connections_that_come_together_are_shared_by_the_workers(server):
    """One process would have all of them otherwise, one time in five or so."""
    port = int(server.root.rpartition(":")[2])
    for _ in range(10):
        before = answered(port)
        connections = [connected(server) for _ in range(CALLERS)]
        for one in connections:
            one.request("GET", "/livez")
        for one in connections:
            one.getresponse().read()
        new = answered(port) - before
        taken = [len(new & opened(process)) for process in workers(server)]
        for one in connections:
            one.close()
        assert sum(taken) == CALLERS, taken
        assert min(taken) >= CALLERS // 4, taken
