"""A transaction that was acknowledged is whole, any other is absent, whatever is killed meanwhile.

``KILLS=20`` kills a worker, mongod or all, by turns, as often as that; the usual run less often.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Event

import pytest
from requests import RequestException

from tests.api.bundles import about, created, entry, statuses, transaction, urn
from tests.api.client import Client
from tests.api.test_crash import kill, patiently, verify
from tests.builders import TEST, fresh, identifier, patient
from tests.processes import Server

KILLS = int(os.environ.get("KILLS", "4"))
# "everything" also starts the supervisor anew, which gives up a mongod that dies too often.
VICTIMS = ("worker", "mongod", "worker", "mongod", "everything")
WRITERS = 4
SIZE = 40
ENOUGH = 12


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """`tongkang serve` with a mongod of its own."""
    folder = tmp_path_factory.mktemp("bundle-crash")
    settings = {
        "data_folder": folder, "demo_residents": 0, "log_level": "warning", "access": "open"
    }  # fmt: skip
    server = Server(folder / "serve.log", **settings)
    server.start()
    yield server.ready()
    server.stop()


def a_bundle(mark):
    """Return a transaction of `SIZE` entries that can all be found by `mark`."""
    person = urn()
    known = patient(identifier=[identifier(mark)])
    tests = (created(about(person, identifier=[identifier(mark)])) for _ in range(SIZE - 2))
    once = patient(identifier=[identifier("once-" + mark)], active=True)
    conditional = entry("PUT", f"Patient?identifier={TEST}|once-{mark}", once)
    return transaction(created(known, person), *tests, conditional)


def write(base, stop):
    """Send bundles until it is time to `stop`; return each one's mark, and whether it was done."""
    client, sent = Client(base), {}
    while not stop.is_set():
        mark = fresh()
        try:
            answer = client.post("", a_bundle(mark))
        except RequestException:
            sent[mark] = False
            time.sleep(0.2)
            continue
        assert answer.status_code in (200, 409, 503), answer.text[:300]
        sent[mark] = answer.ok
        if answer.ok:
            assert set(statuses(answer.json()["entry"])) == {201}
    client.session.close()
    return sent


def stored(client, mark):
    """Return how many resources of the bundle with `mark` are there."""
    count = "_summary=count&_total=accurate"
    found = [
        patiently(client.get, f"{type}?identifier={TEST}|{value}&{count}").json()["total"]
        for type, value in (("Patient", mark), ("Patient", f"once-{mark}"), ("Observation", mark))
    ]
    return sum(found)


def test_every_acknowledged_bundle_is_whole_and_every_other_absent_or_whole(serving):
    random, sent = Random(7), {}
    for number in range(KILLS):
        stop = Event()
        with ThreadPoolExecutor(WRITERS) as threads:
            running = [threads.submit(write, serving.base, stop) for _ in range(WRITERS)]
            try:
                time.sleep(random.uniform(0.6, 1.6))
                kill(serving, VICTIMS[number % len(VICTIMS)])
                time.sleep(0.3)
            finally:
                stop.set()
            for each in running:
                sent |= each.result()
    client = Client(serving.base)
    done = [mark for mark in sent if sent[mark]]
    assert len(done) > ENOUGH
    assert {stored(client, mark) for mark in done} == {SIZE}
    # Whoever got no answer does not know; what is not there at all is as good as what is whole.
    assert {stored(client, mark) for mark in sent if not sent[mark]} <= {0, SIZE}
    verified = verify(serving)
    assert verified.returncode == 0, verified.stdout + verified.stderr
