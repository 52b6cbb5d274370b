"""What becomes of a job, whatever its request comes to."""

from datetime import UTC, datetime, timedelta

import pytest

from server import door
from server.fhir.outcome import NotFound, Unavailable
from server.interactions.call import Call, Result
from server.jobs import kept
from server.jobs.running import ANSWER, CALL, Runner
from server.operations.table import OPERATIONS
from server.services import Interpreters
from server.settings import Settings
from server.store import queue
from server.store.queue import Job
from tests.builders import fresh


@pytest.fixture
def taken(services):
    """Return a function that runs a new job by `perform`, and gives its id."""

    def taken(perform, begun=0, call=None):
        now = datetime.now(UTC)
        job = Job(
            id=fresh(),
            client=None,
            account=None,
            token=None,
            interaction="search-type",
            type="Patient",
            request="",
            address=None,
            language="en",
            created=now,
            expires_at=now + timedelta(minutes=1),
            attempts=begun,
        )
        services.queue.add(job)
        content = kept.content(call or Call(interaction="search-type", type="Patient"))
        services.parts.put(job.id, CALL, content, job.expires_at)
        services.queue.offer(job.id)
        assert services.queue.take() == job.id
        Runner(services, lambda: False, perform).run(job.id)
        return job.id

    return taken


def answer(services, id):
    content = services.parts.find(id, ANSWER)
    return None if content is None else kept.answer(content)


def raising(error):
    def perform(_context, _call):
        raise error

    return perform


def test_its_answer_is_kept_and_nothing_else(services, taken):
    id = taken(lambda _context, _call: Result(status=200, body=b"{}"))
    assert services.queue.find(id).state == queue.DONE
    assert answer(services, id) == Result(status=200, body=b"{}")
    assert services.parts.find(id, CALL) is None


def test_a_refusal_is_its_answer(services, taken):
    id = taken(raising(NotFound.because("url-unknown")))
    assert answer(services, id).status == 404


def test_a_fault_of_ours_tells_nothing(services, taken):
    id = taken(raising(RuntimeError("the name of a patient")))
    told = answer(services, id)
    assert (told.status, told.issues[0].message) == (500, "server-failed")


def test_what_cannot_be_done_now_is_done_later(services, taken):
    id = taken(raising(Unavailable.because("database-unavailable")))
    job = services.queue.find(id)
    assert (job.state, job.attempts) == (queue.QUEUED, 1)
    assert answer(services, id) is None
    assert services.queue.remove(id)


def test_but_not_for_ever(services, taken):
    id = taken(raising(Unavailable.because("database-unavailable")), begun=4)
    assert answer(services, id).status == 503


def test_what_ends_every_process_is_given_up(services, taken):
    id = taken(raising(AssertionError("it is not begun again")), begun=5)
    told = answer(services, id)
    assert (told.status, told.issues[0].message) == (500, "job-given-up")


def test_what_was_cancelled_meanwhile_leaves_nothing(services, taken):
    def perform(_context, _call):
        services.queue.remove(next(one.id for one in services.queue.all() if one.is_open))
        return Result(status=200)

    id = taken(perform)
    assert services.queue.find(id) is None
    assert answer(services, id) is None
    assert services.parts.find(id, CALL) is None


def test_what_changes_something_is_only_done_later_if_it_is_done_once():
    """Only bundles tell what of them is done."""
    interpreters = Interpreters.of(Settings())
    changing = {
        name for name in door.DEFERRED if door.changes(interpreters, Call(interaction=name))
    }
    assert changing == {"batch"}
    deferred = {id for id, operation in OPERATIONS.items() if operation.is_deferred}
    known = {one.id: one for one in interpreters.operations.all}
    assert [id for id in deferred if known[id].affects_state] == []
