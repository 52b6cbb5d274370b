"""The process that runs others beside gunicorn, starts them and ends them in good order.

These are the private mongod, if no other is given, and the process that does jobs. Either is
started again when it dies; when gunicorn ends, everything ends.
"""

import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from server import content
from server.settings import PREFIX, Settings
from server.store.child import ended, started
from server.store.embedded import EmbeddedMongo
from server.store.mongod import CannotStart

if TYPE_CHECKING:
    from subprocess import Popen

_MOMENT = 0.05
_GRACE = 15.0
_MOST_DEATHS = 5
_DEATHS_WITHIN = 60.0
_JOBS_PAUSE = 5.0


def gunicorn_command(application: str) -> list[str]:
    """Return how gunicorn is called to serve `application`."""
    return [sys.executable, "-m", "gunicorn", "-c", str(content.GUNICORN_CONF), application]


def local_url(settings: Settings, path: str) -> str:
    """Return the URL of `path` as this machine reaches it, whatever the public one is."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}{path}"


class Supervisor:
    """Runs `application` on the database that is set, or on a private mongod in the data folder.

    `announce` is called once, when a server with a private mongod is ready.
    """

    def __init__(
        self, settings: Settings, application: str, announce: Callable[[Settings], None]
    ) -> None:
        self._settings = settings
        self._application = application
        self._announce = announce
        self._demo_wanted = settings.data_folder / "demo-wanted"
        self._signals: list[int] = []
        self._deaths: list[float] = []
        self._gunicorn: Popen[bytes] | None = None
        self._demo: Popen[bytes] | None = None
        self._jobs: Popen[bytes] | None = None
        self._jobs_due = 0.0
        self._served = ""
        self._is_new = self._is_settled = self._is_announced = False

    def run(self) -> int:
        """Run until a signal comes or gunicorn ends; return the exit code.

        Raises CannotStart if the port or the data folder is taken, or mongod does not run.
        """
        _require_free(self._settings)
        with self._noting_signals():
            mongo = self._private()
            try:
                return self._supervise(mongo)
            finally:
                children = ((self._demo, 1.0), (self._jobs, _GRACE), (self._gunicorn, _GRACE))
                for child, patience in children:
                    if child is not None:
                        ended(child, patience)
                if mongo is not None:
                    mongo.stop()

    def _private(self) -> EmbeddedMongo | None:
        if self._settings.mongodb_url is not None:
            return None
        return EmbeddedMongo(self._settings.data_folder / "mongodb")

    def _supervise(self, mongo: EmbeddedMongo | None) -> int:
        if mongo is not None:
            self._is_new = mongo.is_new
            if self._is_new and self._settings.demo_residents:
                self._demo_wanted.touch()
            mongo.start()
        while not self._signals:
            if mongo is not None:
                self._keep_mongod(mongo)
            self._keep_gunicorn(mongo.url if mongo else self._settings.mongodb_url or "")
            if self._gunicorn is not None and (code := self._gunicorn.poll()) is not None:
                return _exit_code(code)
            self._follow()
            time.sleep(_MOMENT)
        return 0

    def _keep_mongod(self, mongo: EmbeddedMongo) -> None:
        """Start mongod again if it died; take the next step until it takes writes."""
        if not mongo.is_running:
            now = time.monotonic()
            self._deaths = [at for at in self._deaths if at > now - _DEATHS_WITHIN] + [now]
            if len(self._deaths) > _MOST_DEATHS:
                raise CannotStart.because("mongod-dies", log=mongo.log)
            self._is_settled = False
            mongo.start()
        elif not self._is_settled:
            self._is_settled = mongo.is_settled()

    def _keep_gunicorn(self, url: str) -> None:
        """Start gunicorn, beside a mongod that is still starting unless that one is new.

        If mongod had to move to another port, gunicorn is started again with its new URL.
        """
        if url == self._served or (self._is_new and not self._is_settled):
            return
        if self._gunicorn is not None:
            ended(self._gunicorn, _GRACE)
        self._served = url
        self._gunicorn = started(gunicorn_command(self._application), self._environ())

    def _follow(self) -> None:
        """See to what comes once the server is ready: the announcement, the demo region, jobs."""
        if not self._is_announced:
            if not _answers(local_url(self._settings, "/readyz")):
                return
            self._is_announced = True
            if self._settings.mongodb_url is None:
                self._announce(self._settings)
            if self._demo_wanted.exists():
                count = str(self._settings.demo_residents)
                command = [sys.executable, "-m", "server.cli", "demo", "--residents", count]
                self._demo = started(command, self._environ())
        if self._demo is not None and (code := self._demo.poll()) is not None:
            self._demo = None
            if code == 0 and self._demo_wanted.exists():  # else it is tried again at the next start
                self._demo_wanted.unlink()
                self._demo = self._accounts()
        self._keep_jobs()

    def _keep_jobs(self) -> None:
        """Start the process that does jobs, again if it has died, unless there shall be none."""
        is_running = self._jobs is not None and self._jobs.poll() is None
        if is_running or not self._settings.job_workers or time.monotonic() < self._jobs_due:
            return
        self._jobs_due = time.monotonic() + _JOBS_PAUSE
        self._jobs = started([sys.executable, "-m", "server.cli", "jobs"], self._environ())

    def _accounts(self) -> "Popen[bytes] | None":
        """Have accounts made to try the demo region with, and told once, if anybody is asked."""
        if self._settings.access == "open" or self._settings.mode == "production":
            return None
        command = [sys.executable, "-m", "server.cli", "account", "demo", "--unless-told"]
        return started(command, self._environ())

    def _environ(self) -> Mapping[str, str]:
        # Its data is in this folder anyway.
        spool = {f"{PREFIX}SPOOL_FOLDER": str(self._settings.data_folder / "spool")}
        given = {**os.environ, f"{PREFIX}MONGODB_URL": self._served}
        return given if self._settings.mongodb_url is not None else {**spool, **given}

    @contextmanager
    def _noting_signals(self) -> Iterator[None]:
        """Note signals instead of dying of them; the loop looks at what was noted."""

        def note(number: int, _frame: object) -> None:
            self._signals.append(number)

        wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, note) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _exit_code(code: int) -> int:
    """Return what a shell would say of a child that ended with `code`."""
    return code if code >= 0 else 128 - code


def _require_free(settings: Settings) -> None:
    """Raise CannotStart if somebody else listens on our port."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            address = f"{settings.host}:{settings.port}"
            raise CannotStart.because("port-taken", address=address) from error


def _answers(url: str) -> bool:
    """Tell whether `url` answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own http URL
            return bool(response.status == 200)
    except OSError:
        return False
