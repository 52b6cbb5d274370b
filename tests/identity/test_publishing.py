"""What comes with the server is stored when it starts, once, by whichever process is first.

Spec: https://hl7.org/fhir/R4/versions.html
"""

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import orjson
import pytest

from server.access.policy import OPEN
from server.context import Context
from server.identity.publishing import begin, publish
from server.interactions.writing import draft
from server.profiles.publications import Publication, Publications
from server.services import Interpreters, Services
from server.settings import Settings

CODE = "CodeSystem"


@pytest.fixture(scope="module")
def interpreters():
    return Interpreters.of(Settings())


@pytest.fixture
def opened(mongodb_url, interpreters):
    """Return a function that opens the services of a process which brings definitions."""
    settings = Settings(mongodb_url=mongodb_url, database=f"test_{secrets.token_hex(6)}")
    made = []

    def opened(*bodies):
        all = tuple(
            Publication(body["resourceType"], body["id"], orjson.dumps(body)) for body in bodies
        )
        known = replace(interpreters, settings=settings, publications=Publications(all))
        made.append(Services.open(known, bytes))
        return made[-1]

    yield opened
    for services in made:
        services.close()


def code_system(id, **elements):
    return {
        "resourceType": CODE,
        "id": id,
        "url": f"urn:test:{id}",
        "status": "active",
        "content": "complete",
        **elements,
    }


def versions(services, id):
    """Return the titles of all versions of a code system, the newest first."""
    context = Context.of(services, OPEN, "en")
    newest = context.resources.read(CODE, id).version
    bodies = [context.history.version(CODE, id, number).body for number in range(newest, 0, -1)]
    return [None if body is None else orjson.loads(body).get("title") for body in bodies]


def test_all_is_stored_at_first_and_nothing_afterwards(opened):
    services = opened(code_system("a"), code_system("b"))
    assert publish(services) == 2
    assert publish(services) == 0
    assert versions(services, "a") == [None]


def test_another_edition_makes_a_version_of_what_differs(opened):
    publish(opened(code_system("a", title="1"), code_system("b")))
    services = opened(code_system("a", title="2"), code_system("b"), code_system("c"))
    assert publish(services) == 2
    assert versions(services, "a") == ["2", "1"]
    assert versions(services, "b") == [None]


def test_what_is_brought_no_longer_stays(opened):
    publish(opened(code_system("a"), code_system("b")))
    services = opened(code_system("a"))
    assert publish(services) == 0
    assert versions(services, "b") == [None]


def test_what_somebody_else_had_stored_there_becomes_a_version_before(opened):
    services = opened()
    context = Context.of(services, OPEN, "en")
    mine = code_system("a", title="mine")
    context.resources.create(draft(context, CODE, "a", mine, orjson.dumps(mine)))
    context.resources.delete(context.resources.read(CODE, "a"))
    services = opened(code_system("a", title="shipped"))
    assert publish(services) == 1
    assert versions(services, "a") == ["shipped", None, "mine"]


def test_of_many_that_start_at_once_each_definition_is_stored_once(opened):
    publish(opened(*(code_system(f"c{number}", title="1") for number in range(5))))
    bodies = [code_system(f"c{number}", title="2") for number in range(10)]
    processes = [opened(*bodies) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        stored = list(pool.map(publish, processes))
    assert sum(stored) == 10
    assert versions(processes[0], "c0") == ["2", "1"]
    assert versions(processes[0], "c9") == ["2"]


def test_it_is_done_in_a_thread_once_the_database_is_there(opened):
    services = opened(code_system("a"))
    done = Event()
    begin(services, done).join(timeout=30)
    assert done.is_set()
    assert versions(services, "a") == [None]


def test_with_an_edition_that_is_stored_the_database_is_asked_once(opened, monkeypatch):
    publish(opened(code_system("a")))
    services = opened(code_system("a"))
    monkeypatch.setattr(Context, "of", None)
    assert publish(services) == 0
