"""The spool when others are busy, stopped or in the way: all is still stored, and nobody hangs."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from msgspec import structs

from server.fhir.outcome import Unavailable
from server.store import spool
from server.store.spool import Segment, Spool
from tests.audit.conftest import read_of
from tests.audit.test_spool import (
    CHANGE,
    LEFT,
    killed,
    name,
    new_process,
    slow,
    spooled,
    stored,
)
from tests.processes import ROOT

__all__ = ["killed", "name", "new_process", "stored"]


@pytest.fixture
def stopped(mongodb_url, name, tmp_path):
    """Have a process record five reads and stop it, so that it holds them."""
    command = [sys.executable, "-c", LEFT, mongodb_url, name, str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    ) as child:
        assert child.stdout.readline() == b"written\n"
        child.send_signal(signal.SIGSTOP)
        yield
        child.kill()


def test_who_reads_the_trail_waits_for_what_is_on_its_way(new_process, stored, monkeypatch):
    slow(monkeypatch)
    services = new_process()
    services.trail.append(CHANGE)
    services.trail.append(read_of(1))
    begun, put = threading.Event(), services.trail._tail.put

    def slowly(items):
        begun.set()
        time.sleep(0.5)
        put(items)

    monkeypatch.setattr(services.trail._tail, "put", slowly)
    other = threading.Thread(target=services.trail.confirm)
    other.start()
    begun.wait()
    services.trail.settle()
    found = stored()
    other.join()
    assert found == [0, 1]


def test_who_reads_the_trail_does_not_wait_for_what_comes_meanwhile(new_process, monkeypatch):
    slow(monkeypatch)
    services = new_process()
    services.trail.append(CHANGE)
    services.trail.append(read_of(1))
    confirm, times = services.trail.confirm, []

    def confirm_and_record():
        confirm()
        times.append(1)
        assert len(times) < 5
        services.trail.append(read_of(2))

    monkeypatch.setattr(services.trail, "confirm", confirm_and_record)
    services.trail.settle()
    assert len(times) == 1


def test_a_new_process_does_not_wait_for_one_that_is_stopped(stopped, new_process):
    services = new_process()
    services.trail.begin()
    assert services.trail.epoch() > 0
    with pytest.raises(Unavailable):
        services.trail.settle()


def test_a_folder_that_was_away_for_a_moment_is_used_again(new_process, stored, tmp_path, name):
    services = new_process()
    services.trail.append(read_of(1))
    services.trail.settle()
    folder, away = tmp_path / name, tmp_path / "away"
    folder.rename(away)
    folder.touch()
    with pytest.raises(Unavailable):
        services.trail.append(read_of(0))
    with pytest.raises(Unavailable):
        services.trail.settle()
    time.sleep(0.3)
    folder.unlink()
    away.rename(folder)
    services.trail.append(read_of(2))
    deadline = time.monotonic() + 10
    while len(stored()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert stored() == [1, 2]


def test_what_cannot_be_opened_is_told_of_and_keeps_no_descriptor(new_process, tmp_path, name):
    services = new_process()
    in_the_way = tmp_path / name / "0.spool"
    in_the_way.mkdir(parents=True)
    with pytest.raises(Unavailable):
        services.trail.settle()
    in_the_way.rmdir()
    services.trail.settle()


def test_a_segment_that_cannot_be_read_is_left_to_the_next_one(
    killed, new_process, stored, monkeypatch
):
    services = new_process()

    def damaged(*_args):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Segment, "text", damaged)
        with pytest.raises(Unavailable):
            services.trail.settle()
    new_process().trail.settle()
    assert stored() == list(range(5))


def test_what_cannot_be_removed_is_removed_later(new_process, stored, tmp_path, name, monkeypatch):
    slow(monkeypatch)
    services = new_process()
    services.trail.append(read_of(1))

    def denied(*_args):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Spool, "drop", denied)
        services.trail.confirm()
        assert len(spooled(tmp_path, name)) == 1
    services.trail.confirm()
    assert spooled(tmp_path, name) == []
    assert stored() == [1]


@pytest.mark.usefixtures("killed")
@pytest.mark.parametrize("gone", [slice(20, None), slice(0, 20), slice(20, 40)])
def test_what_was_cut_off_is_in_nobodys_way(new_process, stored, tmp_path, name, gone):
    """A process may have been killed when it had written any part of its last line."""
    (left,) = (tmp_path / name).glob("*.spool")
    *lines, last = left.read_bytes().rstrip(b"\0").splitlines(keepends=True)
    cut = bytearray(last)
    cut[gone] = bytes(len(cut[gone]))
    left.write_bytes(b"".join([*lines, cut, bytes(1000)]))
    new_process().trail.settle()
    assert stored() == list(range(4))
    assert spooled(tmp_path, name) == []


def test_a_disk_without_room_gives_nothing_and_keeps_nothing(new_process, tmp_path, monkeypatch):
    services = new_process()

    def full(*_args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(Unavailable):
            services.trail.append(read_of(1))
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []
    services.trail.append(read_of(2))


def test_more_is_written_than_fits_into_a_segment(new_process, stored, monkeypatch):
    monkeypatch.setattr(spool, "_SIZE", 1000)
    slow(monkeypatch)
    services = new_process()
    for number in range(20):
        services.trail.append(read_of(number))
    services.trail.settle()
    assert stored() == list(range(20))


def test_a_change_that_was_refused_is_not_waited_for(new_process):
    services = new_process()
    refused = structs.replace(read_of(1), outcome="4")
    services.trail.append(refused, services.trail.announce(is_change=True))
    assert not services.trail._queue._announced


def test_what_was_left_is_removed_only_once_what_the_trail_has_is_durable(
    killed, new_process, mongodb, name, tmp_path
):
    (left,) = (tmp_path / name).glob("*.spool")
    lines = left.read_bytes()
    first = new_process()
    first.trail.begin()
    other = new_process()
    left.write_bytes(lines)
    mongodb[name].command("profile", 2)
    other.trail.settle()
    mongodb[name].command("profile", 0)
    rows = mongodb[name]["system.profile"].find({"ns": {"$regex": "AuditEvent$|_lanes$"}})
    told = ["$max" in str(row["command"]) or row["op"] for row in rows.sort("$natural", 1)]
    assert True in told[: told.index("query")]
    assert spooled(tmp_path, name) == []
