"""A server that does what is left to it, and its database, for files to be imported."""

import secrets
import subprocess
import sys

import pytest

from tests import processes
from tests.jobs.asking import Caller
from tests.jobs.conftest import jobs_process


@pytest.fixture(scope="session")
def hospital(mongodb_url, tmp_path_factory):
    """A server that asks nobody who they are, beside a process that does jobs, its `doer`."""
    folder = tmp_path_factory.mktemp("hospital")
    settings = {
        "mongodb_url": mongodb_url,
        "database": f"test_{secrets.token_hex(6)}",
        "data_folder": folder,
        "access": "open",
        "log_level": "warning",
        "workers": 1,
        "port": processes.free_port(),
    }
    server = processes.Server(folder / "server.log", **settings)
    server.settings = settings
    server.start()
    server.doer = jobs_process(folder / "jobs.log", **settings).start()
    try:
        yield server.ready()
    finally:
        server.doer.stop()
        server.end()


@pytest.fixture
def caller(hospital):
    return Caller(hospital.base)


@pytest.fixture
def count(caller):
    """Return a function that tells how many resources of a type there are."""

    def count(type):
        answer = caller.send("GET", f"{type}?_summary=count&_total=accurate")
        return answer.json()["total"]

    return count


@pytest.fixture
def command(hospital):
    """Return a function that gives `tongkang import` on the database, not started."""

    def command(*arguments):
        return processes.Process(
            [sys.executable, "-m", "server.cli", "import", *map(str, arguments)],
            hospital.settings["data_folder"] / "import.log",
            language="en",
            **hospital.settings,
        )

    return command


@pytest.fixture
def imported(command):
    """Return a function that imports a file, and gives the status and what was said."""

    def imported(*arguments):
        process = command(*arguments)
        done = subprocess.run(
            process.command,
            env=process.environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return imported


@pytest.fixture
def file(tmp_path):
    """Return a function that writes a file."""

    def file(content, name="rows.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return file


@pytest.fixture
def reports(caller):
    """Return a function that gives numerator and denominator, by code, of what is counted."""

    def reports(query):
        found = caller.send("GET", f"MeasureReport?{query}&_count=100").json().get("entry", ())
        return [
            {
                group["code"].get("text") or group["code"]["coding"][0]["code"]: tuple(
                    one["count"] for one in group["population"]
                )
                for group in entry["resource"]["group"]
            }
            for entry in found
        ]

    return reports
