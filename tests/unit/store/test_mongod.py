"""mongod is found on the PATH or in its wheel, and given the library that a bare system lacks."""

import os
import stat
from pathlib import Path

import pytest

from server.store.mongod import CannotStart, arguments, executable, surroundings


def program(folder, *lines):
    """Return a program of its own that stands where mongod may stand."""
    file = folder / "mongod"
    file.write_text("\n".join(["#!/bin/sh", *lines]))
    file.chmod(0o755)
    return file


def test_the_mongod_of_the_system_comes_first(tmp_path, monkeypatch):
    theirs = program(tmp_path, "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert executable() == theirs


def test_without_one_the_mongod_of_the_wheel_is_taken_and_can_be_run(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = executable()
    assert found.parts[-4:] == ("fiftyone", "db", "bin", "mongod")
    assert found.stat().st_mode & stat.S_IXUSR


def test_a_mongod_that_runs_needs_nothing_else(tmp_path):
    assert surroundings(program(tmp_path, "exit 0"), tmp_path) == os.environ
    assert not (tmp_path / "lib").exists()


def test_a_missing_libcurl_is_taken_from_the_wheel_of_pycurl(tmp_path):
    picky = program(tmp_path, 'test -e "${LD_LIBRARY_PATH%%:*}/libcurl.so.4"')
    for _ in range(2):  # the second start finds what the first has made
        given = surroundings(picky, tmp_path)
        folders = [Path(folder) for folder in given["LD_LIBRARY_PATH"].split(":")]
        assert (folders[0] / "libcurl.so.4").resolve().parent == folders[1]


def test_a_mongod_that_does_not_run_at_all_is_refused(tmp_path):
    with pytest.raises(CannotStart) as refusal:
        surroundings(program(tmp_path, "exit 127"), tmp_path)
    assert refusal.value.issues[0].message == "mongod-broken"


def test_it_listens_on_loopback_only_and_asks_for_a_password(tmp_path):
    words = arguments(tmp_path, 20123)
    assert words[words.index("--bind_ip") + 1] == "127.0.0.1"
    assert words[words.index("--keyFile") + 1] == str(tmp_path / "secret")
    assert "--nounixsocket" in words
