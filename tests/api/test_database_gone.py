"""Without its database the server says so in time, and goes on by itself when it is back.

The server outlives all of it: no process of it is started again.
"""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from server.store.embedded import EmbeddedMongo
from tests.api.client import Client, refused
from tests.builders import TEST, fresh, identifier, patient
from tests.processes import Server, all_halted, children, status, wait_until

pytestmark = pytest.mark.alone

PATIENCE = 5.0
REQUESTS = (
    ("GET", "Patient/kept", None, {}),
    ("GET", "Patient/kept/_history/1", None, {}),
    ("GET", "Patient/kept/_history", None, {}),
    ("GET", "_history", None, {}),
    ("GET", "Patient?family=陈", None, {}),
    ("GET", "Observation?patient=kept", None, {}),
    ("POST", "Patient", patient(), {}),
    ("POST", "Patient", patient(), {"If_None_Exist": f"identifier={TEST}|none"}),
    ("PUT", "Patient/kept", patient(id="kept", active=True), {}),
    ("PUT", "Patient/new", patient(id="new"), {}),
    ("PUT", f"Patient?identifier={TEST}|none", patient(), {}),
    ("DELETE", "Patient/kept", None, {}),
    ("DELETE", f"Patient?identifier={TEST}|none", None, {}),
)


class Mongod:
    """A mongod of our own, to be halted, resumed, killed and started again."""

    def __init__(self, folder):
        self.embedded = EmbeddedMongo(folder)
        self.folder = folder
        self.start()

    def start(self):
        self.embedded.start()
        self.embedded.settle()

    def send(self, number):
        process = int((self.folder / "data" / "mongod.lock").read_text())
        os.kill(process, number)
        if number == signal.SIGSTOP:
            wait_until(lambda: all_halted(process))

    def start_again(self):
        wait_until(lambda: not self.embedded.is_running)
        self.start()


@pytest.fixture(scope="module")
def mongod(tmp_path_factory):
    mongod = Mongod(tmp_path_factory.mktemp("gone") / "mongodb")
    yield mongod
    mongod.embedded.stop()


@pytest.fixture(scope="module")
def lone(mongod, tmp_path_factory):
    """The only server on that mongod, with a resource in it and the processes it started with."""
    log = tmp_path_factory.mktemp("gone") / "server.log"
    server = Server(log, mongodb_url=mongod.embedded.url, database="gone", workers=2)
    server.start()
    try:
        server.ready()
        wait_until(lambda: len(children(server.child.pid)) == 2)
        workers = children(server.child.pid)
        yield server
        assert children(server.child.pid) == workers, "no process was started again"
    finally:
        server.stop()


@pytest.fixture(params=["halted", "killed"])
def gone(request, mongod, lone):
    """The server while its mongod does not answer, or is not there; how to bring it back."""
    client = Client(lone.base)
    kept = patient(id="kept", identifier=[identifier(fresh())])
    # The test before may have brought the database back just now.
    wait_until(lambda: client.put("Patient/kept", kept).status_code in (200, 201), 15)
    halt, resume = {
        "halted": (signal.SIGSTOP, lambda: mongod.send(signal.SIGCONT)),
        "killed": (signal.SIGKILL, mongod.start_again),
    }[request.param]
    mongod.send(halt)
    back = []

    def bring_back():
        if not back:
            back.append(True)
            resume()

    yield client, bring_back
    bring_back()
    client.session.close()


def timed(client, method, path, body, headers):
    begun = time.monotonic()
    answer = client.request(method, path, body, **headers)
    return answer, time.monotonic() - begun


def test_every_interaction_is_refused_in_time_with_a_word_on_when_to_come_back(gone):
    client, _ = gone
    with ThreadPoolExecutor(len(REQUESTS)) as threads:
        answers = list(threads.map(lambda one: timed(client, *one), REQUESTS))
    for (method, path, *_), (answer, seconds) in zip(REQUESTS, answers, strict=True):
        (issue,) = refused(answer, 503)
        assert issue["code"] == "transient"
        assert int(answer.headers["Retry-After"]) > 0
        assert seconds < PATIENCE, (method, path)


def test_what_needs_no_database_is_answered(gone, lone):
    client, _ = gone
    assert client.get("metadata").status_code == 200
    refused(client.get("Patient/kept?nonsense=1"), 400)
    refused(client.put("Patient/kept", {"resourceType": "Patient", "id": "kept", "x": 1}), 422)
    assert status(f"{lone.root}/livez") == 200


def test_the_probes_tell_alive_from_ready(gone, lone):
    begun = time.monotonic()
    assert status(f"{lone.root}/readyz", timeout=10) == 503
    assert time.monotonic() - begun < PATIENCE
    assert status(f"{lone.root}/livez") == 200


def test_it_goes_on_by_itself_when_the_database_is_back(gone, lone):
    client, bring_back = gone
    refused(client.get("Patient/kept"), 503)
    bring_back()
    begun = time.monotonic()
    wait_until(lambda: client.get("Patient/kept").status_code == 200, 15)
    wait_until(lambda: client.post("Patient", patient()).status_code == 201, 15)
    assert status(f"{lone.root}/readyz") == 200
    assert time.monotonic() - begun < 10


def test_a_refused_write_leaves_nothing_half_done(gone):
    client, bring_back = gone
    refused(client.put("Patient/kept", patient(id="kept", birthDate="1960-02-29")), 503)
    bring_back()
    wait_until(lambda: client.get("Patient/kept").status_code == 200, 15)
    version = int(client.read("Patient", "kept")["meta"]["versionId"])
    entries = client.bundle("Patient/kept/_history?_count=1000")["entry"]
    assert [int(entry["response"]["etag"][3:-1]) for entry in entries] == [*range(version, 0, -1)]
