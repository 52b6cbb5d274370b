"""The sample client of docs/examples, run as its text says, on a server that asks for tokens."""

import csv
import re
import subprocess
import sys

import pytest

from server.fhir.json import dumps
from tests import processes
from tests.intake import files
from tests.jobs.conftest import guarded, jobs_process
from tests.portal.conftest import services

__all__ = ["guarded", "services"]
CLIENT = processes.ROOT / "docs/examples/emr_push.py"


@pytest.fixture(scope="module")
def doer(guarded, tmp_path_factory):
    """The process that does the jobs of that server."""
    process = jobs_process(tmp_path_factory.mktemp("doer") / "jobs.log", **guarded.settings)
    process.start()
    yield process
    process.stop()


def run(folder, *arguments, status=0):
    done = subprocess.run(
        [sys.executable, CLIENT, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def approved(guarded, client):
    command = [sys.executable, "-m", "server.cli", "clients", "approve", client, "--unlimited"]
    process = processes.Process(command, guarded.log, **guarded.settings)
    assert process.start().child.wait(60) == 0


def test_an_emr_registers_pushes_a_visit_and_a_file(guarded, doer, services, tmp_path):
    client = run(tmp_path, guarded.base, "register").strip()
    approved(guarded, client)
    dataset = services.interpreters.datasets.find("InpatientFrontPage")
    record = dataset.read(files.front_page(1)).record
    (tmp_path / "visit.json").write_bytes(dumps(record))
    rows = [files.front_page(number) for number in range(1, 5)]
    rows[3]["离院方式代码"] = "Z"
    (tmp_path / "pages.csv").write_bytes(files.csv_of(rows))
    push = (guarded.base, "push", client, "visit.json", "pages.csv", "InpatientFrontPage")
    assert len(run(tmp_path, guarded.base, "token", client).split()) == 1
    said = run(tmp_path, *push)
    assert "visit.json: 201" in said
    assert "pages.csv: taken 3" in said
    assert "pages.csv: unchanged 1" in said
    assert "pages.csv: rejected 1" in said
    with (tmp_path / "rejects.csv").open(encoding="utf-8-sig", newline="") as table:
        (reject,) = csv.DictReader(table)
    assert (reject["病案号"], reject["_element"]) == ("00000004", "离院方式代码")
    assert "visit.json: 200" in run(tmp_path, *push)
    assert (tmp_path / "rejects.csv").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "rejects.1.csv").exists()
    (tmp_path / "pages.csv").write_bytes(files.csv_of(rows[:3]))
    assert "kept as" in run(tmp_path, *push)
    assert not (tmp_path / "rejects.csv").exists()
    assert (tmp_path / "rejects.2.csv").exists()


def test_a_key_is_never_replaced(guarded, tmp_path):
    key = tmp_path / "emr-key.json"
    key.write_text("{}")
    assert str(key) in run(tmp_path, guarded.base, "register", status=1)
    assert key.read_text() == "{}"


def test_what_the_server_refuses_is_said_in_its_words(guarded, doer, services, tmp_path):
    client = run(tmp_path, guarded.base, "register").strip()
    assert (tmp_path / "emr-key.json").stat().st_mode & 0o777 == 0o600
    said = run(tmp_path, guarded.base, "token", client, status=1)
    assert re.match(r"40[01]: \w.* \w", said), said
    approved(guarded, client)
    (tmp_path / "visit.json").write_text('{"resourceType":"EncounterRecord"}')
    push = (guarded.base, "push", client, "visit.json", "pages.csv", "InpatientFrontPage")
    said = run(tmp_path, *push, status=1)
    assert said.startswith("422: ")
    assert "{" not in said
    run(tmp_path, "http://localhost:1/fhir", "token", client, status=1)
    run(tmp_path, f"{guarded.base}/x", "token", client, status=1)
