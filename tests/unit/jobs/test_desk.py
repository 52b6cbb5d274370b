"""An operation that may be done later is left, done and given as anything else is."""

from dataclasses import replace

import orjson
import pytest

from server import door
from server.access.policy import OPEN
from server.context import Context
from server.fhir.outcome import NotFound
from server.interactions.call import Call, Preference
from server.jobs import desk
from server.jobs.running import Runner
from server.operations import table
from tests.builders import patient


@pytest.fixture
def context(services):
    return Context.of(services, OPEN, "en")


@pytest.fixture
def deferred(monkeypatch):
    """Have $meta be an operation that may be done later."""
    later = replace(table.OPERATIONS["meta"], is_deferred=True)
    monkeypatch.setitem(table.OPERATIONS, "meta", later)


def origin():
    return desk.Origin(None, desk.Event(act=None, request="GET Patient/a/$meta"))


@pytest.fixture
def call(context):
    made = Call(interaction="create", type="Patient", body=orjson.dumps(patient()))
    id = orjson.loads(door.perform(context, made).body)["id"]
    waits_not = Preference(respond_async=True)
    return Call(
        interaction="operation", operation="meta", type="Patient", id=id, preference=waits_not
    )


def test_it_is_done_at_once_unless_its_table_says_otherwise(context, call):
    assert desk.begin(context, call, origin).status == 200
    assert not desk.changes(context.interpreters, call)


def test_it_is_left_done_and_given(context, services, call, deferred):
    assert desk.changes(context.interpreters, call)
    left = desk.begin(context, call, origin)
    assert left.status == 202
    id = left.headers["Content-Location"].rpartition("/")[2]
    asked = Call(interaction="job-status", id=id)
    assert desk.begin(context, asked, origin).headers["X-Progress"] == "queued"
    assert services.queue.take() == id
    assert desk.begin(context, asked, origin).headers["X-Progress"] == "in progress"
    Runner(services, lambda: False).run(id)
    now = door.perform(context, replace(call, preference=Preference()))
    later = desk.begin(context, asked, origin)
    assert (later.status, later.body, later.disclosed) == (now.status, now.body, now.disclosed)


def test_an_operation_that_is_not_there_is_not_found_at_once(context, call):
    with pytest.raises(NotFound):
        desk.begin(context, replace(call, operation="unheard-of"), origin)
