"""A job outlives whoever does it, and nothing of it is done twice.

The processes are real, and they are killed.
"""

import os
import signal
import sys
import time

import pytest

from tests.builders import fresh, patient
from tests.jobs.asking import Caller, batch_of
from tests.processes import doing_jobs, free_port, wait_until

MANY = 1800
"""More than are stored before somebody notices that it was begun."""


@pytest.fixture(scope="module")
def server(serve):
    """A server that does no jobs itself."""
    return serve(max_entries=2000)


@pytest.fixture
def caller(server):
    return Caller(server.base)


def fates(answer):
    return [one["response"]["status"][:3] for one in answer.json()["entry"]]


def test_a_batch_goes_on_where_its_process_was_killed(caller, doing):
    system, first = f"urn:test:{fresh()}", doing()
    url = caller.leave("POST", "", batch_of(800, system=system))
    caller.begun(url, 60)
    first.kill()
    stored = len(caller.found(system))
    assert 0 < stored < 800
    assert caller.status(url).status_code == 202
    doing()
    answer = caller.wait(url)
    assert answer.status_code == 200
    # Of the few that were under way it is known that they were done, but not what came of them.
    unknown = [
        entry["response"]["outcome"]["issue"][0]["details"]["coding"][0]["code"]
        for entry in answer.json()["entry"]
        if "outcome" in entry["response"]
    ]
    assert {*unknown} <= {"entry-answer-lost"}
    assert len(unknown) <= 4
    assert fates(answer).count("201") == 800 - len(unknown)
    assert caller.found(system) == list(range(800))


def test_a_transaction_is_not_applied_again_when_its_process_dies_behind_the_commit(
    caller, doing, tmp_path
):
    system, there = f"urn:test:{fresh()}", fresh()
    caller.send("PUT", f"Patient/{there}", patient(id=there))
    bundle = batch_of(20, "transaction", system)
    changed = patient(id=there, gender="male")
    bundle["entry"] += [
        {"resource": changed, "request": {"method": "PUT", "url": f"Patient/{there}"}},
        {"request": {"method": "GET", "url": f"Patient/{there}"}},
    ]
    dying = [sys.executable, "-m", "tests.jobs.dying", str(tmp_path / "died")]
    url = caller.leave("POST", "", bundle)
    first = doing(dying)
    assert first.child.wait(60) == -signal.SIGKILL
    assert caller.found(system) == list(range(20))
    doing(dying)
    answer = caller.wait(url)
    assert fates(answer) == ["201"] * 20 + ["200", "200"]
    assert answer.json()["entry"][-1]["resource"]["gender"] == "male"
    assert caller.found(system) == list(range(20))
    history = caller.send("GET", f"Patient/{there}/_history").json()
    assert [one["resource"]["meta"]["versionId"] for one in history["entry"]] == ["2", "1"]
    made = answer.json()["entry"][0]["response"]["location"]
    assert caller.send("GET", made).status_code == 200


def test_a_transaction_that_is_killed_anywhere_is_whole_in_the_end(caller, doing):
    system = f"urn:test:{fresh()}"
    urls = []
    for pause in (0.1, 0.4):
        process = doing()
        wait_until(lambda: caller.wait(caller.leave("GET", "Patient?_count=1")).ok, 60)
        urls.append(caller.leave("POST", "", batch_of(1000, "transaction", f"{system}:{pause}")))
        time.sleep(pause)
        process.kill()
    doing()
    for url in urls:
        answer = caller.wait(url)
        assert (answer.status_code, {*fates(answer)}) == (200, {"201"})
    for pause in (0.1, 0.4):
        assert caller.found(f"{system}:{pause}") == list(range(1000))


def test_a_process_that_was_taken_for_dead_does_nothing_more(caller, doing):
    """It is stopped for longer than its lease, and then goes on beside who has the job now."""
    system, first = f"urn:test:{fresh()}", doing()
    url = caller.leave("POST", "", batch_of(800, system=system))
    caller.begun(url, 60)
    first.send(signal.SIGSTOP)
    doing()
    time.sleep(11)
    first.send(signal.SIGCONT)
    assert caller.wait(url).status_code == 200
    assert caller.found(system) == list(range(800))


def test_who_ends_in_good_order_leaves_the_job_to_others_at_once(caller, doing):
    system, first = f"urn:test:{fresh()}", doing()
    url = caller.leave("POST", "", batch_of(MANY, system=system))
    caller.begun(url, 60)
    assert first.stop() == 0
    assert caller.status(url).headers["X-Progress"] == "queued"
    doing()
    answer = caller.wait(url)
    assert fates(answer) == ["201"] * MANY
    told = caller.send("GET", f"Patient?identifier={system}|&_summary=count")
    assert told.json()["total"] == MANY


def test_a_job_outlives_the_server_that_took_it(serve, caller, server, place):
    urls = [caller.leave("GET", "Patient?_count=1") for _ in range(2)]
    assert caller.status(urls[0]).headers["X-Progress"] == "queued"
    server.stop()
    serve(job_workers=1)
    for url in urls:
        assert caller.wait(url).status_code == 200


def test_the_process_that_does_jobs_is_started_again(serve):
    server = serve(job_workers=1, port=free_port())
    caller = Caller(server.base)
    old = doing_jobs(server)
    os.kill(old, signal.SIGKILL)
    assert caller.wait(caller.leave("GET", "Patient?_count=1")).status_code == 200
    assert doing_jobs(server) != old
    assert server.stop() == 0
