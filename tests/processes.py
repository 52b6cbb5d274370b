"""Real processes for tests to start, stop and kill."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from server.cli.supervisor import gunicorn_command
from tests import nursery, stocking

ROOT = Path(__file__).resolve().parent.parent
APPLICATION = "server.wsgi:app"


def free_port():
    """Return a port of loopback that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    """Tell whether somebody accepts connections at this port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def status(url, timeout=5):
    """Return the HTTP status that `url` answers with, 0 if nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            return response.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def text(url):
    """Return what `url` answers."""
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.read().decode()


def wait_until(holds, seconds=30.0, interval=0.05):
    """Wait until `holds()` is true; fail with its name if it does not come to be."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {holds}"
        time.sleep(interval)


def is_alive(process):
    """Tell whether the process with this id runs, and is not a zombie."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z"


def children(process):
    """Return the ids of the processes whose parent is `process`."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process:
            found.append(int(stat.parent.name))
    return found


def named(processes, word):
    """Return those of `processes` whose command line has `word` in it."""
    return [process for process in processes if word in command_line(process)]


def command_line(process):
    """Return the words of the process with this id, each ended by NUL; none if it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def doing_jobs(server):
    """Return the id of the process under `tongkang serve` that does jobs, once it runs.

    What starts it has the same words behind its own, and has none at all while it becomes it.
    """
    line = "".join(f"{word}\0" for word in (sys.executable, "-m", "server.cli", "jobs"))
    found = []

    def runs():
        found[:] = [one for one in children(server.child.pid) if command_line(one) == line]
        return found

    wait_until(runs, 60)
    (process,) = found
    return process


class Process:
    """A command in a session of its own, with the variables TONGKANG_* given and no others."""

    def __init__(self, command, log, **settings):
        self.command, self.log = command, Path(log)
        ours = {key: value for key, value in os.environ.items() if not key.startswith("TONGKANG_")}
        self.environ = ours | {f"TONGKANG_{key.upper()}": str(settings[key]) for key in settings}
        self.child = None

    def start(self):
        with self.log.open("ab") as log:
            self.child = self._started(log)
        return self

    def _started(self, log):
        return subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def send(self, number):
        self.child.send_signal(number)

    def stop(self, number=signal.SIGTERM, seconds=40):
        """End it in good order and return its exit code."""
        if self.child.poll() is None:
            self.child.send_signal(number)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        """End it, and every process below it, at once."""
        # The parent first: gunicorn would replace a killed worker, and that one keep the port.
        for process in (self.child.pid, *children(self.child.pid)):
            if is_alive(process):
                os.kill(process, signal.SIGKILL)
        return self.child.wait(10)


class Command(Process):
    """`tongkang` with these words, which goes on by itself."""

    def __init__(self, *words, log, **settings):
        super().__init__([sys.executable, "-m", "server.cli", *words], log, **settings)
        self._words = words

    def _started(self, log):
        if nursery.is_seen():
            return super()._started(log)
        return nursery.born(["tongkang", *self._words], self.environ, log)


class Server(Process):
    """gunicorn with `application`, as `tongkang serve` runs it when it is given a MongoDB."""

    def __init__(self, log, application=APPLICATION, **settings):
        calm = {"log_level": "warning", "access": "open", "job_workers": 0, "large_tables": "off"}
        settings = {"port": free_port(), **calm, **settings}
        command = [sys.executable, "-m", "server.cli", "serve", "--application", application]
        super().__init__(command, log, **settings)
        self.root = f"http://127.0.0.1:{settings['port']}"
        self.base = f"{self.root}/fhir"
        # Other applications publish nothing.
        database = settings.get("database") if application == APPLICATION else None
        self._stocked = settings.get("mongodb_url"), database
        is_test = "PYTEST_VERSION" in os.environ and not nursery.is_seen()
        self._is_warm = is_test and "mongodb_url" in settings and not settings["job_workers"]
        self._is_first = False
        self._application = application

    def cold(self):
        """Have it started by the command itself, and return it."""
        self._is_warm = False
        return self

    def start(self):
        """Start it; if its mongod is the tests' own, what is published is stored already."""
        url, database = self._stocked
        if url in stocking.OURS and database is not None:
            self._is_first |= stocking.stock(url, database)
        return super().start()

    def end(self):
        """End it, as fast as can be if nothing else runs for it, and the database it made."""
        (self.kill if self._is_warm else self.stop)()
        if self._is_first:
            stocking.drop(*self._stocked)

    def _started(self, log):
        if self._is_warm:
            return nursery.born(gunicorn_command(self._application)[2:], self.environ, log)
        return super()._started(log)

    def ready(self):
        """Wait until it answers /readyz with 200, and return it."""

        def is_ready():
            assert self.child.poll() is None, self.log.read_text()[-4000:]
            return status(f"{self.root}/readyz") == 200

        wait_until(is_ready, 60)
        return self


def all_halted(process):
    """Tell whether every thread of the process has come to rest."""
    stats = Path(f"/proc/{process}/task").glob("*/stat")
    return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in stats)
