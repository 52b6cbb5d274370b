"""What is about a patient belongs where they do, whoever moves, keeps and writes at once.

R1.4, R5.1; see server/store/belonging.py.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from threading import Event
from zoneinfo import ZoneInfo

import pytest

from server.access import divisions
from server.store.database import Store
from tests.api.client import Client
from tests.builders import fresh, observation
from tests.security.access.shapes import concept, person

HOMES = ("350602", "440303", "110101")
KEEPING = ((), ("HIV",), ("ALL",))
HIV = concept("http://loinc.org", "7917-8")
ROUNDS = 6
WRITES = 12


@pytest.fixture(scope="module")
def store(mongodb):
    """The store of a process beside the server's two, on the same database."""
    about = {"Patient": "_id", "Observation": "pt"}
    return Store.open(mongodb, "test_server", lambda _: [], ZoneInfo("UTC"), about.get)


@pytest.fixture
def clients(base):
    some = [Client(base) for _ in range(4)]
    yield some
    for client in some:
        client.session.close()


class Race:
    """One patient with a result, and those who write about them until the first is done."""

    def __init__(self, clients, store):
        self.clients, self.store = clients, store
        self.id, self.old, self.ended = fresh(), fresh(), Event()
        clients[0].update(person(self.id, HOMES[0], 1))
        clients[0].update(self.result(self.old))

    def result(self, id=None, **elements):
        named = {} if id is None else {"id": id}
        return observation(**named, subject={"reference": f"Patient/{self.id}"}, **elements)

    def move(self):
        for number, home in enumerate(cycle(HOMES[1:] + HOMES[:1])):
            answer = self.clients[0].put(f"Patient/{self.id}", person(self.id, home, number))
            assert answer.status_code in (200, 409), answer.text
            if self.ended.is_set():
                return

    def keep(self):
        for labels in cycle(KEEPING):
            self.store.belonging.keep(f"Patient/{self.id}", labels)
            if self.ended.is_set():
                return

    def create(self):
        for number in range(WRITES):
            self.clients[1].create(self.result(**({"code": HIV} if number % 2 else {})))
        self.ended.set()

    def create_conditionally(self):
        while not self.ended.is_set():
            new = self.result(identifier=[{"value": fresh()}])
            path = f"Observation?identifier={new['identifier'][0]['value']}"
            answer = self.clients[2].put(path, new)
            assert answer.status_code == 201, answer.text

    def update(self):
        for code in cycle((HIV, observation()["code"])):
            answer = self.clients[3].put(
                f"Observation/{self.old}", self.result(self.old, code=code)
            )
            assert answer.status_code in (200, 409), answer.text
            if self.ended.is_set():
                return

    def run(self):
        writers = (self.move, self.keep, self.create, self.create_conditionally, self.update)
        with ThreadPoolExecutor(len(writers)) as threads:
            for done in [threads.submit(write) for write in writers]:
                done.result()


@pytest.mark.parametrize("number", range(ROUNDS))
def test_all_that_is_about_a_patient_has_the_marks_of_the_patient(clients, store, mongodb, number):
    race = Race(clients, store)
    race.run()
    database = mongodb["test_server"]
    patient = database["Patient"].find_one({"_id": race.id})
    home = clients[0].read("Patient", race.id)["address"][0]
    code = home["_district"]["extension"][0]["valueCoding"]["code"]
    assert patient["div"] == divisions.above(code)
    results = list(database["Observation"].find({"comp": f"Patient/{race.id}"}))
    assert len(results) > WRITES
    for one in results:
        assert one["div"] == patient["div"]
        is_kept = bool({"ALL", *one.get("sec", ())} & set(patient["kept"]))
        assert one.get("shut", False) == is_kept
