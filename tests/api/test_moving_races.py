"""What is about a patient belongs where they do, whoever moves, keeps and writes at once.

R1.4, R5.1; see server/store/belonging.py.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest

from server.access import divisions
from server.store.database import Store
from tests.api.client import Client
from tests.builders import fresh, identifier, observation
from tests.security.access.shapes import concept, person

HOMES = ("350602", "440303", "110101")
KEEPING = ((), ("HIV",), ("ALL",), ("HIV",))
USUAL, SENSITIVE = observation()["code"], concept("http://loinc.org", "7917-8")
ROUNDS = 40


@pytest.fixture(scope="module")
def store(mongodb):
    """The store of a process beside the server's two, on the same database."""
    about = {"Patient": "_id", "Observation": "pt"}
    return Store.open(mongodb, "test_server", lambda _: [], ZoneInfo("UTC"), about.get)


class Race:
    """A patient, and those who write about them; all of them act once in a round, at once."""

    def __init__(self, base, store):
        self.base, self.store = base, store
        self.patient, self.old = f"Patient/{fresh()}", fresh()
        self.writers = (self.move, self.keep, self.update, self.create, self.put, self.put_matched)
        self.barrier = Barrier(len(self.writers))
        self.clients = {writer: Client(base) for writer in self.writers}

    def result(self, number, **elements):
        code = SENSITIVE if number % 2 else USUAL
        return observation(subject={"reference": self.patient}, code=code, **elements)

    def move(self, client, number):
        _, id = self.patient.split("/")
        return client.put(self.patient, person(id, HOMES[number % len(HOMES)], number))

    def keep(self, _client, number):
        self.store.belonging.keep(self.patient, KEEPING[number % len(KEEPING)])

    def update(self, client, number):
        return client.put(f"Observation/{self.old}", self.result(number // 2, id=self.old))

    def create(self, client, number):
        return client.post("Observation", self.result(number))

    def put(self, client, number):
        id = fresh()
        return client.put(f"Observation/{id}", self.result(number + 1, id=id))

    def put_matched(self, client, number):
        new = identifier()
        found = f"Observation?identifier={new['value']}"
        return client.put(found, self.result(number, identifier=[new]))

    def act(self, writer, number):
        self.barrier.wait(timeout=30)
        answer = writer(self.clients[writer], number)
        assert answer is None or answer.status_code in (200, 201, 409), answer.text

    def round(self, threads, number):
        for done in [threads.submit(self.act, writer, number) for writer in self.writers]:
            done.result()

    def close(self):
        for client in self.clients.values():
            client.session.close()


@pytest.fixture
def race(base, store):
    race = Race(base, store)
    client = race.clients[race.create]
    assert race.move(client, 0).status_code == 201
    assert race.update(client, 0).status_code == 201
    yield race
    race.close()


def test_all_that_is_about_a_patient_has_the_marks_of_the_patient(race, mongodb):
    database = mongodb["test_server"]
    with ThreadPoolExecutor(len(race.writers)) as threads:
        for number in range(1, ROUNDS + 1):
            race.round(threads, number)
            patient = database["Patient"].find_one({"_id": race.patient.removeprefix("Patient/")})
            assert patient["div"] == divisions.above(HOMES[number % len(HOMES)])
            assert patient["kept"] == list(KEEPING[number % len(KEEPING)])
            results = list(database["Observation"].find({"comp": race.patient}))
            assert len(results) == 1 + 3 * number
            for one in results:
                assert one["div"] == patient["div"]
                is_kept = bool({"ALL", *one.get("sec", ())} & set(patient["kept"]))
                assert one.get("shut", False) == is_kept
