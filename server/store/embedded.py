"""A private mongod, for trying the server out and for tests.

It listens on loopback, asks for a password of its own, and keeps everything in
one folder: ``data``, ``mongod.log``, ``secret``, ``port`` (the last one used)
and ``lock``, held by the process that the folder belongs to.
"""

import fcntl
import os
import random
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from server.store import replica
from server.store.child import ended, started
from server.store.mongod import CannotStart, arguments, executable, surroundings

if TYPE_CHECKING:
    from subprocess import Popen

_ADDRESS_IN_USE = 48
_LARGEST_LOG = 16 * 1024 * 1024
_PATIENCE = 60.0
_MOMENT = 0.02


class EmbeddedMongo:
    """The mongod of `folder`; ``with EmbeddedMongo(folder) as url`` runs it for the block.

    A caller with other things to do meanwhile calls `start`, and then
    `is_settled` until it is true. Both belong to one thread, which must live as
    long as the mongod is wanted.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._child: Popen[bytes] | None = None
        self._lock = _locked(self._folder / "lock")
        try:
            (self._folder / "data").mkdir(mode=0o700, exist_ok=True)
            self._secret = _secret(self._folder / "secret")
            self._program = executable()
            self._environ = surroundings(self._program, self._folder)
        except BaseException:
            os.close(self._lock)
            raise
        self._ports = _free_ports(self._folder / "port")
        self._port = next(self._ports)

    @property
    def url(self) -> str:
        """The URL to connect to, with its password."""
        return replica.url(self._port, self._secret)

    @property
    def is_new(self) -> bool:
        """Whether the folder has never held a database."""
        return not (self._folder / "data" / "WiredTiger").exists()

    @property
    def is_running(self) -> bool:
        """Whether mongod runs; it may not take writes yet."""
        return self._child is not None and self._child.poll() is None

    @property
    def log(self) -> Path:
        """Where mongod writes what it does."""
        return self._folder / "mongod.log"

    def start(self) -> None:
        """Start mongod, after ending one that a killed parent left behind.

        The `url` changes if somebody else has taken the port.
        """
        if self._child is not None and self._child.poll() == _ADDRESS_IN_USE:
            self._port = next(self._ports)
        _end_survivor(self._folder / "data")
        _rotate(self.log)
        (self._folder / "port").write_text(str(self._port), "ascii")
        command = [str(self._program), *arguments(self._folder, self._port)]
        self._child = started(command, self._environ, self._folder / "mongod.out")

    def is_settled(self) -> bool:
        """Take the next step of starting; tell whether mongod now takes writes.

        Raises CannotStart if mongod has given up.
        """
        code = None if self._child is None else self._child.poll()
        if code == _ADDRESS_IN_USE:
            self.start()
        elif code is not None:
            raise CannotStart.because("mongod-failed", code=code, log=self.log)
        return _listens(self._port) and replica.is_settled(self._port, self._secret)

    def settle(self, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Wait until mongod takes writes, or is no longer wanted.

        Raises CannotStart if it has given up, or takes longer than a minute.
        """
        deadline = time.monotonic() + _PATIENCE
        while is_wanted() and not self.is_settled():
            if time.monotonic() > deadline:
                raise CannotStart.because("mongod-slow", log=self.log)
            time.sleep(_MOMENT)

    def stop(self) -> None:
        """End mongod in good order and give the folder free."""
        if self._child is not None:
            ended(self._child, _PATIENCE)
            self._child = None
        os.close(self._lock)

    def __enter__(self) -> str:
        try:
            self.start()
            self.settle()
        except BaseException:
            self.stop()
            raise
        return self.url

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def running_url(folder: Path) -> str | None:
    """Return the URL of the mongod that another process runs on `folder`, or None if none does."""
    folder = folder.absolute()
    if not (folder / "lock").exists():
        return None
    try:
        os.close(_locked(folder / "lock"))
    except CannotStart:
        port = int((folder / "port").read_text("ascii"))
        return replica.url(port, _secret(folder / "secret"))
    return None


def _locked(file: Path) -> int:
    """Return a descriptor that holds the lock on `file`; the system frees it when we die.

    Raises CannotStart if another process holds it.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise CannotStart.because("folder-in-use", folder=file.parent, process=holder) from error
    os.truncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode("ascii"))
    return descriptor


def _secret(file: Path) -> str:
    """Return the password in `file`, made up if there is none yet."""
    if not file.exists() or not file.read_text("ascii"):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(descriptor, secrets.token_hex(32).encode("ascii"))
        os.fsync(descriptor)
        os.close(descriptor)
    return file.read_text("ascii")


def _free_ports(remembered: Path) -> Iterator[int]:
    """Yield ports that are free just now: the remembered one, then others at random.

    They lie below those that systems give to outgoing connections.
    """
    if (
        remembered.exists()
        and (last := remembered.read_text("ascii")).isdigit()
        and _free(int(last))
    ):
        yield int(last)
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - not a secret
        if _free(port):
            yield port


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _rotate(log: Path) -> None:
    """Begin a new log when the old one is large; keep one old log."""
    if log.exists() and log.stat().st_size > _LARGEST_LOG:
        log.replace(log.with_suffix(".log.old"))


def _end_survivor(data: Path) -> None:
    """End the mongod that still uses `data`: nobody else may, since we hold the lock."""
    lock = data / "mongod.lock"
    text = lock.read_text("ascii").strip() if lock.exists() else ""
    if not text.isdigit() or not _uses(int(text), data):
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.kill(int(text), number)
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if not _uses(int(text), data):
                return
            time.sleep(_MOMENT)


def _uses(process: int, data: Path) -> bool:
    """Tell whether `process` is a mongod that runs on `data`."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:  # it has ended, or the system has no /proc
        return False
    return os.fsencode(data) in words
