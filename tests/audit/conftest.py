"""Services on a database with a trail of several lanes."""

import secrets
from contextlib import contextmanager
from dataclasses import replace

import pytest

from server.access.caller import Caller, Party
from server.audit.event import Event, rest
from server.interactions.call import Disclosed
from server.services import Interpreters, Services
from server.settings import Settings

DOCTOR = Caller(
    kind="staff",
    account="a1",
    person=Party("Practitioner/p1", "王医生"),
    organization=Party("Organization/o1", "第一医院"),
    division="350206",
    role="clinician",
    client=Party("emr-1", "EMR"),
)


def read_of(number):
    """Return the event of reading an Observation."""
    shown = (Disclosed("Observation", f"o{number}", 1, (f"Patient/p{number}",)),)
    line = f"GET Observation/o{number}"
    return Event(act=rest("read"), caller=DOCTOR, address="10.0.0.8", request=line, shown=shown)


@pytest.fixture(scope="session")
def interpreters(mongodb_url):
    return Interpreters.of(Settings(mongodb_url=mongodb_url))


@contextmanager
def processes(mongodb_url, mongodb, interpreters):
    """Give a function that makes the services of one more process on one new database."""
    name = f"test_{secrets.token_hex(6)}"
    settings = Settings(mongodb_url=mongodb_url, database=name)
    made = []

    def new():
        made.append(Services.open(replace(interpreters, settings=settings), bytes))
        return made[-1]

    yield new
    for services in made:
        services.close()
    mongodb.drop_database(name)


@pytest.fixture
def new_process(mongodb_url, mongodb, interpreters):
    """Return a function that makes the services of one more process on the same database."""
    with processes(mongodb_url, mongodb, interpreters) as new:
        yield new
