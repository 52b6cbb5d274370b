"""`tongkang serve` starts everything, outlives the death of mongod, and ends in good order.

The application here is a stand-in, so that what is shown is the supervisor's alone.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import (
    ROOT,
    Server,
    children,
    doing_jobs,
    is_alive,
    named,
    status,
    text,
    wait_until,
)

STAND_IN = "tests.standin:app"
PATIENCE = 60
"""How many seconds anything may take where a busy machine is all that could be slow."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The data folder that these tests run in one after the other."""
    return tmp_path_factory.mktemp("serve")


@pytest.fixture
def serve(folder):
    """Start `tongkang serve` on the folder; end what is left of it afterwards."""
    running = []

    def start(**settings):
        settings = {"data_folder": folder, "demo_residents": 0, "language": "en", **settings}
        server = Server(folder / "serve.log", STAND_IN, **settings)
        running.append(server.start())
        return server

    yield start
    for server in running:
        server.stop()


def parts(server):
    """Return the ids of (mongod, gunicorn) under the supervisor."""
    below = children(server.child.pid)
    return named(below, "--dbpath")[0], named(below, "gunicorn")[0]


def test_it_says_where_to_go_and_ends_cleanly_on_ctrl_c(serve, folder):
    server = serve().ready()
    wait_until(lambda: "Tongkang is ready" in server.log.read_text())
    assert f"{server.base}/metadata" in server.log.read_text()
    mongod, gunicorn = parts(server)
    assert server.stop(signal.SIGINT) == 0
    assert not is_alive(mongod)
    assert not is_alive(gunicorn)
    assert (folder / "mongodb" / "data" / "mongod.lock").read_text() == ""


def test_it_runs_the_processes_that_are_set(serve):
    server = serve(workers=3).ready()
    _, gunicorn = parts(server)
    wait_until(lambda: len(children(gunicorn)) == 3)


def test_it_runs_the_process_that_does_jobs_and_ends_it(serve):
    server = serve(job_workers=1).ready()
    jobs = doing_jobs(server)
    assert server.stop() == 0
    assert not is_alive(jobs)


@pytest.mark.alone
def test_a_second_start_is_ready_in_less_than_five_seconds(serve):
    begun = time.monotonic()
    serve().ready()
    assert time.monotonic() - begun < 5


def test_mongod_is_started_again_when_it_is_killed(serve):
    server = serve().ready()
    mongod, gunicorn = parts(server)
    # Held still, for it is faster than anybody could look.
    server.send(signal.SIGSTOP)
    os.kill(mongod, signal.SIGKILL)
    wait_until(lambda: status(f"{server.root}/readyz") == 503)
    assert status(f"{server.root}/livez") == 200
    server.send(signal.SIGCONT)
    wait_until(lambda: status(f"{server.root}/readyz") == 200)
    assert parts(server)[0] != mongod
    assert parts(server)[1] == gunicorn


def test_everything_ends_with_gunicorn(serve):
    server = serve().ready()
    mongod, gunicorn = parts(server)
    os.kill(gunicorn, signal.SIGKILL)
    assert server.child.wait(PATIENCE) == 128 + signal.SIGKILL
    wait_until(lambda: not is_alive(mongod))


def test_a_worker_that_is_killed_is_replaced(serve):
    server = serve().ready()
    _, gunicorn = parts(server)
    worker = children(gunicorn)[0]
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: worker not in children(gunicorn) and len(children(gunicorn)) == 2)
    assert status(f"{server.root}/readyz") == 200


def test_nothing_is_left_behind_by_a_supervisor_that_is_killed(serve):
    server = serve().ready()
    mongod, gunicorn = parts(server)
    server.send(signal.SIGKILL)
    wait_until(lambda: not is_alive(mongod) and not is_alive(gunicorn))


def test_it_starts_again_at_once_after_all_of_it_was_killed(serve):
    server = serve().ready()
    server.kill()
    serve().ready()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="the metrics lie elsewhere here")
def test_the_metrics_of_a_server_that_was_killed_are_removed_by_the_next(serve):
    def metrics(server):
        return list(Path("/dev/shm").glob(f"tongkang-metrics-{parts(server)[1]}-*"))

    server = serve().ready()
    left = metrics(server)
    assert len(left) == 1
    server.kill()
    wait_until(lambda: not is_alive(int(left[0].name.split("-")[2])))
    next_one = serve().ready()
    assert not left[0].exists()
    own = metrics(next_one)
    next_one.stop()
    assert not own[0].exists()


def test_a_folder_in_use_is_refused(serve):
    first = serve().ready()
    second = serve()
    assert second.child.wait(PATIENCE) == 1
    assert f"in use by process {first.child.pid}" in second.log.read_text()
    assert status(f"{first.root}/readyz") == 200


def test_a_port_in_use_is_refused(serve):
    with socket.create_server(("127.0.0.1", 0)) as taker:
        port = taker.getsockname()[1]
        server = serve(port=port)
        assert server.child.wait(PATIENCE) == 1
    assert f"127.0.0.1:{port} is taken" in server.log.read_text()


def test_wrong_settings_are_all_told_before_anything_starts(serve):
    server = serve(port="http", workers=0)
    assert server.child.wait(PATIENCE) == 1
    told = server.log.read_text()
    assert "TONGKANG_PORT=http is not valid" in told
    assert "TONGKANG_WORKERS=0 is not valid" in told
    assert "Traceback" not in told.rpartition("TONGKANG_PORT")[2]


def test_a_given_mongodb_is_used_and_none_is_started(mongodb_url, tmp_path):
    server = Server(tmp_path / "serve.log", STAND_IN, mongodb_url=mongodb_url).cold()
    server.start()
    try:
        server.ready()
        assert named([server.child.pid], "gunicorn")
        assert not named(children(server.child.pid), "--dbpath")
    finally:
        assert server.stop() == 0


def test_a_caller_who_stops_in_the_middle_of_a_header_is_cut_off(serve):
    server = serve(request_timeout=1, threads=1, workers=1).ready()
    port = int(server.root.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
        slow.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        begun = time.monotonic()
        assert status(f"{server.root}/livez", timeout=10) == 200
        assert time.monotonic() - begun < 5
        assert slow.recv(1024) == b""


def test_a_long_header_is_refused(serve):
    server = serve().ready()
    port = int(server.root.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\n")
        assert b" 431 " in caller.recv(1024)


def test_help_and_settings_need_no_server():
    def tongkang(*words):
        command = [sys.executable, "-m", "server.cli", *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "serve" in tongkang("--help")
    assert "TONGKANG_WORKERS=2" in tongkang("settings")


def test_requests_are_answered_by_several_processes(serve):
    server = serve().ready()
    wait_until(lambda: len({text(f"{server.root}/x").split()[0] for _ in range(20)}) > 1)
