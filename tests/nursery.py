"""Servers and commands that start warm: forked from a process that has imported what they need.

A run of the tests starts hundreds of them, and each would be busy for seconds before it has
imported itself. A server that is forked goes on as ``tongkang serve`` does with a MongoDB that is
given: gunicorn, with the server's own file of settings. ``tongkang serve`` itself is started by
`processes.Process`, as are those servers that need more than gunicorn.

A request is one datagram: the variables and the words of the command as JSON, with it where its
output and its errors go and one end of a pair of sockets. Through that the forked process' id
comes back, and its status once it ended.
"""

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import click

_METRICS = "PROMETHEUS_MULTIPROC_DIR"
_ROOT = Path(__file__).resolve().parent.parent
_LIMIT = 1 << 16


class Born:
    """A forked server, with what tests use of `subprocess.Popen`."""

    def __init__(self, line):
        self._line = line
        self.pid = int(line.recv(32))
        self.returncode = None

    def poll(self):
        """Return the exit code, None while it runs."""
        return self._ended(0)

    def wait(self, timeout=None):
        """Return the exit code; raise TimeoutExpired if it runs on for so many seconds."""
        if self._ended(timeout) is None:
            raise subprocess.TimeoutExpired("server", timeout)
        return self.returncode

    def send_signal(self, number):
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _ended(self, seconds):
        if self.returncode is None:
            self._line.settimeout(seconds)
            try:
                self.returncode = os.waitstatus_to_exitcode(int(self._line.recv(32)))
            except (BlockingIOError, TimeoutError):
                return None
            self._line.close()
        return self.returncode


def born(words, environ, log):
    """Return a process that goes on by itself with the variables `environ`.

    `words` are those of `tongkang` or of gunicorn, the program first; it writes to the open
    file `log`.
    """
    # Those of servers that are not called gunicorn are taken for left behind.
    counted = tempfile.mkdtemp(prefix="metrics-", dir=Path(log.name).parent)
    return _asked(words, {**environ, _METRICS: counted}, log, log)


def is_seen():
    """Tell whether it is measured which lines are run: what is forked here would be missed."""
    return "coverage" in sys.modules


def ran(*words, environ, timeout=120):
    """Run a command of `tongkang` with the variables `environ`; return how it ended."""
    if is_seen():
        command = [sys.executable, "-m", "server.cli", *words]
        return subprocess.run(
            command, cwd=_ROOT, env=environ, capture_output=True, text=True, check=False
        )
    with tempfile.TemporaryFile("w+") as told, tempfile.TemporaryFile("w+") as errors:
        code = _asked(["tongkang", *words], environ, told, errors).wait(timeout)
        for each in (told, errors):
            each.seek(0)
        return subprocess.CompletedProcess(words, code, told.read(), errors.read())


def _asked(words, environ, *files):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        told = json.dumps({"words": words, "environ": environ}).encode()
        assert len(told) < _LIMIT
        descriptors = [theirs.fileno(), *(file.fileno() for file in files)]
        socket.send_fds(_nursery(), [told], descriptors)
    return Born(ours)


@cache
def _nursery():
    """Return the socket of this process' nursery, which ends when that is closed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.nursery", str(theirs.fileno())]
    with theirs:
        child = subprocess.Popen(
            command,
            cwd=_ROOT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    atexit.register(child.wait)
    atexit.register(ours.close)
    return ours


def _warm():
    """Import and read all that does not depend on settings; return what is run, by its name."""
    # What counts has to know from its import on that several processes do.
    with tempfile.TemporaryDirectory() as folder:
        os.environ[_METRICS] = folder
        import gunicorn.app.wsgiapp  # noqa: PLC0415

        import server.api.worker  # noqa: PLC0415
        import server.app  # noqa: F401, PLC0415
        from server import cli  # noqa: PLC0415
        from server.services import Interpreters  # noqa: PLC0415
        from server.settings import Settings  # noqa: PLC0415

        Interpreters.of(Settings())
        for name in cli.COMMANDS:
            cli.main.get_command(click.Context(cli.main), name)
    gc.freeze()
    return {"gunicorn": gunicorn.app.wsgiapp.run, "tongkang": cli.main}


def _tend(requests):
    """Fork a process for each request; return in that, with the words of its command."""
    # Nobody waits for those that watch.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        told, handed, _, _ = socket.recv_fds(requests, _LIMIT, 3)
        if not told:
            sys.exit()
        if os.fork() == 0:
            break
        for each in handed:
            os.close(each)
    requests.close()
    line, *files = handed
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if child := os.fork():
        for each in files:
            os.close(each)
        _watch(child, socket.socket(fileno=line))
    os.close(line)
    return _placed(json.loads(told), files)


def _watch(child, line):
    """Tell through `line` the id of `child`, then how it ended."""
    line.send(str(child).encode())
    _, status = os.waitpid(child, 0)
    line.send(str(status).encode())
    os._exit(0)


def _placed(told, files):
    """Make this process what a command in a session of its own would be; return its words."""
    os.setsid()
    for place, file in enumerate((os.open(os.devnull, os.O_RDONLY), *files)):
        os.dup2(file, place)
        os.close(file)
    os.environ.clear()
    os.environ.update(told["environ"])
    return told["words"]


def main():
    """Tend processes until nobody is left who could ask for one."""
    known = _warm()
    sys.argv = _tend(socket.socket(fileno=int(sys.argv[1])))
    known[sys.argv[0]]()


if __name__ == "__main__":
    main()
