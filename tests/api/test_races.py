"""Many at once: who wins is open, that one wins is not.

Spec: https://hl7.org/fhir/R4/http.html#concurrency
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.api.client import Client, Response
from tests.builders import TEST, fresh, identifier, patient

THREADS = 8
many_times = pytest.mark.parametrize("attempt", range(6))


@pytest.fixture
def crowd(base):
    """Return a function that lets eight callers act at once and returns their answers."""
    clients = [Client(base) for _ in range(THREADS)]
    barrier = Barrier(THREADS)

    def act(action: Callable[[Client, int], Response]) -> list[Response]:
        def one(number: int) -> Response:
            barrier.wait(timeout=30)
            return action(clients[number], number)

        return list(pool.map(one, range(THREADS)))

    with ThreadPoolExecutor(THREADS) as pool:
        for client in clients:
            client.get("metadata")
        yield act
    for client in clients:
        client.session.close()


def statuses(answers):
    return Counter(answer.status_code for answer in answers)


def versions(fhir, id):
    entries = fhir.bundle(f"Patient/{id}/_history?_count=1000")["entry"]
    return [int(entry["response"]["etag"][3:-1]) for entry in entries]


def marked(mark, **elements):
    return patient(identifier=[identifier(mark)], **elements)


def born(number):
    """Return an element in which the resources of the callers differ."""
    return {"birthDate": f"20{number:02d}"}


@many_times
def test_of_many_conditional_creates_one_creates(fhir, crowd, attempt):
    mark = fresh()
    criteria = f"identifier={TEST}|{mark}"
    answers = crowd(
        lambda client, n: client.post("Patient", marked(mark, **born(n)), If_None_Exist=criteria)
    )
    assert statuses(answers)[201] == 1, statuses(answers)
    assert set(statuses(answers)) <= {200, 201, 409, 412}
    assert len(fhir.ids(f"Patient?{criteria}")) == 1
    made = {answer.json()["id"] for answer in answers if answer.status_code in (200, 201)}
    assert len(made) == 1


@many_times
def test_criteria_spelled_in_another_order_are_the_same_criteria(fhir, crowd, attempt):
    mark = fresh()
    parts = [f"identifier={TEST}|{mark}", "gender=female"]
    orders = ["&".join(parts), "&".join(reversed(parts))]
    answers = crowd(
        lambda client, n: client.post("Patient", marked(mark), If_None_Exist=orders[n % 2])
    )
    assert statuses(answers)[201] == 1, statuses(answers)
    assert len(fhir.ids(f"Patient?identifier={mark}")) == 1


@many_times
def test_of_many_conditional_updates_one_creates(fhir, crowd, attempt):
    mark = fresh()
    path = f"Patient?identifier={TEST}|{mark}"
    answers = crowd(lambda client, n: client.put(path, marked(mark, **born(n))))
    assert statuses(answers)[201] == 1, statuses(answers)
    assert set(statuses(answers)) <= {200, 201, 409, 412}
    (id,) = fhir.ids(path)
    done = statuses(answers)[200] + 1
    assert versions(fhir, id) == list(range(done, 0, -1))


@many_times
def test_of_writers_of_one_version_one_wins(fhir, crowd, attempt):
    stored = fhir.create(patient())
    path = f"Patient/{stored['id']}"
    answers = crowd(
        lambda client, n: client.put(path, {**stored, **born(n)}, If_Match='W/"1"')
    )  # fmt: skip
    assert statuses(answers)[200] == 1, statuses(answers)
    assert set(statuses(answers)) <= {200, 409, 412}
    assert versions(fhir, stored["id"]) == [2, 1]
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert fhir.read("Patient", stored["id"]) == winner.json()


@many_times
def test_writers_without_a_condition_lose_no_version(fhir, crowd, attempt):
    stored = fhir.create(patient())
    path = f"Patient/{stored['id']}"
    answers = crowd(lambda client, n: client.put(path, {**stored, **born(n)}))
    assert set(statuses(answers)) <= {200, 409}
    done = statuses(answers)[200]
    assert done >= 1
    assert versions(fhir, stored["id"]) == list(range(done + 1, 0, -1))
    written = {answer.json()["meta"]["versionId"] for answer in answers if answer.ok}
    assert len(written) == done, "no two writers made the same version"


@many_times
def test_of_many_creates_under_one_id_one_creates(fhir, crowd, attempt):
    id = fresh()
    answers = crowd(lambda client, n: client.put(f"Patient/{id}", patient(id=id, **born(n))))
    assert statuses(answers)[201] == 1, statuses(answers)
    assert set(statuses(answers)) <= {200, 201, 409}
    assert versions(fhir, id) == list(range(1 + statuses(answers)[200], 0, -1))


def test_of_many_creates_that_must_not_exist_one_creates(fhir, crowd):
    id = fresh()
    path = f"Patient/{id}"
    answers = crowd(
        lambda client, n: client.put(path, patient(id=id, **born(n)), If_None_Match="*")
    )
    assert statuses(answers)[201] == 1, statuses(answers)
    assert versions(fhir, id) == [1]


@many_times
def test_many_deletes_make_one_deletion(fhir, crowd, attempt):
    stored = fhir.create(patient())
    answers = crowd(lambda client, _: client.delete(f"Patient/{stored['id']}"))
    assert set(statuses(answers)) <= {204, 409}
    assert versions(fhir, stored["id"]) == [2, 1]


@many_times
def test_deletes_updates_and_reads_at_once_leave_a_whole_history(fhir, crowd, attempt):
    stored = fhir.create(patient())
    path = f"Patient/{stored['id']}"

    def act(client, number):
        if number % 3 == 0:
            return client.delete(path)
        if number % 3 == 1:
            return client.put(path, {**stored, **born(number)})
        return client.get(path)

    answers = crowd(act)
    assert set(statuses(answers)) <= {200, 201, 204, 409, 410}, statuses(answers)
    found = versions(fhir, stored["id"])
    assert found == list(range(found[0], 0, -1))
    last = fhir.get(path)
    assert last.status_code in (200, 410)
    if last.status_code == 200:
        assert last.json()["meta"]["versionId"] == str(found[0])
    assert fhir.ids(f"Patient?_id={stored['id']}") == (
        [stored["id"]] if last.status_code == 200 else []
    )
    again = fhir.put(path, {**stored, "birthDate": "1999"})
    assert again.status_code in (200, 201), "it can still be written"


def test_plain_creates_do_not_hinder_each_other(fhir, crowd):
    mark = fresh()
    answers = crowd(lambda client, _: client.post("Patient", marked(mark)))
    assert statuses(answers) == {201: THREADS}
    assert len(set(fhir.ids(f"Patient?identifier={mark}&_count=100"))) == THREADS
