"""Many patches at once: each is done to what the others left, and none is lost.

Spec: https://hl7.org/fhir/R4/http.html#concurrency
"""

import base64
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.api.bundles import entry, transaction
from tests.api.client import Client
from tests.builders import TEST, fresh, identifier, patient

THREADS = 8
JSON_PATCH = "application/json-patch+json"
many_times = pytest.mark.parametrize("attempt", range(4))


@pytest.fixture
def crowd(base):
    """Return a function that has eight callers patch at once and returns their answers."""
    clients = [Client(base) for _ in range(THREADS)]
    barrier = Barrier(THREADS)

    def act(path, operations, **headers):
        def one(number):
            body = json.dumps(operations(number)).encode()
            barrier.wait(timeout=30)
            return clients[number].request("PATCH", path, body, Content_Type=JSON_PATCH, **headers)

        return list(pool.map(one, range(THREADS)))

    with ThreadPoolExecutor(THREADS) as pool:
        yield act
    for client in clients:
        client.session.close()


def adding(number):
    return [{"op": "add", "path": "/identifier/-", "value": {"value": str(number)}}]


def done(answers):
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {200, 409}, statuses
    return [number for number, answer in enumerate(answers) if answer.status_code == 200]


@many_times
def test_no_patch_that_was_answered_is_lost(fhir, crowd, attempt):
    stored = fhir.create(patient(identifier=[identifier()]))
    numbers = done(crowd(f"Patient/{stored['id']}", adding))
    assert numbers
    now = fhir.read("Patient", stored["id"])
    assert sorted(each["value"] for each in now["identifier"][1:]) == [str(n) for n in numbers]
    assert now["meta"]["versionId"] == str(1 + len(numbers))


@many_times
def test_no_conditional_patch_that_was_answered_is_lost(fhir, crowd, attempt):
    mark = fresh()
    stored = fhir.create(patient(identifier=[identifier(mark)]))
    numbers = done(crowd(f"Patient?identifier={TEST}|{mark}", adding))
    assert numbers
    now = fhir.read("Patient", stored["id"])
    assert sorted(each["value"] for each in now["identifier"][1:]) == [str(n) for n in numbers]


@many_times
def test_of_many_who_test_before_they_set_one_succeeds(fhir, crowd, attempt):
    stored = fhir.create(patient(active=False))
    answers = crowd(
        f"Patient/{stored['id']}",
        lambda number: [
            {"op": "test", "path": "/active", "value": False},
            {"op": "replace", "path": "/active", "value": True},
            {"op": "add", "path": "/birthDate", "value": f"200{number}"},
        ],
    )
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] == 1
    assert set(statuses) <= {200, 409, 422}
    assert fhir.read("Patient", stored["id"])["meta"]["versionId"] == "2"


@many_times
def test_of_patches_of_one_version_one_wins(fhir, crowd, attempt):
    stored = fhir.create(patient(identifier=[identifier()]))
    answers = crowd(f"Patient/{stored['id']}", adding, If_Match='W/"1"')
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] == 1
    assert set(statuses) <= {200, 409, 412}


@many_times
def test_no_patch_of_a_transaction_that_was_answered_is_lost(fhir, base, attempt):
    """Each transaction patches both resources, in another order than the next one."""
    stored = [fhir.create(patient(identifier=[identifier()])) for _ in range(2)]
    barrier = Barrier(THREADS)

    def one(number):
        data = base64.b64encode(json.dumps(adding(number)).encode()).decode()
        binary = {"resourceType": "Binary", "contentType": JSON_PATCH, "data": data}
        ordered = stored if number % 2 else stored[::-1]
        entries = [entry("PATCH", f"Patient/{each['id']}", binary) for each in ordered]
        client = Client(base)
        barrier.wait(timeout=30)
        with client.session:
            return client.post("", transaction(*entries))

    with ThreadPoolExecutor(THREADS) as pool:
        numbers = done(list(pool.map(one, range(THREADS))))
    assert numbers
    for each in stored:
        now = fhir.read("Patient", each["id"])
        added = [one["value"] for one in now["identifier"][1:]]
        assert sorted(added) == [str(number) for number in numbers]
