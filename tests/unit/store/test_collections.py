"""Collections and indexes are made once, at the first write, and nobody waits long for them."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from server.access.visibility import EVERYTHING
from server.fhir.outcome import Unavailable
from server.store.database import Store, connect
from server.store.documents import Draft
from tests.unit.store.conftest import Spec

PATIENCE = 1.0
SPEC = Spec("t_id", (("t", 1), ("_id", 1)))


class Table:
    """Says which indexes a type has, of all but Flag once it may; `asked` counts how often."""

    def __init__(self):
        self.may_answer = Event()
        self.asked = 0

    def __call__(self, type):
        self.asked += 1
        assert type == "Flag" or self.may_answer.wait(30)
        return [SPEC]


@pytest.fixture
def table():
    table = Table()
    yield table
    table.may_answer.set()


@pytest.fixture
def opened(mongodb_url, database, table):
    """A store whose operations end within a second; what it makes waits for the table."""
    client = connect(mongodb_url, PATIENCE)
    yield Store.open(client, database.name, table, ZoneInfo("UTC"))
    client.close()


def draft(type):
    return Draft(type, str(uuid4()), b'{"resourceType":"%s"}' % type.encode(), {})


def test_many_first_writes_make_them_once(opened, table):
    table.may_answer.set()
    resources = opened.resources(EVERYTHING)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: resources.create(draft("Group")), range(16)))
    assert table.asked == 1
    assert set(opened.engine.collections.current("Group").index_information()) == {"_id_", "t_id"}


def test_everyone_who_would_wait_too_long_is_told_in_time_and_may_come_back(opened, table):
    resources = opened.resources(EVERYTHING)

    def attempt(_):
        begun = time.monotonic()
        with pytest.raises(Unavailable) as refusal:
            resources.create(draft("List"))
        assert refusal.value.headers["Retry-After"]
        return time.monotonic() - begun

    with ThreadPoolExecutor(4) as pool:
        assert max(pool.map(attempt, range(8))) < 3 * PATIENCE
    table.may_answer.set()
    assert resources.create(draft("List")).version == 1
    assert table.asked == 1


def test_other_types_do_not_wait(opened, table):
    resources = opened.resources(EVERYTHING)
    with pytest.raises(Unavailable):
        resources.create(draft("Basic"))
    assert resources.create(draft("Flag")).version == 1


def test_what_failed_is_tried_again(opened, table):
    resources = opened.resources(EVERYTHING)
    table.may_answer.set()
    name = "Bad$Name" + "x" * 250
    with pytest.raises(Unavailable):
        resources.create(draft(name))
    with pytest.raises(Unavailable):
        resources.create(draft(name))
    assert table.asked == 2
