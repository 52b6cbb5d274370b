"""Nothing that was acknowledged is lost, whichever process is killed in the middle of writing.

Each writer has resources of its own, so it knows what must be there: what was acknowledged last,
or, if the last write got no answer, that write or the one before it. ``KILLS=7`` kills more often.
"""

import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from threading import Barrier, Event

import pytest
from requests import RequestException

from tests import nursery
from tests.api.client import Client
from tests.builders import TEST, fresh, identifier, patient
from tests.processes import Server, children, named, wait_until

SEED = 20260101
WRITERS = 6
KILLS = int(os.environ.get("KILLS", "3"))
VICTIMS = ("mongod", "gunicorn", "everything", "worker", "mongod", "everything", "worker")[:KILLS]
CALLERS = 12
ENOUGH = 50
PATIENCE = 20


@dataclass(slots=True)
class Known:
    """What the writer of one resource knows: its `version` (0: none yet) and `content`, a number.

    A deleted one has no content. `asked` holds the content of a write that got no answer.
    """

    version: int = 0
    content: int | None = None
    asked: tuple = ()

    @property
    def is_certain(self):
        return not self.asked

    def possible(self):
        """Return the (version, content) pairs that the resource may now have."""
        return {
            (self.version, self.content),
            *((self.version + 1, content) for content in self.asked),
        }


@dataclass(slots=True)
class Ledger:
    """What one writer knows: resources by id, how often each mark was acknowledged, surprises."""

    resources: dict = field(default_factory=dict)
    marks: Counter = field(default_factory=Counter)
    surprises: list = field(default_factory=list)


class Writer:
    """Creates, updates, deletes and conditionally creates, at random, until it is stopped."""

    def __init__(self, base, random):
        self.client, self.random, self.ledger = Client(base), random, Ledger()

    def run(self, stop):
        while not stop.is_set():
            act = self.random.choice((self.put, self.put, self.put, self.delete, self.post_unless))
            act()
        self.client.session.close()
        return self.ledger

    def answered(self, method, path, body=None, **headers):
        """Return the answer if the write was acknowledged, None if nobody knows its fate."""
        try:
            answer = self.client.request(method, path, body, **headers)
        except RequestException:
            time.sleep(0.2)
            return None
        if not answer.ok and answer.status_code != 503:
            self.ledger.surprises.append((method, answer.status_code, answer.text[:300]))
        return answer if answer.ok else None

    def chosen(self):
        """Return one of the resources that are known for certain, or a new one."""
        certain = [each for each in self.ledger.resources.items() if each[1].is_certain]
        if certain and self.random.random() < 0.6:
            return self.random.choice(certain)
        return fresh(), Known()

    def put(self):
        id, known = self.chosen()
        content = self.random.randrange(10**9)
        self.write(id, known, content, "PUT", patient(id=id, multipleBirthInteger=content))

    def delete(self):
        id, known = self.chosen()
        if known.content is not None:
            self.write(id, known, None, "DELETE", None)

    def write(self, id, known, content, method, body):
        self.ledger.resources[id] = known
        known.asked = (content,)
        answer = self.answered(method, f"Patient/{id}", body)
        if answer is not None:
            known.version, known.content, known.asked = version(answer), content, ()

    def post_unless(self):
        marks = list(self.ledger.marks)
        mark = self.random.choice(marks) if marks and self.random.random() < 0.5 else fresh()
        self.ledger.marks[mark] += 0
        body = patient(identifier=[identifier(mark)])
        criteria = f"identifier={TEST}|{mark}"
        answer = self.answered("POST", "Patient", body, If_None_Exist=criteria)
        self.ledger.marks[mark] += answer is not None


def version(answer):
    return int(answer.headers["ETag"].removeprefix('W/"').removesuffix('"'))


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """`tongkang serve` with a mongod of its own; what one round left, the next one finds."""
    folder = tmp_path_factory.mktemp("crash")
    settings = {"data_folder": folder, "demo_residents": 0, "log_level": "warning"}
    server = Server(folder / "serve.log", **settings)
    server.start()
    yield server.ready()
    server.stop()


def processes(server):
    """Return the ids of the processes by their part: mongod, gunicorn, workers, supervisor."""
    below = children(server.child.pid)
    (mongod,), (gunicorn,) = named(below, "--dbpath"), named(below, "gunicorn")
    return {
        "mongod": [mongod],
        "gunicorn": [gunicorn, *children(gunicorn)],
        "worker": children(gunicorn)[:1],
        "everything": [server.child.pid, gunicorn, *children(gunicorn), mongod],
    }


def kill(server, victim):
    """Kill `victim` at once and see to it that there is a server again."""
    for process in processes(server)[victim]:
        os.kill(process, signal.SIGKILL)
    if victim in ("gunicorn", "everything"):
        server.child.wait(30)
        server.start()
    wait_until(lambda: bool(children(server.child.pid)))
    server.ready()


def verify(server):
    return nursery.ran("verify", environ=server.environ)


def state(client, id):
    """Return (version, content) of a Patient as it is now, (0, None) if it never was."""
    answer = client.get(f"Patient/{id}")
    if answer.status_code == 404:
        return 0, None
    if answer.status_code == 410:
        (newest,) = client.bundle(f"Patient/{id}/_history?_count=1")["entry"]
        return int(newest["response"]["etag"][3:-1]), None
    return version(answer), answer.json()["multipleBirthInteger"]


@pytest.mark.parametrize(("number", "victim"), [*enumerate(VICTIMS)])
def test_nothing_acknowledged_is_lost(serving, number, victim):
    random = Random(SEED + number)
    writers = [Writer(serving.base, Random(f"{SEED}/{number}/{n}")) for n in range(WRITERS)]
    stop = Event()
    with ThreadPoolExecutor(WRITERS) as threads:
        running = [threads.submit(writer.run, stop) for writer in writers]
        try:
            # A slow machine, which also makes the indexes first, takes longer to write enough.
            wait_until(lambda: written(writer.ledger for writer in writers) > ENOUGH)
            time.sleep(random.uniform(0.5, 1.2))
            kill(serving, victim)
            time.sleep(0.3)
        finally:
            stop.set()
        ledgers = [each.result() for each in running]
    check(serving, ledgers)


def patiently(send, *arguments, **headers):
    """Return the answer, asked for again while the server says that it may come later.

    What a killed process was writing to stays locked until its transaction ends.
    """
    deadline = time.monotonic() + PATIENCE
    answer = send(*arguments, **headers)
    while "Retry-After" in answer.headers and time.monotonic() < deadline:
        time.sleep(0.5)
        answer = send(*arguments, **headers)
    return answer


def written(ledgers):
    """Return how many versions `ledgers` know of; their writers may go on meanwhile."""
    return sum(known.version for ledger in ledgers for known in list(ledger.resources.values()))


def check(serving, ledgers):
    """Hold what is there against what the writers know; then write to all of it once more."""
    client = Client(serving.base)
    assert [surprise for ledger in ledgers for surprise in ledger.surprises] == []
    assert written(ledgers) > ENOUGH
    for ledger in ledgers:
        for id, known in ledger.resources.items():
            now = state(client, id)
            assert now in known.possible(), (id, now, known)
            content = (now[1] or 0) + 1
            again = patiently(
                client.put, f"Patient/{id}", patient(id=id, multipleBirthInteger=content)
            )
            assert again.ok, again.text
            assert version(again) == now[0] + 1
        for mark, acknowledged in ledger.marks.items():
            criteria = f"identifier={TEST}|{mark}"
            there = client.ids(f"Patient?{criteria}")
            assert len(there) == 1 or not (there or acknowledged), (mark, there, acknowledged)
            body = patient(identifier=[identifier(mark)])
            once_more = patiently(client.post, "Patient", body, If_None_Exist=criteria)
            assert once_more.status_code == (200 if there else 201)
    verified = verify(serving)
    assert verified.returncode == 0, verified.stdout
    client.session.close()


@pytest.fixture
def two_servers(server_process, tmp_path):
    """Two servers on one database."""
    settings = {"mongodb_url": server_process.environ["TONGKANG_MONGODB_URL"]}
    second = Server(tmp_path / "second.log", database="test_server", workers=1, **settings)
    second.start()
    yield [server_process.base, second.ready().base]
    second.stop()


def test_of_many_conditional_creates_through_two_servers_one_creates(two_servers):
    barrier = Barrier(CALLERS)
    clients = [Client(two_servers[n % 2]) for n in range(CALLERS)]

    def create(number, mark):
        body = patient(identifier=[identifier(mark)], birthDate=f"20{number:02d}")
        barrier.wait(timeout=30)
        return clients[number].post("Patient", body, If_None_Exist=f"identifier={TEST}|{mark}")

    with ThreadPoolExecutor(CALLERS) as threads:
        for _ in range(12):
            mark = fresh()
            answers = list(threads.map(lambda n, mark=mark: create(n, mark), range(CALLERS)))
            statuses = Counter(answer.status_code for answer in answers)
            assert statuses == {201: 1, 200: CALLERS - 1}
            assert len({answer.json()["id"] for answer in answers}) == 1
            assert len(clients[0].ids(f"Patient?identifier={TEST}|{mark}")) == 1
    for client in clients:
        client.session.close()
