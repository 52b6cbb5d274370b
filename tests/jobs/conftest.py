"""Servers beside a process that does jobs, as `tongkang serve` runs them."""

import secrets
import signal
from contextlib import contextmanager

import pytest

from tests import processes
from tests.auth.conftest import world
from tests.jobs.asking import Caller
from tests.portal.conftest import services

__all__ = ["services", "world"]


def jobs_process(log, **settings):
    """Return `tongkang jobs`, not started."""
    return processes.Command("jobs", log=log, **settings)


@pytest.fixture(scope="module")
def place(mongodb_url, tmp_path_factory):
    """The settings that a server and what does its jobs share."""
    folder = tmp_path_factory.mktemp("jobs")
    return {
        "mongodb_url": mongodb_url,
        "database": f"test_{secrets.token_hex(6)}",
        "data_folder": folder,
        "access": "open",
        "log_level": "warning",
        "workers": 1,
        "port": processes.free_port(),
    }


@pytest.fixture(scope="module")
def serve(place):
    """Return a function that starts a server on that place, ready; they are ended afterwards."""
    running = []

    def serve(**settings):
        log = place["data_folder"] / f"server-{len(running)}.log"
        server = processes.Server(log, **place | settings).start()
        running.append(server)
        return server.ready()

    yield serve
    for server in running:
        server.end()


@pytest.fixture
def doing(place):
    """Return a function that starts a process which does jobs; they are ended afterwards."""
    running = []

    def doing(command=None, **settings):
        log, given = place["data_folder"] / "jobs.log", place | settings
        process = (
            processes.Process(command, log, **given) if command else jobs_process(log, **given)
        )
        running.append(process)
        return process.start()

    yield doing
    for process in running:
        process.stop()


@pytest.fixture(scope="module")
def server(serve):
    """A server that asks nobody who they are, with a process that does jobs."""
    return serve(job_workers=1, max_entries=20, max_job_entries=2000)


@pytest.fixture
def caller(server):
    return Caller(server.base)


@pytest.fixture(scope="session")
def guarded(mongodb_url, tmp_path_factory):
    """A server with access=oauth whose jobs are done by whoever a test starts."""
    folder = tmp_path_factory.mktemp("guarded")
    settings = {
        "mongodb_url": mongodb_url,
        "database": f"test_{secrets.token_hex(6)}",
        "access": "oauth",
        "log_level": "warning",
        "port": processes.free_port(),
    }
    server = processes.Server(folder / "server.log", workers=1, **settings)
    server.database, server.settings = settings["database"], settings
    server.start()
    try:
        yield server.ready()
    finally:
        server.end()


@pytest.fixture(scope="module")
def doer(guarded, tmp_path_factory):
    """The process that does the jobs of that server."""
    log = tmp_path_factory.mktemp("doer") / "jobs.log"
    process = jobs_process(log, **guarded.settings).start()
    yield process
    process.send(signal.SIGCONT)
    process.stop()


@pytest.fixture
def paused(doer):
    """Return a block within which no job is begun."""

    @contextmanager
    def paused():
        doer.send(signal.SIGSTOP)
        try:
            yield
        finally:
            doer.send(signal.SIGCONT)

    return paused
